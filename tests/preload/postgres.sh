#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# PostgreSQL: initdb, pgbench with a fixed seed by four clients (its updates add up to the same rows
# in any order), big sorts, hashes and JSON; the checksums must match those of a bare server.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/services-lib.sh" || exit 99
need "$PG_BIN/initdb" "$PG_BIN/pgbench"
export PGHOST=$T PGUSER=tester PGDATABASE=postgres PGTZ=UTC

cat >"$T/queries.sql" <<'END'
SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0;
SELECT md5(string_agg(aid || ':' || abalance, ',' ORDER BY aid)) FROM pgbench_accounts;
SELECT md5(string_agg(tid || ':' || tbalance, ',' ORDER BY tid)) FROM pgbench_tellers;
SELECT md5(string_agg(bid || ':' || bbalance, ',' ORDER BY bid)) FROM pgbench_branches;
SELECT count(*), sum(delta) FROM pgbench_history;
SELECT count(*), md5(string_agg(x, '' ORDER BY x)) FROM (SELECT md5(i::text) AS x FROM generate_series(1, 200000) i) s;
SELECT count(*) FROM (SELECT DISTINCT i * 7919 % 50021 FROM generate_series(1, 300000) i) s;
SELECT md5(jsonb_agg(jsonb_build_object('a', i, 'b', repeat('x', i % 50)))::text) FROM generate_series(1, 20000) i;
SELECT sum(a.abalance + b.aid) FROM pgbench_accounts a JOIN pgbench_accounts b ON a.aid = b.aid + 1;
SELECT length(regexp_replace(repeat('The quick brown fox ', 20000), 'q(\w+)', '\1!', 'g'));
END

for mode in ${HK_MODES:-bare balanced}; do
    dir=$T/$mode
    mkdir "$dir" && user_own "$dir" "$T"
    init_postgres "$mode" "$dir"
    start_postgres "$mode" "$dir" "$T" -c shared_buffers=64MB
    check_loaded "$PID" "$mode"
    "$PG_BIN/pgbench" -i -q -s 3 >"$dir/init" 2>&1 || fail "$mode: pgbench -i: $(tail -5 "$dir/init")"
    timeout 100 "$PG_BIN/pgbench" -n -c 4 -j 2 -t 400 --random-seed=42 >"$dir/bench" 2>&1 || fail "$mode: pgbench: $(tail -5 "$dir/bench")"
    timeout 60 "$PG_BIN/pgbench" -n -c 4 -S -M prepared -t 1000 >"$dir/bench2" 2>&1 || fail "$mode: pgbench -S: $(tail -5 "$dir/bench2")"
    # Some of them come and go (autovacuum): these are not missed.
    for child in $(pgrep -P "$PID"); do (check_loaded "$child" "$mode") >"$T/child" || ! [ -e "/proc/$child" ] || fail "$(cat "$T/child")"; done
    "$PG_BIN/psql" -X -At -f "$T/queries.sql" >"$dir/out" 2>&1 || fail "$mode: psql: $(tail -5 "$dir/out")"
    stop "$PID" INT || fail "$mode: postgres ended with $?: $(tail -5 "$dir/postgres.log")"
    ! grep -E 'terminated by signal|hakmem(\[[0-9]+\])?: ' "$dir/postgres.log" || fail "$mode: see above"
    [ "$mode" = bare ] || same "$mode" "$T/bare/out" "$dir/out"
done
say "$(grep -c . "$T/bare/out") result lines; $(grep -h '^tps' "$T"/*/bench | tr '\n' ' ')"
