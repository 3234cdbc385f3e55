#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# redis-server: load, a known data set, background save by fork, restart from the dump; the digest
# of the data must be the same with and without hakmem.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/services-lib.sh" || exit 99
need redis-server redis-cli redis-benchmark

commands() {
    awk 'BEGIN {
        for (i = 0; i < 20000; i++) {
            printf "SET string:%d %s%d\r\n", i, substr("abcdefghijklmnopqrstuvwxyz", 1, i % 26 + 1), i
            printf "HSET hash:%d field:%d value:%d\r\n", i % 200, i % 97, i
            printf "ZADD zset:%d %d member:%d\r\n", i % 50, i * 7 % 1009, i
            printf "RPUSH list:%d item:%d\r\n", i % 100, i
            if (i % 5 == 0) printf "DEL string:%d\r\n", i / 2
            if (i % 3 == 0) printf "APPEND string:%d %0200d\r\n", i, i
            if (i % 2 == 0) printf "LPOP list:%d\r\n", i % 100
            if (i % 7 == 0) printf "SETRANGE big:%d %d x\r\n", i % 13, i * 40
        }
    }'
}

serve() {
    start_redis "$mode" "$dir" --dbfilename dump.rdb
    check_loaded "$PID" "$mode"
}

for mode in ${HK_MODES:-bare balanced minimal}; do
    dir=$T/$mode
    mkdir "$dir"
    serve
    timeout 60 redis-benchmark -s "$dir/redis.sock" -q -n 15000 -c 20 -r 5000 -d 300 -P 4 \
        -t set,get,incr,lpush,lpop,sadd,hset,zadd,mset >"$dir/benchmark" || fail "$mode: redis-benchmark failed"
    redis-cli -s "$dir/redis.sock" flushall >"$dir/out"
    commands | timeout 60 redis-cli -s "$dir/redis.sock" --pipe | tail -1 >>"$dir/out"
    redis-cli -s "$dir/redis.sock" dbsize >>"$dir/out"
    redis-cli -s "$dir/redis.sock" debug digest >>"$dir/out"
    redis-cli -s "$dir/redis.sock" eval 'local s = 0 for i, v in ipairs(redis.call("keys", "*")) do s = s + #v end return s' 0 >>"$dir/out"
    redis-cli -s "$dir/redis.sock" bgsave >/dev/null
    timeout 30 redis-benchmark -s "$dir/redis.sock" -q -n 5000 -t ping,get >/dev/null
    wait_for 30 grep -q 'Background saving terminated with success' "$dir/redis.log" || fail "$mode: bgsave failed"
    stop "$PID" TERM || fail "$mode: redis-server ended with $?: $(tail -5 "$dir/redis.log")"
    serve
    redis-cli -s "$dir/redis.sock" debug digest >>"$dir/out"
    stop "$PID" TERM || fail "$mode: redis-server ended with $?: $(tail -5 "$dir/redis.log")"
    [ "$mode" = bare ] || same "$mode" "$T/bare/out" "$dir/out"
done
say "digest $(grep -E '^[0-9a-f]{40}$' "$T/bare/out" | tail -1)"
