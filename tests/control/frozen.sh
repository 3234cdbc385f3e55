#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# FROZEN is what it says: the same program makes the same calls on memory twice, and the same ones as with the engine off;
# what was learned is what export writes, and a start with that, the engine off, has it, too; keys that a person
# set are not moved.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/control/ctl-lib.sh"
RHYTHM=$HK_BUILD/tests/control/rhythm
tuned="purge_delay bigcache_limit bigcache_max_block batch_max thp"

# ---- the same calls ----

# Time must play no part: nothing comes of age, and no huge page is tried out for its price (thp = auto). And addresses are
# the same in each run.
calls() { # FILE KEY=VALUE…
    local file=$1
    shift
    echo 40 | in_mode bare setarch -R strace -qq -o "$T/strace" -e trace=%memory,process_madvise -E "LD_PRELOAD=$HK_PRELOAD" \
        -E HAKMEM_CONF=/dev/null -E HAKMEM_PURGE_DELAY=60min -E HAKMEM_THP=off "$@" "$RHYTHM" >/dev/null || fail "rhythm under strace: status $?"
    sed 's/ *= .*//' "$T/strace" >"$file"
}
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null && setarch -R true 2>/dev/null; then
    calls "$T/first" -E HAKMEM_MODE=balanced
    calls "$T/second" -E HAKMEM_MODE=balanced
    calls "$T/off" -E HAKMEM_MODE=fast
    [ "$(grep -c mmap "$T/first")" -gt 10 ] || fail "nothing was traced"
    same "calls on memory, FROZEN, of two runs" "$T/first" "$T/second"
    same "calls on memory, FROZEN and with the engine off" "$T/first" "$T/off"
    calls "$T/lean" -E HAKMEM_MODE=balanced -E HAKMEM_BIGCACHE_MAX_BLOCK=4G
    ! cmp -s "$T/first" "$T/lean" || fail "a different configuration makes the same calls: the test sees nothing"
else
    say "no strace here: calls on memory were not compared"
fi

# ---- what was learned ----

values() { # PID FILE
    ctl 0 get "$1" --json
    python3 -c 'import json, sys
for row in json.load(open(sys.argv[1])):
    for key in row["keys"] if "keys" in row else [row]:
        if key["key"] in sys.argv[2:]: print(key["key"], key["value"])' "$T/out" $tuned | sort >"$2"
}
service() { # KEY=VALUE…: rhythm, waiting for work on descriptor 8
    rm -f "$T/work" && mkfifo "$T/work"
    : >"$T/done"
    (exec_in_mode "${HK_MODE:-balanced}" env "$@" "$RHYTHM" <"$T/work" >"$T/done" 2>"$T/errors") &
    PID=$!
    HK_PIDS+=("$PID")
    exec 8>"$T/work"
}
rounds() { # N
    : >"$T/done"
    echo "$1" >&8
    wait_for 60 grep -q done "$T/done" || fail "rhythm did not finish: $(cat "$T/errors")"
}
settle() {
    rounds 60 # 2,880 large allocations
    ctl 0 status "$PID" --json
    json 'j[0]["phase"] == "FROZEN"'
}

export HAKMEM_CONF=/dev/null
HK_MODE=learning
service HAKMEM_ELO_OBJECTIVE=speed
rounds 1
door2_works "$PID" || skip "another process cannot be read here"
settle
ctl 0 log "$PID"
out 'shadow '
out 'freeze '
values "$PID" "$T/learned"
[ "$(wc -l <"$T/learned")" -eq 5 ] || fail "get does not show the five keys: $(cat "$T/learned")"
ctl 0 export "$PID"
quiet
out '^; learned by '
cp "$T/out" "$T/export.ini"
out '^bigcache_max_block = 4G' # only strategies that keep its largest block spare it some thousand faults a round
ctl 0 check "$T/export.ini"
exec 8>&-

HAKMEM_CONF=$T/export.ini HK_MODE=balanced service HAKMEM_ELO=off
rounds 1
values "$PID" "$T/exported"
same "what export reproduces" "$T/learned" "$T/exported"
ctl 0 status "$PID" --json
json 'j[0]["phase"] == "OFF"'
exec 8>&-

# ---- what a person set ----

HK_MODE=learning
service HAKMEM_ELO_OBJECTIVE=memory HAKMEM_PURGE_DELAY=3s HAKMEM_THP=off
settle
ctl 0 get "$PID" purge_delay --json
json 'j[0]["value"] == "3s" and j[0]["origin"] != "learned"'
ctl 0 get "$PID" thp --json
json 'j[0]["value"] == "off" and j[0]["origin"] != "learned"'
ctl 0 export "$PID"
! grep -qE '^(purge_delay|thp)' "$T/out" || fail "export has what was not learned: $(cat "$T/out")"
exec 8>&-
say "same calls; learned: $(tr '\n' ' ' <"$T/learned")"
