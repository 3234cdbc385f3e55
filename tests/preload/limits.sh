#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Resource limits: a program that goes on with what it is given ends well under each, with the control thread and with
# security = full, too.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
cp "$HK_BUILD/tests/preload/meagre" "$T/meagre" && mkdir "$T/run" && chmod 1777 "$T/run" || exit 99
export HAKMEM_CONTROL=on HAKMEM_RELOAD=auto HAKMEM_CONTROL_DIR=$T/run HK_TIMEOUT=60

# under WHAT PREFIX… -- COMMAND…: the prefix sets a limit. What it prints must be the same with the library, unless WHAT begins with ~.
under() {
    local what=$1 prefix=() mode status
    shift
    while [ "$1" != -- ]; do
        prefix+=("$1")
        shift
    done
    shift
    for mode in ${HK_MODES:-bare balanced full}; do
        (in_mode bare "${prefix[@]}" env \
            $([ $mode = bare ] || echo "LD_PRELOAD=$HK_PRELOAD") HAKMEM_SECURITY=$([ $mode = full ] && echo full || echo basic) \
            "$T/meagre" "$@") >"$T/$mode.out" 2>"$T/$mode.err"
        status=$?
        [ $status -eq 0 ] || fail "$what, $mode: status $status: $(head -5 "$T/$mode.err")"
        [ ! -s "$T/$mode.err" ] || [[ $what == ~* ]] || fail "$what, $mode: says $(head -5 "$T/$mode.err")"
        [[ $what == ~* ]] || same "$what, $mode" "$T/bare.out" "$T/$mode.out"
    done
    say "$what: $(cat "$T/bare.out")"
}

under "no limit" env -- threads rest leave
for kb in 12000 40000; do
    # The library itself may not find room: then the loader says so.
    under "~$kb KB of addresses" prlimit --as=$((kb * 1024)) -- work threads work
done
HK_MODES="bare balanced" under "100 MB of addresses, all taken" prlimit --as=100000000 -- everything
for mb in 6 48; do
    under "~$mb MB of data" prlimit --data=$((mb << 20)) -- work threads work
done
HK_MODES="bare balanced" under "48 MB of data, all taken" prlimit --data=48000000 -- everything
for n in 4 7; do
    under "$n descriptors" prlimit --nofile=$n -- threads rest leave
done
under "no descriptor from the beginning of main" env -- threads nofile rest threads
under "other descriptors" env -- descriptors threads
[ ${#AS_USER[@]} -eq 0 ] || under "no other process or thread" "${AS_USER[@]}" prlimit --nproc=1 -- threads work
under "a stack of 128 KB" prlimit --stack=131072 -- threads leave
HK_MODES="bare balanced" under "as many mappings as the kernel allows" env -- mappings
[ "$(cat /proc/sys/vm/overcommit_memory)" = 2 ] || say "overcommit_memory is not 2, and nothing that one process can set: the limits of data stand for it"

# Without close_range(2), and with a descriptor beyond what may be opened by now: the control thread does not keep it open.
cp -L "$HK_BUILD/tests/preload/.libs/deny.so" "$T/lib/deny.so" && mkfifo "$T/pipe" || exit 99
(cat "$T/pipe"; echo end) >"$T/eof" &
# shellcheck disable=SC2016 # for the inner shells
start bare "$T/high" bash -c 'ulimit -Sn 256 && exec 200>"$1" && ulimit -Sn 32 &&
    exec env LD_PRELOAD="$2" HK_DENY=436 HK_DENY_ERROR=38 bash -c "sleep 0.5; exec 200>&-; sleep 8; true"' high "$T/pipe" "$HK_PRELOAD:$T/lib/deny.so"
wait_for 5 test -s "$T/eof" || fail "a descriptor above the limit stays open"
kill -0 "$PID" || fail "the program ended before: $(cat "$T/high")"
ls "$T/run/$PID".*.sock >/dev/null || fail "there was no control thread"
say "a descriptor above the limit is not kept open"
