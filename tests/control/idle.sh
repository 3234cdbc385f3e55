#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A process that does nothing any more gives its free memory back by itself, as far as control = on says so, once
# purge_delay is over. Without a control thread what a burst left right after another stays: no time passes until it allocates again.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
phases=$HK_BUILD/tests/preload/phases

rss_kb() { awk '/^VmRSS:/ {print $2}' "/proc/$1/status"; }

sleeper() { # VARIABLE=VALUE…: $pid of a process that freed 90 MB a moment ago
    coproc SLEEPER { exec env "$@" LD_PRELOAD="$HK_PRELOAD" "$phases" 100 hold; }
    pid=$SLEEPER_PID
    HK_PIDS+=("$pid")
    read -r -t 60 line <&"${SLEEPER[0]}" && [ "$line" = free ] || fail "the program says '$line', not 'free'"
}
end() {
    echo >&"${SLEEPER[1]}"
    wait "$pid" || fail "the program ends with $?"
}

sleeper HAKMEM_CONTROL=on HAKMEM_PURGE_DELAY=1s
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

# Longer than each of its phases takes: a burst that came alone would be given back at its end.
sleeper HAKMEM_CONTROL=off HAKMEM_PURGE_DELAY=3s
sleep 4
after=$(rss_kb "$pid")
[ "$after" -gt 60000 ] || fail "without a control thread somebody purged: $after KB"
if door2_works "$pid"; then
    ctl 0 trim "$pid"
    out 'trim requested; applied by 0 of 1 process so far, and when it next allocates'
else
    say "process_vm_readv is not permitted here: trim not tried"
fi
say "control = off: kept $after KB"
end
