#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# security = sampled: a misused block that was guarded stops the program there, with a report that names the places of
# use, free and allocation; switched on in a running process too; the program's own handler still gets its signal.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need addr2line
victim=$HK_BUILD/tests/abort/sampled_victim
export HAKMEM_CONTROL_DIR=$T/run
mkdir "$T/run"

# run STATUS KIND [VARIABLE…]: what it says is in $T/out and $T/err, with the names of the places in $T/names.
run() {
    local want=$1 kind=$2 got=0
    shift 2
    env HAKMEM_SECURITY=sampled HAKMEM_SAMPLE_RATE=1 LD_PRELOAD="$HK_PRELOAD" "$@" timeout 60 "$victim" "$kind" >"$T/out" 2>"$T/err" || got=$?
    [ $got -eq "$want" ] || fail "$kind: status $got, not $want: $(head -20 "$T/err")"
    sed -n 's/^.*#[0-9]* .*sampled_victim+\(0x[0-9a-f]*\)$/\1/p' "$T/err" >"$T/places"
    xargs -r addr2line -fe "$victim" <"$T/places" | grep -v : | tr '\n' ' ' >"$T/names"
}
says() { grep -qE -- "$1" "$T/err" || fail "$2: no '$1' in: $(cat "$T/err")"; }
stacks() { # KIND WANTED: the names of the functions in the report, in this order
    [[ $(uname -m) = x86_64 ]] || return 0
    grep -qE "$2" "$T/names" || fail "$1: not '$2' but '$(cat "$T/names")': $(cat "$T/err")"
}

three='use_here once far_below main .*free_here once far_below main .*alloc_here once far_below main '
run 139 read
says 'read after free: 0x[0-9a-f]+, 8 bytes inside of a block of 48 bytes at 0x[0-9a-f]+ \(security = sampled\), by thread [0-9]+:' read
says 'freed by thread [0-9]+, [0-9.]+ s ago:' read
says 'allocated by thread [0-9]+, [0-9.]+ s ago:' read
stacks read "$three"
run 139 write
says 'write after free' write
stacks write "$three"
run 139 over
says 'write: 0x[0-9a-f]+, 0 bytes beyond the end of a block of 48 bytes' over
stacks over 'stray_here once far_below main .*alloc_here once far_below main '
! grep -q 'freed by' "$T/err" || fail "over: it was not freed"
# More blocks than the table has places: those of the freed ones come free again.
run 139 late
says 'read after free' late
stacks late "$three"
run 134 under
says '^hakmem: write before the beginning of a block: 0x' under
stacks under 'free_here once far_below main .*alloc_here once far_below main '
run 134 double
says '^hakmem: double free: 0x' double
stacks double 'free_here once far_below main .*free_here once far_below main .*alloc_here once far_below main '
run 134 interior
says '^hakmem: free of a pointer that malloc did not return: 0x' interior
stacks interior 'free_here once far_below main .*alloc_here once far_below main '
run 7 handled
[ "$(cat "$T/out")" = "my own handler" ] || fail "handled: $(cat "$T/out")"
run 0 jump
[ "$(cat "$T/out")" = "my own handler" ] || fail "jump: $(cat "$T/out")"
run 0 none
[ ! -s "$T/err" ] || fail "none: $(cat "$T/err")"
run 0 stack
[ ! -s "$T/err" ] || fail "stack: $(cat "$T/err")"
# One in fifty is met soon enough, too; and none when it is off.
run 139 read HAKMEM_SAMPLE_RATE=50
stacks "read, one in 50" "$three"
run 0 read HAKMEM_SECURITY=basic
say "11 kinds"

# In a running process: nothing is found under basic, and soon after the switch it is; with a handler that was there before.
live() { # STATUS KIND
    local pid status=0
    env HAKMEM_CONTROL=on LD_PRELOAD="$HK_PRELOAD" "$victim" "$2" slow >"$T/out" 2>"$T/err" &
    pid=$!
    HK_PIDS+=("$pid")
    wait_for 20 "$HK_CTL" status "$pid" || fail "hakmemctl does not reach the process"
    sleep 0.3
    kill -0 "$pid" || fail "it ended under basic: $(cat "$T/err")"
    "$HK_CTL" set "$pid" security=sampled sample_rate=3 >"$T/set" 2>&1 || fail "set: $(cat "$T/set")"
    wait "$pid" || status=$?
    [ $status -eq "$1" ] || fail "live $2: status $status, not $1: $(cat "$T/err")"
}
live 139 read
says 'read after free' "live read"
live 7 handled
says 'read after free' "live handled"
[ "$(cat "$T/out")" = "my own handler" ] || fail "live handled: $(cat "$T/out")"
live 139 reset
says 'read after free' "live reset"
[ "$(cat "$T/out")" = "my own handler" ] || fail "live reset: $(cat "$T/out")"

# And off again; to full it takes a restart.
env HAKMEM_CONTROL=on LD_PRELOAD="$HK_PRELOAD" "$victim" none slow >"$T/out" 2>"$T/err" &
pid=$!
HK_PIDS+=("$pid")
wait_for 20 "$HK_CTL" status "$pid" || fail "hakmemctl does not reach the process"
for level in sampled basic sampled basic; do
    "$HK_CTL" set "$pid" security=$level >"$T/set" 2>&1 || fail "set: $(cat "$T/set")"
    wait_for 10 eval '"$HK_CTL" get "$pid" security | grep -qE "^security +$level +"' || fail "security is not $level"
done
"$HK_CTL" set "$pid" security=full >"$T/set" 2>&1 && fail "security = full without a restart"
grep -q 'security = full is read at start only' "$T/set" || fail "full: $(cat "$T/set")"
kill -0 "$pid" || fail "it is gone: $(cat "$T/err")"
stop "$pid"
say "switched live"
