#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A process that does nothing any more gives its free memory back by itself, as far as control = on says so, once
# purge_delay is over; without a control thread only what it allocates later drives that, or hakmemctl trim.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
phases=$HK_BUILD/tests/preload/phases
export HAKMEM_CONTROL_DIR=$T/run
mkdir -m 0755 "$T/run" || exit 99

rss_kb() { awk '/^VmRSS:/ {print $2}' "/proc/$1/status"; }

start() { # VARIABLE=VALUE…: $pid of a process that freed 90 MB a moment ago
    coproc SLEEPER { exec env "$@" LD_PRELOAD="$HK_PRELOAD" HAKMEM_PURGE_DELAY=1s "$phases" 100 hold; }
    pid=$SLEEPER_PID
    HK_PIDS+=("$pid")
    read -r -t 60 line <&"${SLEEPER[0]}" && [ "$line" = free ] || fail "the program says '$line', not 'free'"
}
end() {
    echo >&"${SLEEPER[1]}"
    wait "$pid" || fail "the program ends with $?"
}

start HAKMEM_CONTROL=on
before=$(rss_kb "$pid")
[ "$before" -gt 60000 ] || fail "only $before KB are resident right after the free: nothing is kept warm"
for _ in $(seq 100); do # ten seconds for what should take one or two: this is no timed test
    sleep 0.1
    [ "$(rss_kb "$pid")" -lt 12000 ] && break
done
after=$(rss_kb "$pid")
[ "$after" -lt 12000 ] || fail "idle under control = on: $after KB resident after ten seconds, $before before"
say "control = on: $before KB, then $after KB"
end

start HAKMEM_CONTROL=off
sleep 2.5
after=$(rss_kb "$pid")
[ "$after" -gt 60000 ] || fail "without a control thread somebody purged: $after KB"
"$HK_CTL" trim "$pid" >"$T/out" 2>&1 || fail "trim: $(cat "$T/out")"
say "control = off: kept $after KB"
end
