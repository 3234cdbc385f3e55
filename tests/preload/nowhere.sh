#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Without /proc and /dev, in an empty root, with a full, a read-only or no folder for sockets: the program goes on without
# what needs them, says nothing, and ends.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
cp "$HK_BUILD/tests/preload/meagre" "$T/meagre" && cp -L "$HK_BUILD/tests/preload/.libs/deny.so" "$T/lib/deny.so" && mkdir "$T/run" || exit 99
unshare -m true 2>/dev/null || skip "no mount namespace can be made here"
export HAKMEM_CONTROL=on HAKMEM_RELOAD=auto HK_TIMEOUT=60

# fares WHAT SCRIPT WORDS…: $0 of the script, which runs in a mount namespace of its own, is $T. VARIABLE=VALUE are the library's.
fares() {
    local what=$1 script=$2 kind preload status
    shift 2
    for kind in bare preloaded; do
        preload=$T/lib/deny.so
        [ $kind = bare ] || preload=$HK_PRELOAD:$preload
        (in_mode bare unshare -m --propagation private sh -c "$script" "$T" env LD_PRELOAD="$preload" "$@") \
            >"$T/$kind.out" 2>"$T/$kind.err" </dev/null
        status=$?
        [ $status -eq 0 ] || fail "$what, $kind: status $status: $(head -5 "$T/$kind.err")"
    done
    same "$what: output" "$T/bare.out" "$T/preloaded.out"
    same "$what: messages" "$T/bare.err" "$T/preloaded.err"
    say "$what: $(cat "$T/preloaded.out")"
}
# shellcheck disable=SC2016 # for the inner shell
{
no_proc='mount -t tmpfs none /proc && mount -t tmpfs none /dev && exec "$@"'
full='mount -t tmpfs -o size=4k,nr_inodes=2 none $0/run && echo x >$0/run/file && exec "$@"'
no_room='mount -t tmpfs -o size=4k none $0/run && head -c 4096 /dev/zero >$0/run/file && exec "$@"'
read_only='mount -t tmpfs none $0/run && mount -o remount,ro $0/run && exec "$@"'
all_read_only='mount -o remount,bind,ro / 2>/dev/null; mount --bind $0 $0 && mount -o remount,bind,ro $0 && exec "$@"'
}
here=HAKMEM_CONTROL_DIR=$T/run
work=("$T/meagre" threads leave)

fares "no /proc, no /dev" "$no_proc" "$here" "${work[@]}"
# Without pidfd_open(2) either nobody can tell when the main thread ends.
fares "no /proc, no /dev, no pidfd" "$no_proc" "$here" HK_DENY=434 HK_DENY_ERROR=38 "${work[@]}"
fares "security = full, no /proc, no /dev" "$no_proc" "$here" HAKMEM_SECURITY=full "${work[@]}"
fares "no file can be made for the socket" "$full" "$here" "${work[@]}"
fares "no room where the socket is" "$no_room" "$here" "${work[@]}"
fares "sockets' folder is read-only" "$read_only" "$here" "${work[@]}"
fares "everything is read-only" "$all_read_only" "$here" "${work[@]}"
fares "a log that cannot be written" "$read_only" "$here" HAKMEM_MODE=research HAKMEM_LOG="$T/run/none/log" "${work[@]}"
for dir in "$T/none" "$T/meagre" /proc/self/fd /dev/null "$T/$(printf 'x%.0s' {1..90})"; do
    fares "sockets in ${dir/$T/…}" 'exec "$@"' HAKMEM_CONTROL_DIR="$dir" "${work[@]}"
done

# A root with nothing but the program and its libraries.
mkdir -p "$T/root/tmp"
for file in $(ldd "$T/meagre" "$HK_PRELOAD" | grep -oE '/[^ :]+' | sort -u) "$(ldconfig -p | sed -n 's/.*libgcc_s.so.1.*=> //p' | head -1)" \
    "$T/meagre" "$HK_PRELOAD" "$T/lib/deny.so" "$(command -v env)"; do
    mkdir -p "$T/root$(dirname "$file")" && cp -L "$file" "$T/root$file" || exit 99
done
# shellcheck disable=SC2016
fares "an empty root" 'exec chroot "$0/root" "$@"' "$here" "${work[@]}"
