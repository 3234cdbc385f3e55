#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Real services of many processes under load: PostgreSQL with twenty clients of pgbench, nginx that reloads its own
# configuration while files are fetched. Each is one service with one control thread; what is asked of it reaches every worker,
# no request fails meanwhile; what workers did is not forgotten when they end.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
. "$HK_SRC/tests/lib/services-lib.sh" || exit 99
PATH=$PATH:/usr/sbin

# stats EXPRESSION: true of the service's stats, as s; w: its processes.
stats() {
    "$HK_CTL" stats "$PID" --json >"$T/stats" 2>&1 && python3 -c 'import json, sys
s = json.load(open(sys.argv[1]))[0]
w = s["per_process"]
sys.exit(not eval(sys.argv[2]))' "$T/stats" "$1" 2>>"$T/why"
}
value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[0][sys.argv[2]])' "$T/stats" "$1"; }
# Of these pids every one works by this generation.
took_up() { # GENERATION PID…
    local generation=$1
    shift
    stats "all(any(p['pid'] == pid and p['generation'] >= $generation for p in w) for pid in [$(tr ' ' , <<<"$*")])"
}
generation() { "$HK_CTL" status "$PID" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["generation"])'; }
one_thread() { # hakmem's threads in the whole tree
    local n=0 pid
    for pid in "$PID" $(pgrep -P "$PID"); do n=$((n + $(grep -lx hakmem /proc/"$pid"/task/*/comm 2>/dev/null | wc -l))); done
    [ "$n" -eq 1 ] || fail "$n control threads in the tree of $PID"
}
one_service() { # PROGRAM
    ctl 0 list --json
    json "[s['pid'] for s in j] == [$PID] and j[0]['program'] == '$1'"
}
# soon WHAT COMMAND…: how soon is told; hakmemctl and python have to be started for each look, on a busy machine.
soon() {
    local what=$1 start
    shift
    start=$(date +%s%N)
    wait_for 60 "$@" || fail "$what: not in 60 seconds: $(head -c 1500 "$T/stats")"
    say "$what: after $((($(date +%s%N) - start) / 1000000)) ms"
}

# ---- PostgreSQL ----

postgres() {
    local dir=$T/pg backends gen victim
    [ -x "$PG_BIN/pgbench" ] || { say "postgres is not installed: left out"; return; }
    export PGHOST=$T PGUSER=tester PGDATABASE=postgres
    mkdir "$dir" && user_own "$dir" "$T" "$HAKMEM_CONTROL_DIR"
    init_postgres bare "$dir"
    HAKMEM_CONTROL=on start_postgres balanced "$dir" "$T" -c max_connections=50
    "$PG_BIN/pgbench" -i -q -s 2 >"$dir/init" 2>&1 || fail "pgbench -i: $(tail -5 "$dir/init")"
    "$PG_BIN/pgbench" -n -c 20 -j 2 -T 600 -P 1 >"$dir/bench" 2>&1 &
    local bench=$!
    HK_PIDS+=("$bench")
    backends() { pgrep -P "$PID" -f ' tester postgres ' || true; }
    wait_for 30 eval '[ "$(backends | wc -l)" -ge 20 ]' || fail "no twenty backends: $(pgrep -aP "$PID")"
    backends=$(backends | tr '\n' ' ')
    one_service postgres
    wait_for 20 has_socket "$PID" || fail "postgres has no socket: $(ls "$HAKMEM_CONTROL_DIR")"
    one_thread
    stats 's["processes"] >= 21 and all(p["live_bytes"] > 0 for p in w)' || fail "not every process is told of: $(cat "$T/stats")"

    ctl 0 set "$PID" purge_delay=77ms
    gen=$(generation)
    # shellcheck disable=SC2086 # words are wanted
    soon "postgres: set, in 20 backends" took_up "$gen" $backends
    printf '[program:postgres]\npurge_delay = 66ms\n' >"$HAKMEM_CONF"
    ctl 0 set "$PID" purge_delay=-
    ctl 0 reload "$PID"
    ctl 0 get "$PID" purge_delay
    out '66ms'
    gen=$(generation)
    # shellcheck disable=SC2086
    soon "postgres: reload, in 20 backends" took_up "$gen" $backends
    ctl 0 freeze "$PID"
    wait_for 20 eval '"$HK_CTL" status "$PID" --json | grep -q "\"phase\": *\"FROZEN\""' || fail "not frozen"
    ctl 0 trim "$PID"

    # Backends that come later begin with what holds now; one that is killed costs nothing.
    local before
    stats True
    before=$(value tiny_allocs)
    "$PG_BIN/psql" -X -At -c 'select pg_backend_pid(); select pg_sleep(60)' >"$dir/sleeper" 2>&1 &
    HK_PIDS+=("$!")
    newcomer() { victim=$(backends | grep -vxF "$(tr ' ' '\n' <<<"$backends")" | head -1) && [ -n "$victim" ]; }
    wait_for 20 newcomer || fail "the backend that sleeps was not found: $(pgrep -aP "$PID")"
    took_up "$gen" "$victim" || fail "a new backend works by an older generation: $(cat "$T/stats")"
    kill -TERM "$victim"
    wait_for 20 eval '! [ -e "/proc/$victim" ]' || fail "the backend did not end"
    for _ in $(seq 12); do "$PG_BIN/psql" -X -At -c 'select count(*) from pgbench_accounts' >/dev/null || fail "psql"; done
    stats "s['tiny_allocs'] >= $before and not any(p['pid'] == $victim for p in w)" ||
        fail "counters fell with a backend, or it counts still: $before before; $(cat "$T/stats")"
    kill -0 "$bench" || fail "pgbench ended: $(tail -5 "$dir/bench")"
    kill -TERM "$bench"
    wait "$bench" 2>/dev/null
    ! grep -E 'aborted|ERROR|FATAL|error:|, [1-9][0-9]* failed' "$dir/bench" || fail "pgbench: see above"
    grep -q '^progress: .* tps' "$dir/bench" || fail "pgbench did nothing: $(tail -5 "$dir/bench")"
    stop "$PID" INT || fail "postgres ended with $?: $(tail -5 "$dir/postgres.log")"
    ! grep -E 'terminated by signal|hakmem(\[[0-9]+\])?: ' "$dir/postgres.log" || fail "postgres: see above"
    say "postgres under pgbench, 20 clients"
}

# ---- nginx ----

cat >"$T/fetch.py" <<'PY'
"""Fetch over a Unix socket as fast as it goes until told to stop by a file; every answer must be whole."""
import http.client, os, socket, sys, threading
path, stop, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
count, bad = [0] * 8, []
def work(i):
    while not os.path.exists(stop):
        try:
            c = Connection("x")
            c.request("GET", "/data", headers={"Accept-Encoding": "gzip" if i % 2 else "identity", "Connection": "close"})
            r = c.getresponse()
            data = r.read()
            if r.status != 200 or (i % 2 == 0 and len(data) != size):
                bad.append((r.status, len(data)))
            c.close()
            count[i] += 1
        except Exception as e:
            bad.append(repr(e))
threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sum(count), "answers;", len(bad), "bad:", bad[:3])
sys.exit(bool(bad) or not all(count))
PY

nginx_() {
    local dir=$T/nginx before gen old count
    command -v nginx >/dev/null || { say "nginx is not installed: left out"; return; }
    mkdir "$dir" "$dir/tmp" "$dir/www"
    user_own "$dir/tmp"
    awk 'BEGIN { for (k = 0; k < 40000; k++) printf "line %d\n", k * k }' >"$dir/www/data"
    nginx_conf "$dir" 2 "$dir/www" >"$dir/nginx.conf"
    HAKMEM_CONTROL=on start balanced "$dir/log" nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"
    wait_for 20 test -S "$dir/sock" || fail "nginx does not listen: $(cat "$dir/log" "$dir/error.log")"
    wait_for 20 has_socket "$PID" || fail "nginx has no socket"
    python3 "$T/fetch.py" "$dir/sock" "$dir/stop" "$(stat -c %s "$dir/www/data")" >"$dir/fetched" 2>&1 &
    local load=$!
    HK_PIDS+=("$load")
    wait_for 20 eval '[ "$(nginx_workers | wc -w)" -eq 2 ]' || fail "no two workers"
    one_service nginx
    one_thread
    gen=0 before=0
    for count in 3 1 2; do
        old=$(nginx_workers)
        ctl 0 set "$PID" "purge_delay=$((count * 10 + 5))ms"
        gen=$(generation)
        # shellcheck disable=SC2046
        soon "nginx: set, in $(wc -w <<<"$old") workers" took_up "$gen" $(nginx_workers)
        nginx_conf "$dir" "$count" "$dir/www" >"$dir/nginx.conf"
        kill -HUP "$PID"
        wait_for 30 eval '[ "$(nginx_workers | comm -12 - <(echo "$old"))" = "" ] && [ "$(nginx_workers | wc -w)" -eq '"$count"' ]' ||
            fail "no $count new workers after the reload: $(pgrep -aP "$PID")"
        # shellcheck disable=SC2046
        soon "nginx: $count new workers, on the same generation" took_up "$gen" $(nginx_workers)
        wait_for 20 stats "s['processes'] == $count + 1" || fail "not $count + 1 processes: $(cat "$T/stats")"
        stats "s['tiny_allocs'] >= $before" || fail "counters fell with the workers: $before before; $(cat "$T/stats")"
        before=$(value tiny_allocs)
        one_service nginx
    done
    one_thread
    ctl 0 trim "$PID"
    touch "$dir/stop"
    wait "$load" || fail "requests failed: $(cat "$dir/fetched")"
    stop "$PID" QUIT || fail "nginx ended with $?: $(tail -3 "$dir/error.log")"
    ! grep -E 'exited on signal|hakmem(\[[0-9]+\])?: ' "$dir/error.log" "$dir/log" || fail "nginx: see above"
    say "nginx through three reloads of its own: $(cat "$dir/fetched")"
}

# ---- children that execute another program ----

execs() {
    cat >"$T/execs.py" <<'PY'
import os, time
for i in range(3):
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "600"])
print("ready", flush=True)
while True:
    keep = bytearray(3000000)
    time.sleep(0.005)
PY
    start balanced "$T/execs.log" "$PYTHON" "$T/execs.py"
    wait_for 20 grep -q ready "$T/execs.log" || fail "execs: $(cat "$T/execs.log")"
    mapfile -t -O "${#HK_PIDS[@]}" HK_PIDS < <(pgrep -P "$PID")
    wait_for 20 eval '[ "$(pgrep -x -P "$PID" sleep | wc -l)" -eq 3 ]' || fail "no three children: $(pgrep -aP "$PID")"
    stats 's["processes"] == 1 and len(w) == 1' || fail "children that execute another program count still: $(cat "$T/stats")"
    ctl 0 set "$PID" thp=off
    out 'applied by 1 of 1 process'
    kill -KILL $(pgrep -P "$PID")
    stop "$PID"
    say "children that executed another program are no longer of the service"
}

# ---- many short workers ----

forks() {
    cat >"$T/forks.py" <<'PY'
import os, sys, time
for i in range(40):
    if os.fork() == 0:
        for _ in range(50):
            block = bytearray(1 << 20)
        os._exit(0)
    os.wait()
print("done", flush=True)
time.sleep(600)
PY
    start balanced "$T/forks.log" "$PYTHON" "$T/forks.py"
    wait_for 60 grep -q done "$T/forks.log" || fail "forks: $(cat "$T/forks.log")"
    # Each made fifty large blocks: all are told of, and none is counted that the parent made before.
    stats '2000 <= s["large_allocs"] < 2600 and s["processes"] == 1 and s["large_live_bytes"] < 64 << 20' ||
        fail "40 workers of 50 large blocks each: $(cat "$T/stats")"
    stop "$PID"
    say "40 workers that ended are in the sums"
}

target
door2_works "$PID" || skip "process_vm_readv is not permitted here"
stop "$PID"
execs
forks
postgres
nginx_
