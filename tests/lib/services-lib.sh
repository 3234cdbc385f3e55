# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Real services, as more than one test starts them. Source it behind lib.sh or ctl-lib.sh.
PG_BIN=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -1)
PG_BIN=${PG_BIN:-/usr/lib/postgresql}

# start_redis MODE DIR [OPTION…]: at DIR/redis.sock, its log in DIR/redis.log, its pid in $PID.
start_redis() {
    local mode=$1 dir=$2
    shift 2
    start "$mode" "$dir/redis.log" redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no \
        --dir "$dir" --enable-debug-command yes "$@"
    wait_for 20 redis-cli -s "$dir/redis.sock" ping || fail "$mode: redis-server does not answer: $(tail -5 "$dir/redis.log")"
}

# init_postgres MODE DIR: an empty cluster in DIR/data.
init_postgres() {
    in_mode "$1" "${AS_USER[@]}" "$PG_BIN/initdb" -D "$2/data" -U tester -A trust -N --locale=C.UTF-8 >"$2/initdb" 2>&1 ||
        fail "$1: initdb: $(tail -5 "$2/initdb")"
}
# start_postgres MODE DIR SOCKET-DIR [OPTION…]: the program itself is preloaded, not what drops root's rights first; its log in
# DIR/postgres.log, its pid in $PID.
start_postgres() {
    local mode=$1 dir=$2 sockets=$3
    shift 3
    HK_EXEC="${AS_USER[*]}" start "$mode" "$dir/postgres.log" "$PG_BIN/postgres" -D "$dir/data" -k "$sockets" \
        -c listen_addresses= -c fsync=off -c log_min_messages=warning "$@"
    wait_for 60 "$PG_BIN/pg_isready" -q -h "$sockets" || fail "$mode: postgres is not ready: $(tail -5 "$dir/postgres.log")"
}

# nginx_conf DIR WORKERS ROOT: its configuration, for a socket DIR/sock; DIR/tmp is to be there, for its user.
nginx_conf() {
    [ "$(id -u)" -ne 0 ] || echo "user nobody $(id -gn nobody);"
    cat <<END
daemon off; worker_processes $2; pid $1/pid; error_log $1/error.log;
events { worker_connections 200; }
http {
    access_log off; gzip on; gzip_types *; gzip_min_length 100; default_type text/plain;
    client_body_temp_path $1/tmp/1; proxy_temp_path $1/tmp/2; fastcgi_temp_path $1/tmp/3;
    uwsgi_temp_path $1/tmp/4; scgi_temp_path $1/tmp/5;
    server { listen unix:$1/sock; root $3; }
}
END
}
# Those of the nginx with pid $PID.
nginx_workers() { pgrep -P "$PID" -f 'worker process$' | sort; }
