#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The fork storm as a service that is being steered: a control thread, settings and reloads that arrive all the time, through
# the whole run.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
export HAKMEM_CONTROL_DIR=$T/run HAKMEM_CONF=$T/hakmem.ini HAKMEM_CONTROL=on HK_FORKS=${HK_FORKS:-60}
mkdir "$HAKMEM_CONTROL_DIR"

storm() { # MODE; sets done, the number of changes that were taken
    local mode=$1 n=0
    done=0
    : >"$HAKMEM_CONF"
    start "$mode" "$T/log" "$HK_BUILD/tests/preload/fork_storm.t"
    while kill -0 "$PID" 2>/dev/null && [ "$(ps -o stat= -p "$PID" | cut -c1)" != Z ]; do
        n=$((n + 1))
        printf '[hakmem]\npurge_delay = %dms\n' $((100 + n % 7 * 100)) >"$HAKMEM_CONF"
        timeout 30 "$HK_CTL" reload "$PID" >"$T/reload" 2>&1 && done=$((done + 1))
        timeout 30 "$HK_CTL" set "$PID" "bigcache_limit=$((16 + n % 5 * 16))M" >"$T/set" 2>&1 && done=$((done + 1))
        sleep 0.05
    done
    wait "$PID" || fail "$mode: status $?: $(grep -v '^hakmem\[' "$T/log" | tail -5)"
    ! grep -v '^hakmem\[' "$T/log" || fail "$mode: output (above)"
}

for mode in ${HK_MODES:-learning full}; do
    storm "$mode"
    while [ $done -eq 0 ]; do # the storm was over before hakmemctl came
        [ "$HK_FORKS" -lt 5000 ] || fail "$mode: not one change was taken: $(cat "$T/reload" "$T/set")"
        HK_FORKS=$((HK_FORKS * 4))
        storm "$mode"
    done
    say "$mode: $HK_FORKS children, $done changes taken meanwhile"
done
