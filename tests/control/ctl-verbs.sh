#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every verb on live processes, through both doors: output for people, JSON, exit status.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

target control=on
one=$PID
wait_for 10 has_socket "$one" || fail "no control socket"
target
two=$PID
door2_works "$two" || skip "process_vm_readv is not permitted here"

verbs_on() { # DOOR PID
    local door=$1 pid=$2 verb
    ctl 0 --door="$door" status "$pid"
    quiet
    out 'hakmem [0-9]'
    out 'mode +balanced +phase (FROZEN|LEARN|CANARY|OFF)'
    out "door $door"
    ctl 0 --door="$door" status "$pid" --json
    json 'len(j) == 1 and {"pid", "program", "unit", "mode", "phase", "processes", "applied", "rss_bytes", "live_bytes",
         "cached_bytes", "metadata_bytes", "tinypool_hit_rate", "bigcache_hit_rate", "warnings"} <= j[0].keys()'
    json "j[0]['pid'] == $pid and j[0]['program'].startswith('python') and j[0]['mode'] == 'balanced'"
    json 'j[0]["phase"] in ("LEARN", "FROZEN", "CANARY", "OFF") and 0 <= j[0]["tinypool_hit_rate"] <= 1'
    json "j[0]['door'] == $door and j[0]['rss_bytes'] > 1000000 and j[0]['processes'] == 1"
    ctl 0 --door="$door" stats "$pid"
    out '^large_allocs +[0-9]'
    ctl 0 --door="$door" stats "$pid" --json
    json 'j[0]["large_allocs"] >= 0'
    ctl 0 --door="$door" get "$pid"
    out '^purge_delay +700ms +\[hakmem\]'
    ctl 0 --door="$door" get "$pid" --json
    json '[k["key"] for k in j][:2] == ["mode", "tinypool"]'
    json 'all(list(k) == ["key", "value", "origin", "context", "pending"] for k in j)'
    json 'all(k["context"] in ("live", "startup") for k in j)'
    ctl 0 --door="$door" get "$pid" thp --json
    json 'len(j) == 1 and j[0]["key"] == "thp"'
    ctl 1 --door="$door" get "$pid" tph
    err "did you mean 'thp'"
    for verb in learn freeze; do
        ctl 0 --door="$door" "$verb" "$pid"
        out 'applied by [01] of 1 process'
    done
    ctl 0 --door="$door" status "$pid" --json
    json 'j[0]["phase"] == "FROZEN"'
    ctl 0 --door="$door" log "$pid"
    quiet
    out 'decisions, leader '
    out 'ago  (freeze|learn)'
    ctl 0 --door="$door" log "$pid" --json
    json "j[0]['pid'] == $pid and {'event', 'a', 'b', 'cost_a', 'rating_b'} <= j[0]['log'][-1].keys()"
    ctl 0 --door="$door" export "$pid"
    out '^\[program:python'
    out '^evo_policy = frozen$'
    ctl 0 check "$T/out"
    ctl 0 --door="$door" export "$pid" --json
    json "j[0]['pid'] == $pid and j[0]['ini'].startswith('[program:python')"
    ctl 0 --door="$door" canary "$pid" --json
    json "j[0]['pid'] == $pid and j[0]['applied'] <= 1" # on a busy machine later
    ctl 0 --door="$door" trim "$pid" --json
    json 'j[0]["trimmed_bytes"] >= 0 and j[0]["rss_before_bytes"] > 1 << 20 and j[0]["rss_bytes"] > 1 << 20'
    ctl 0 --door="$door" trim "$pid"
    out ', [0-9.]+[BKM]? given back( so far)? \(resident: [0-9.]+M, was [0-9.]+M\)|trim requested'
    ctl 0 --door="$door" set "$pid" purge_delay=1500ms
    out 'purge_delay = 1500ms \(was 700ms\)'
    ctl 0 --door="$door" get "$pid" purge_delay --json
    json 'j[0]["value"] == "1500ms" and j[0]["origin"] == "set"'
    ctl 0 --door="$door" set "$pid" purge_delay=-
    ctl 0 --door="$door" reload "$pid"
    quiet
}
verbs_on 1 "$one"
verbs_on 2 "$one"
verbs_on 2 "$two"

# A door that is not there.
ctl 1 --door=1 status "$two"
err 'no control socket'
ctl 2 trim --all
err "belongs to reload only: '\*' names all services"
ctl 2 trim --force "$two"
err '--force belongs to set only'

# All services at once; each as program, socket, glob.
ctl 0 list
out '^ *PID +PROGRAM'
out "^ *$one +python"
out "^ *$two +python"
ctl 0 list --json
json "{$one, $two} <= {s['pid'] for s in j}"
ctl 0 status "$(socket_of "$one")" --json
json "j[0]['pid'] == $one"
ctl 0 freeze 'pytho*' --json
err 'names [0-9]+ services'
json "{$one, $two} <= {s['pid'] for s in j}"
ctl 0 get "$one" "thp" --json
json 'list(j[0]) == ["key", "value", "origin", "context", "pending"]'
ctl 0 get 'pytho*' thp --json
json "{$one, $two} <= {k['pid'] for k in j}"

# A unit: this process has none that could be named, so the name leads nowhere.
ctl 3 status nobody-has-this.service
err 'libhakmem'
ctl 3 status no-such-program --json
json 'j == []'
ctl 3 status 999999999
ctl 3 freeze "$T/run/none.sock"
ctl 3 status $$
err 'does not run with hakmem'

# Workers of one service are one service, seen from any of them.
cat >"$T/tree.py" <<'PY'
import os, time
for i in range(3):
    if os.fork() == 0:
        break
while True:
    keep = bytearray(3000000)
    time.sleep(0.005)
PY
start balanced "$T/tree.log" "$PYTHON" "$T/tree.py"
tree=$PID
four() (ctl 0 status "$tree" --json && json "j[0]['processes'] == 4 and j[0]['applied'] == 4") # in a subshell, which ctl and json may end
wait_for 20 four || fail "not four processes: $(cat "$T/out" "$T/tree.log")"
mapfile -t workers < <(ps -o pid= --ppid "$tree" | tr -d ' ')
HK_PIDS+=("${workers[@]}")
[ "${#workers[@]}" -eq 3 ] || fail "no three workers: ${workers[*]}"
ctl 0 set "${workers[1]}" thp=off --json
json "len(j) == 1 and j[0]['pid'] == $tree and j[0]['processes'] == 4"
wait_for 20 four || fail "not taken up by all: $(cat "$T/out")"
ctl 0 list --json
json "len([s for s in j if s['pid'] in ($tree, ${workers[0]}, ${workers[1]}, ${workers[2]})]) == 1"
# The first process ends; another stands for the service.
kill -KILL "$tree"
wait "$tree" 2>/dev/null
ctl 0 get "${workers[2]}" thp --json
json 'j[0]["value"] == "off"'
ctl 0 status "${workers[2]}" --json
json "j[0]['processes'] == 3 and j[0]['pid'] in (${workers[0]}, ${workers[1]}, ${workers[2]})"
ctl 0 status "${workers[0]}" "${workers[2]}" --json # named twice, asked once
json 'len(j) == 1'

# The library is replaced under the process (an upgrade): door 2 does not need the file.
rm -f "$HK_PRELOAD"
ctl 0 --door=2 status "$two"
out 'mode +balanced'
say "every verb, both doors"
