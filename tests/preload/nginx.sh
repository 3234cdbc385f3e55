#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# nginx with two workers: files of many sizes fetched in parallel, plain and gzipped, across a
# reload (SIGHUP, new workers); what arrives must be what a bare nginx sends.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/services-lib.sh" || exit 99
PATH=$PATH:/usr/sbin
need nginx curl

mkdir "$T/www"
for i in $(seq 1 120); do
    awk -v i="$i" 'BEGIN { for (k = 0; k < i * i; k++) printf "line %d of file %d\n", k * k, i }' >"$T/www/$i.txt"
done

fetch_all() { # OUT: checksums of all files, plain and as gzip sends them
    local half
    for half in "[1-59]" "[60-120]"; do
        curl -sf -m 60 --unix-socket "$dir/sock" "http://x/$half.txt" -o "$dir/got/#1.plain" &
        curl -sf -m 60 --compressed --unix-socket "$dir/sock" "http://x/$half.txt" -o "$dir/got/#1.gzip" &
    done
    while [ "$(jobs -r | grep -c curl)" -gt 0 ]; do sleep 0.1; done
    [ "$(find "$dir/got" -name '*.plain' | wc -l) $(find "$dir/got" -name '*.gzip' | wc -l)" = "120 120" ] ||
        fail "$mode: curl failed: $(tail -3 "$dir/error.log")"
    (cd "$dir/got" && sha256sum ./* | sort) >"$1"
}

for mode in ${HK_MODES:-bare balanced}; do
    dir=$T/$mode
    mkdir "$dir" "$dir/got" "$dir/tmp"
    user_own "$dir/tmp"
    nginx_conf "$dir" 2 "$T/www" >"$dir/nginx.conf"
    start "$mode" "$dir/log" nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"
    wait_for 20 curl -sf --unix-socket "$dir/sock" http://x/1.txt || fail "$mode: no answer: $(cat "$dir/log" "$dir/error.log")"
    check_loaded "$PID" "$mode"
    wait_for 20 eval '[ "$(nginx_workers | wc -w)" -eq 2 ]' || fail "$mode: workers: $(nginx_workers)"
    before=$(nginx_workers)
    for worker in $before; do check_loaded "$worker" "$mode"; done
    fetch_all "$dir/sums"
    kill -HUP "$PID"
    wait_for 20 eval '[ "$(nginx_workers | comm -12 - <(echo "$before"))" = "" ] && [ "$(nginx_workers | wc -w)" -eq 2 ]' ||
        fail "$mode: no new workers after the reload"
    fetch_all "$dir/sums2"
    same "$mode, after the reload" "$dir/sums" "$dir/sums2"
    [ "$mode" = bare ] || same "$mode" "$T/bare/sums" "$dir/sums"
    stop "$PID" QUIT || fail "$mode: nginx ended with $?: $(tail -3 "$dir/error.log")"
    ! grep -E 'exited on signal|hakmem(\[[0-9]+\])?: ' "$dir/error.log" "$dir/log" || fail "$mode: see above"
done
say "240 files, before and after a reload"
