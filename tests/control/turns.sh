#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A program that sets keys itself all the time, in threads and a child, while hakmemctl sets others through /proc: what was
# acknowledged is there, on both sides, and when all rest the block is whole.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
mkfifo "$T/in"
(exec_in_mode balanced env HAKMEM_CONTROL=off "$HK_BUILD/tests/control/turns") <"$T/in" >"$T/turns.log" 2>&1 &
PID=$!
HK_PIDS+=("$PID")
exec 9>"$T/in"
wait_for 20 grep -q ready "$T/turns.log" || fail "did not start: $(cat "$T/turns.log")"
door2_works "$PID" || skip "process_vm_readv is not permitted here"
set_some() { # KEY: 40 values, one after the other
    local i good=0
    for ((i = 10; i < 50; i++)); do
        "$HK_CTL" --door=2 set "$PID" "$1=$i" >"$T/out.$1" 2>&1 || continue
        good=$((good + 1))
        "$HK_CTL" --door=2 get "$PID" "$1" >"$T/out.$1" 2>&1 || { echo "get $1: $(cat "$T/out.$1")"; return 1; }
        grep -qE "^$1 +$i[% ]" "$T/out.$1" || { echo "$1 was set to $i, and is: $(cat "$T/out.$1")"; return 1; }
    done
    echo "$good"
    [ $good -ge 20 ]
}
set_some elo_k >"$T/said.elo_k" &
other=$!
set_some canary_guard >"$T/said.canary_guard" || fail "canary_guard: $(cat "$T/said.canary_guard")"
wait $other || fail "elo_k: $(cat "$T/said.elo_k")"
exec 9>&-
wait "$PID" || fail "$(tail -5 "$T/turns.log")"
say "of 40 and 40 by hakmemctl $(cat "$T/said.elo_k") and $(cat "$T/said.canary_guard"), by the program $(tail -1 "$T/turns.log")"
