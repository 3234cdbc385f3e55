#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A program whose live memory fits into its memory group (cgroup), but not together with what an allocator might keep warm:
# it survives in every policy that gives memory back, and is killed with free_policy = keep, which shows that
# the limit bites.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
phases=$HK_BUILD/tests/preload/phases
limit=$((200 << 20))

root=/sys/fs/cgroup
group=
if [ -e $root/cgroup.controllers ] && grep -qw memory $root/cgroup.subtree_control 2>/dev/null; then
    group=$root/hakmem-test-$$
    mkdir "$group" 2>/dev/null && echo $limit >"$group/memory.max" 2>/dev/null && echo 0 >"$group/memory.swap.max" 2>/dev/null
elif [ -e $root/memory/memory.limit_in_bytes ]; then
    group=$root/memory/hakmem-test-$$
    mkdir "$group" 2>/dev/null && echo $limit >"$group/memory.limit_in_bytes" 2>/dev/null &&
        echo 0 >"$group/memory.swappiness" 2>/dev/null
fi
[ -n "$group" ] && [ -w "$group/cgroup.procs" ] || skip "no memory group can be made here"
remove_group() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rmdir "$group" 2>/dev/null && return
        sleep 0.2
    done
}
ended() {
    local status=$?
    remove_group
    (exit "$status") # for hk_cleanup
    hk_cleanup
}
trap ended EXIT

run() { # MODE KIND [VARIABLE=VALUE…]: in the group
    local mode=$1 kind=$2
    shift 2
    # shellcheck disable=SC2016 # for the inner shell
    (HK_TIMEOUT=60 in_mode bare sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
        env "$@" LD_PRELOAD="$HK_PRELOAD" HAKMEM_MODE="$mode" "$phases" 180 "$kind") >"$T/out" 2>"$T/err"
    status=$?
}

for kind in inside outside; do
    modes="fast minimal"
    [ $kind = inside ] || modes=balanced
    for mode in $modes; do
        run $mode $kind
        [ $status -eq 0 ] || fail "$mode, $kind: ends with $status in a group of 200 MB: $(cat "$T/err")"
        say "$mode, $kind: survives"
    done
    run balanced $kind HAKMEM_FREE_POLICY=batch
    [ $status -eq 0 ] || fail "batch, $kind: ends with $status: $(cat "$T/err")"
    say "free_policy = batch, $kind: survives"
    run balanced $kind HAKMEM_FREE_POLICY=keep
    [ $status -eq 137 ] || fail "keep, $kind: ends with $status, and was to be killed: the limit does not bite"
    say "free_policy = keep, $kind: killed, as announced"
done
