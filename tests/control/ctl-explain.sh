#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hakmemctl explain: on programs that hold known amounts of memory the parts are found, add up to the
# VmRSS that the kernel reports, and what is advised has the effect that was promised.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
. "$HK_SRC/tests/lib/services-lib.sh" || exit 99
HOLDER=$HK_BUILD/tests/control/holder
[ -x "$HOLDER" ] || fail "$HOLDER is not built"

# holder [VARIABLE=VALUE…] -- KIND=MIB…: a preloaded one; its pid is in $PID.
holder() {
    local vars=()
    while [ "$1" != -- ]; do vars+=("$1"); shift; done
    shift
    : >"$T/holder.log"
    start balanced "$T/holder.log" env "${vars[@]+"${vars[@]}"}" "$HOLDER" "$@"
    wait_for 60 grep -q ready "$T/holder.log" || fail "holder $*: not ready: $(cat "$T/holder.log")"
}
# The one service of explain --json, as s, its heap, outside, advice by key, and MiB as m.
fact() {
    python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))[0]
m = 1 << 20
heap, outside, processes = s["heap"], s["outside"], s["per_process"]
advice = {a.get("key", ""): a for a in s["advice"]}
texts = " | ".join(a["text"] for a in s["advice"])
def near(got, mib, percent=3, more=1):
    return mib * m * (100 - percent) / 100 - m / 2 <= got <= mib * m * (100 + percent) / 100 + more * m
def adds_up():
    return all(abs(p["parts_bytes"] - p["rss_bytes"]) <= p["rss_bytes"] * 0.02 for p in processes)
result = eval(sys.argv[2])
assert result, sys.argv[2]
print(result)' "$T/out" "$1" >"$T/fact" 2>"$T/why" || fail "$(tail -1 "$T/why"): $(head -c 3000 "$T/out")"
}
gone() { kill -KILL "$1" 2>/dev/null; wait "$1" 2>/dev/null; }
rss_below() { [ "$(awk '/^VmRSS/ { print $2 }' "/proc/$1/status")" -lt "$2" ]; }

# ---- what is live, and what is outside ----

holder -- small=100 large=60 mmap=20 brk=10 shared=30 threads=5
door2_works "$PID" || skip "process_vm_readv is not permitted here"
[ -r "/proc/$PID/pagemap" ] || skip "no /proc/PID/pagemap here"
ctl 0 explain "$PID" --json
quiet
fact 'adds_up()'
fact 'near(heap["live_small_bytes"], 100) and near(heap["live_large_bytes"], 60)'
fact 'near(outside["other_mappings_bytes"], 20) and near(outside["brk_bytes"], 10) and near(outside["shared_memory_bytes"], 30)'
fact 'near(outside["stacks_bytes"], 5) and outside["libraries_bytes"] > 500000 and outside["program_bytes"] > 4096'
fact 's["bytes"] == sum(heap.values()) + sum(outside.values()) and s["counted_as"] == "rss"'
fact '"is live" in texts and "blocks of 192 bytes" in texts and set(advice) == {""}'
ctl 0 explain "$PID"
quiet
out 'resident +2[0-9][0-9]M +VmRSS.*the parts make 2[0-9][0-9]M'
out '^  live +16[0-9]M .* small blocks 10[0-9]M, large blocks 6[0-9]M$'
out '^  outside +6[0-9]M .*shared memory 30M'
out 'brk heap 10M, stacks 5.*other mappings 20M$'
python3 -c 'import sys; sys.exit(max(len(line) for line in open(sys.argv[1])) > 101)' "$T/out" ||
    fail "lines that are too long: $(cat "$T/out")"
gone "$PID"

holder -- small=4 mmap=200 untouched=300
ctl 0 explain "$PID" --json
fact 'adds_up() and "outside the heap: no key" in texts and "buffer pools" in texts'
fact '"300M is allocated, but not resident" in texts and near(s["allocated_bytes"], 304)'
gone "$PID"

# ---- cached: the key that is named gives back what was promised ----

holder HAKMEM_PURGE_DELAY=10min -- small=20 freed=120 busy=1
sleep 2 # until it rests
ctl 0 explain "$PID" --json
fact 'adds_up() and near(heap["bigcache_bytes"] + heap["free_runs_bytes"], 120)'
fact 'advice["purge_delay"]["value"] == "100ms" and near(advice["purge_delay"]["bytes"], 120)'
fact "'purge_delay = 10min' in texts and 'hakmemctl set $PID purge_delay=100ms' in texts"
ctl 0 set "$PID" purge_delay=100ms
wait_for 30 rss_below "$PID" $((50 * 1024)) || fail "not 120M back: $(grep VmRSS "/proc/$PID/status")"
ctl 0 explain "$PID" --json
fact 'adds_up() and "purge_delay" not in advice and heap["bigcache_bytes"] + heap["free_runs_bytes"] < 4 * m'
gone "$PID"

holder HAKMEM_FREE_POLICY=keep -- freed=100 small=10 busy=1
ctl 0 explain "$PID" --json
fact 'advice["free_policy"]["value"] == "adaptive" and near(advice["free_policy"]["bytes"], 100, 15)'
gone "$PID"

# An idle process, in whose heap no time passes: the verb, and what would make it lasting. (A burst right after the start is
# not taken for one that came alone, so it stays.)
holder HAKMEM_PURGE_DELAY=500ms -- freed=100
sleep 3
ctl 0 explain "$PID" --json
fact 'adds_up() and near(advice["trim"]["bytes"], 100) and "as soon as the process allocates; control = on" in texts'
gone "$PID"

holder HAKMEM_PURGE_DELAY=10min -- small=10 softened=80
ctl 0 explain "$PID" --json
fact 'adds_up() and near(heap["softened_bytes"], 80) and "MADV_FREE" in texts and heap["bigcache_bytes"] < m'
gone "$PID"

# ---- free between live blocks ----

holder -- scattered=160
ctl 0 explain "$PID" --json
fact 'adds_up() and near(heap["live_small_bytes"], 40, 5) and near(heap["free_between_live_bytes"], 119, 5)'
fact '"free between live blocks" in texts and "restart" in texts'
gone "$PID"

# ---- huge pages ----

holder HAKMEM_THP=on -- small=8 sparse=100
huge=$(awk '/^AnonHugePages/ { print $2 }' "/proc/$PID/smaps_rollup")
if [ "${huge:-0}" -gt 90000 ]; then
    ctl 0 explain "$PID" --json
    fact 'adds_up() and near(heap["huge_page_waste_bytes"], 100, 8) and heap["live_large_bytes"] < 10 * m'
    fact 'advice["thp"]["value"] == "off" and "read as zero" in texts'
    gone "$PID"
    holder HAKMEM_THP=off -- small=8 sparse=100
    rss_below "$PID" $((20 * 1024)) || fail "thp = off does not save what was promised: $(grep VmRSS "/proc/$PID/status")"
else
    say "no huge pages here: their part is not tested"
fi
gone "$PID"

# ---- several processes: shared pages count once ----

holder -- small=80 fork=3
three() { [ "$(pgrep -cP "$PID")" -eq 3 ]; }
wait_for 20 three || fail "no three workers: $(pgrep -aP "$PID")"
mapfile -t workers < <(ps -o pid= --ppid "$PID" | tr -d ' ')
HK_PIDS+=("${workers[@]}")
ctl 0 explain "$PID" --json
fact 'adds_up() and s["processes"] == 4 and s["counted_as"] == "pss" and len(processes) == 4'
fact 'all(near(p["heap"]["live_small_bytes"], 80) for p in processes) and near(heap["live_small_bytes"], 80)'
kernel=$(cat "/proc/$PID/smaps_rollup" /proc/"${workers[0]}"/smaps_rollup /proc/"${workers[1]}"/smaps_rollup \
    /proc/"${workers[2]}"/smaps_rollup | awk '/^Pss:/ { sum += $2 } END { print sum * 1024 }')
fact "abs(s['bytes'] - $kernel) < $kernel * 0.02"
ctl 0 explain "${workers[1]}" --json
fact "s['pid'] == ${workers[1]} and s['processes'] == 4"
ctl 0 explain "$PID"
out 'in all 4 processes +8[0-9]M, where pages that they share count once'
gone "$PID"
for pid in "${workers[@]}"; do gone "$pid"; done

# ---- a real server with data ----

if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
    start_redis balanced "$T"
    redis=$PID
    redis-cli -s "$T/redis.sock" debug populate 300000 key 200 >/dev/null || fail "no data in redis"
    ctl 0 explain redis-server --json
    fact 'adds_up() and heap["live_small_bytes"] > 50 * m and "is live" in texts'
    redis-cli -s "$T/redis.sock" eval \
        'for i = 0, 299999 do if i % 5 ~= 0 then redis.call("del", "key:" .. i) end end return 1' 0 >/dev/null
    ctl 0 explain redis-server --json
    fact 'adds_up() and "free between live blocks" in texts and heap["free_between_live_bytes"] > 20 * m'
    gone "$redis"
else
    say "redis-server is not installed: not tested with it"
fi

# ---- refusals ----

holder -- small=4
ctl 3 explain no-such-program
ctl 2 explain
if [ "$(id -u)" -eq 0 ] && "${AS_USER[@]}" true 2>/dev/null; then
    timeout 30 "${AS_USER[@]}" "$HK_CTL" explain "$PID" >"$T/out" 2>"$T/err" </dev/null
    [ $? -eq 1 ] && grep -q 'root' "$T/err" || fail "as nobody: $(cat "$T/out" "$T/err")"
fi
say "the parts add up, and the advice holds"
