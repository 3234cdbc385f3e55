#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# redis-server, PostgreSQL and a threaded C++ server work under load while hakmemctl switches everything that can be switched
# live at random: every answer is that of a bare server, nobody complains or ends, and what they hold does not grow.
#
#   HK_SOAK_SECONDS   how long (4)
#   HK_SOAK_SEED      what is switched, and when (by the clock; it is told)
. "$(dirname "$0")/../control/ctl-lib.sh" || exit 99
. "$HK_SRC/tests/lib/services-lib.sh" || exit 99
need redis-server redis-cli "$PG_BIN/pgbench"
seconds=${HK_SOAK_SECONDS:-4} seed=${HK_SOAK_SEED:-$(date +%s)} seeds=2 size=1 services=(redis server postgres)
[ "$seconds" -lt 60 ] || seeds=8 size=5
here=$(dirname "$0")
export PGUSER=tester PGDATABASE=postgres PGTZ=UTC HAKMEM_CONTROL=on
declare -A PIDS

# begin_SERVICE MODE DIR
begin_redis() { start_redis "$1" "$2"; }
begin_server() {
    start "$1" "$2/server.log" "$HK_BUILD/tests/soak/server" "$2/server.sock"
    wait_for 20 test -S "$2/server.sock" || fail "the server does not listen: $(cat "$2/server.log")"
}
begin_postgres() {
    user_own "$2" "$T" "$HAKMEM_CONTROL_DIR"
    [ -e "$T/data" ] || init_postgres bare "$T"
    cp -a "$T/data" "$2/data"
    start_postgres "$1" "$2" "$2" -c shared_buffers=32MB -c autovacuum_naptime=10s
}
start_all() { # FOLDER MODE
    local service
    mkdir "$1"
    for service in "${services[@]}"; do
        "begin_$service" "$2" "$1"
        check_loaded "$PID" "$2"
        PIDS[$service]=$PID
    done
}

cat >"$T/queries.sql" <<'END'
SELECT md5(string_agg(aid || ':' || abalance, ',' ORDER BY aid)) FROM pgbench_accounts;
SELECT md5(string_agg(tid || ':' || tbalance, ',' ORDER BY tid)) FROM pgbench_tellers;
SELECT count(*), sum(delta) FROM pgbench_history;
SELECT count(*), md5(string_agg(x, '' ORDER BY x)) FROM (SELECT md5(i::text) AS x FROM generate_series(1, 30000) i) s;
SELECT md5(jsonb_agg(jsonb_build_object('a', i, 'b', repeat('x', i % 50)))::text) FROM generate_series(1, 5000) i;
SELECT length(regexp_replace(repeat('The quick brown fox ', 5000), 'q(\w+)', '\1!', 'g'));
END
load_redis() { python3 "$here/load.py" redis "$1/redis.sock" "$2" $((4000 * size)); }
load_server() { python3 "$here/load.py" server "$1/server.sock" "$2" $((80 * size)); }
load_postgres() {
    "$PG_BIN/pgbench" -h "$1" -i -q -s 1 >"$T/pgbench" 2>&1 && "$PG_BIN/pgbench" -h "$1" -n -c 8 -j 2 -t $((10 * size)) --random-seed="$2" >"$T/pgbench" 2>&1 ||
        { cat "$T/pgbench" >&2; return 1; }
    ! grep -E 'aborted|, [1-9][0-9]* failed' "$T/pgbench" && "$PG_BIN/psql" -h "$1" -X -At -f "$T/queries.sql"
}
# The bytes that a service and its children hold, shared ones once. Between two loads little of them is in use. A child may end meanwhile.
held() { { cat $(printf '/proc/%s/smaps_rollup ' "$1" $(pgrep -P "$1")) 2>/dev/null || true; } | awk '$1 == "Pss:" { n += $2 } END { print n * 1024 }'; }

# ---- what bare servers answer ----

start_all "$T/bare" bare
for service in "${services[@]}"; do
    for ((i = 0; i < seeds; i++)); do
        "load_$service" "$T/bare" $i >"$T/answer.$service.$i" 2>"$T/err" || fail "$service, bare: $(cat "$T/err")"
        [ -s "$T/answer.$service.$i" ] || fail "$service, bare: no answer"
        held "${PIDS[$service]}" >>"$T/bare.$service"
    done
done
! cmp -s "$T/answer.redis.0" "$T/answer.redis.1" || fail "the answers do not depend on what is asked"
for service in "${services[@]}"; do
    stop "${PIDS[$service]}" INT
done

# ---- what preloaded ones answer while everything is switched ----

start_all "$T/soaked" balanced
for service in "${services[@]}"; do
    wait_for 20 has_socket "${PIDS[$service]}" || fail "$service has no socket: $(ls "$HAKMEM_CONTROL_DIR")"
done
over=$((SECONDS + seconds))
rounds() { # SERVICE: loads one after another; what it holds after each
    local round=0
    while [ $SECONDS -lt $over ] || [ $round -lt $seeds ]; do
        "load_$1" "$T/soaked" $((round % seeds)) >"$T/said.$1" 2>"$T/err.$1" || { echo "$1, round $round: $(cat "$T/err.$1")"; return 1; }
        cmp -s "$T/answer.$1.$((round % seeds))" "$T/said.$1" || { echo "$1, round $round: answered otherwise"; return 1; }
        round=$((round + 1))
        held "${PIDS[$1]}" >>"$T/held.$1"
    done
}
python3 "$here/switch.py" "$HK_CTL" "$HAKMEM_CONF" "$T/stop" "$seed" "${PIDS[@]}" >"$T/switched" 2>&1 &
switcher=$!
declare -A LOADS
for service in "${services[@]}"; do
    rounds "$service" >"$T/rounds.$service" 2>&1 &
    LOADS[$service]=$!
done
for service in "${services[@]}"; do
    wait "${LOADS[$service]}" || { touch "$T/stop"; fail "seed $seed: $(tail -20 "$T/soaked/$service.log" "$T/rounds.$service")"; }
done
touch "$T/stop"
wait $switcher || fail "seed $seed: $(cat "$T/switched")"

# ---- what they hold: many rounds tell a leak from what was just switched, few ones only something wild ----

middle() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
for service in "${services[@]}"; do
    kill -0 "${PIDS[$service]}" || fail "$service ended: $(tail -5 "$T/soaked/$service.log")"
    n=$(wc -l <"$T/held.$service") half=$((n / 2))
    early=$(head -$half "$T/held.$service" | middle) late=$(tail -$half "$T/held.$service" | middle)
    most=$((early * 12 / 10 + 16000000))
    [ "$n" -ge 16 ] || most=$(($(middle <"$T/bare.$service") * 2 + 100000000))
    [ "$late" -le $most ] || fail "$service holds $late bytes, $most are in order (seed $seed): $(tr '\n' ' ' <"$T/held.$service")"
    say "$service: $n rounds, all answers as without hakmem; held $((early >> 10)) KiB in the earlier half, $((late >> 10)) KiB in the later"
    stop "${PIDS[$service]}" INT
    ! grep -E 'terminated by signal|PANIC' "$T/soaked/$service.log" || fail "$service: see above (seed $seed)"
done
say "seed $seed; given: $(cat "$T/switched")"
