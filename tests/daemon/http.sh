#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# /metrics and /healthz of hakmemd: off unless asked for, on TCP and on a Unix socket; and nothing that clients do
# keeps others from being served (clients.py).
. "$(dirname "$0")/daemon-lib.sh" || exit 99

# ---- off by default: no socket besides libuv's and systemd's, no port ----
target control=on "control_dir=$HAKMEM_CONTROL_DIR" && first=$PID
daemon
! logged 'metrics are served' || fail "metrics are served though nobody asked"
ports() { # on which it listens
    find "/proc/$DAEMON/fd" -lname 'socket:*' | while read -r fd; do
        grep -hE ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -w "$(readlink "$fd" | tr -dc 0-9)"
    done
}
[ -z "$(ports)" ] || fail "it listens on a port: $(ports)"

# ---- the file asks for it: a port, at once ----
port=$(free_port)
replace "$HAKMEM_CONF" "[hakmem]\npurge_delay = 700ms\n[hakmemd]\nmetrics_listen = 127.0.0.1:$port\n"
until_logged "metrics are served on 127.0.0.1:$port"
url=http://127.0.0.1:$port
scrape() { curl -sS --max-time 20 "$@" >"$T/scraped" 2>&1; }
up() { scrape "$url/metrics" && grep -q "^hakmem_up{.*pid=\"$1\"} 1\$" "$T/scraped"; }
gone() { scrape "$url/metrics" && ! grep -q "pid=\"$1\"" "$T/scraped"; }
wait_for 20 up "$first" || fail "the service is not among the metrics: $(head -c 2000 "$T/scraped")"
[ -n "$(ports)" ] || fail "its port is not found where nobody may listen: this test is broken"
if command -v promtool >/dev/null; then
    promtool check metrics <"$T/scraped" >"$T/lint" 2>&1 && [ ! -s "$T/lint" ] || fail "promtool: $(cat "$T/lint")"
fi
# A new service is there soon, an ended one gone soon: within about a second, on a machine that has time.
target control=on "control_dir=$HAKMEM_CONTROL_DIR" && second=$PID
wait_for 20 up "$second" || fail "a new service is not seen: $(grep hakmem_up "$T/scraped")"
kill -KILL "$second"
wait_for 20 gone "$second" || fail "a dead service is still there: $(grep hakmem_up "$T/scraped")"
# Its stale socket does no harm.
alive

# ---- a worker that ends takes its part of the sums along: counters must not fall ----
cat >"$T/prefork.py" <<'PY'
import os, sys, time
r, w = os.pipe()
if os.fork() == 0:
    keep = [bytearray(300000) for _ in range(3000)]
    os.read(r, 1) # until the parent is told
    os._exit(0)
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
os.write(w, b"x")
os.wait()
print("ended", flush=True)
while True:
    keep = [bytearray(n) for n in (100, 5000)]
    time.sleep(0.01)
PY
start balanced "$T/prefork.log" env HAKMEM_CONTROL=on "HAKMEM_CONTROL_DIR=$HAKMEM_CONTROL_DIR" "$PYTHON" "$T/prefork.py" "$T/go" && prefork=$PID
large() { scrape "$url/metrics" && sed -n "s/^hakmem_large_allocs_total{.*pid=\"$prefork\"} //p" "$T/scraped"; }
many() { local n; n=$(large) && [ -n "$n" ] && [ "${n%.*}" -ge 3000 ]; }
wait_for 30 many || fail "the worker's allocations are not counted: $(large)"
before=$(large)
touch "$T/go"
wait_for 20 grep -q ended "$T/prefork.log" || fail "the worker did not end"
one_process() { scrape "$url/metrics" && grep -q "^hakmem_processes{.*pid=\"$prefork\"} 1\$" "$T/scraped"; }
wait_for 20 one_process || fail "the worker is still counted"
sleep 0.6
after=$(large)
[ "${after%.*}" -ge "${before%.*}" ] || fail "a counter fell from $before to $after"
after=$("$HK_CTL" stats "$prefork" --prometheus 2>/dev/null | sed -n 's/^hakmem_large_allocs_total{.*} //p')
[ "${after%.*}" -ge "${before%.*}" ] || fail "hakmemctl's counter fell from $before to $after"
kill -KILL "$prefork"

# ---- a sum that is short for a moment: its counter stands still, and has no surplus afterwards ----
cat >"$T/sums.py" <<'PY'
import os, socket, sys
start = open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]
s = socket.socket(socket.AF_UNIX)
s.bind(f"{sys.argv[1]}/{os.getpid()}.{start}.sock")
s.listen(4)
while True:
    c = s.accept()[0]
    c.recv(4096)
    allocs, uptime = open(sys.argv[2]).read().split()
    c.sendall(b'{"ok":true,"processes":1,"large_allocs":%s,"uptime_s":%s}\n' % (allocs.encode(), uptime.encode()))
    c.close()
PY
echo 1000 60 >"$T/sums"
start bare "$T/sums.log" "$PYTHON" "$T/sums.py" "$HAKMEM_CONTROL_DIR" "$T/sums" && prefork=$PID
wait_for 20 up "$prefork" || fail "the made-up service is not asked: $(cat "$T/sums.log")"
for step in "900 61 1000" "1000 62 1000" "18446744073709551615 63 1000" "1001 64 1001" "7 1 7"; do
    read -r allocs uptime want <<<"$step"
    echo "$allocs $uptime" >"$T/sums.new" && mv "$T/sums.new" "$T/sums"
    sleep 0.6 # as long as a text serves
    [ "$(large)" = "$want" ] || fail "a sum of $allocs makes a counter of $(large), not $want"
done
kill -KILL "$prefork"

# ---- a port that is taken is an error, and what was there stays ----
fresh_log
python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)' >"$T/taken" &
HK_PIDS+=($!)
wait_for 20 test -s "$T/taken" || fail "no port was taken"
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = 127.0.0.1:$(cat "$T/taken")\n"
until_logged 'metrics_listen = .*: Address already in use'
scrape "$url/healthz" || fail "the old address is not served any more"
grep -qx ok "$T/scraped" || fail "healthz: $(cat "$T/scraped")"
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = 127.0.0.1:$port\n"

# ---- clients of all kinds ----
python3 "$HK_SRC/tests/daemon/clients.py" "$port" "$DAEMON" || fail "clients.py (above); $(tail -n 5 "$T/daemon.log")"
alive
wait_for 20 up "$first" || fail "after all that it does not serve: $(head -c 500 "$T/scraped")"

# ---- another address while somebody waits for the metrics: he is answered, or the connection ends ----
fresh_log
other=$(free_port)
cat >"$T/waits.py" <<'PY'
import os, signal, socket, sys
port, daemon, conf, new = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
s = socket.create_connection(("127.0.0.1", port), timeout=30)
s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
import time
time.sleep(1)
os.kill(daemon, signal.SIGSTOP) # the end of the request and the signal reach it in the same turn of its loop
s.sendall(b"\r\n")
open(conf, "w").write(f"[hakmemd]\nmetrics_listen = 127.0.0.1:{new}\n")
os.kill(daemon, signal.SIGHUP)
os.kill(daemon, signal.SIGCONT)
print(s.recv(12))
PY
python3 "$T/waits.py" "$port" "$DAEMON" "$HAKMEM_CONF" "$other" >"$T/waited" 2>&1 || fail "waits.py: $(cat "$T/waited")"
until_logged "metrics are served on 127.0.0.1:$other"
alive
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = 127.0.0.1:$port\n"
until_logged "metrics are served on 127.0.0.1:$port"

# ---- a Unix socket in its place; then nothing ----
fresh_log
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = $T/metrics.sock\n"
until_logged "metrics are served on $T/metrics.sock"
scrape --unix-socket "$T/metrics.sock" http://hakmemd/healthz && grep -qx ok "$T/scraped" || fail "unix: $(cat "$T/scraped")"
! scrape "$url/healthz" || fail "the port is still open"
stop "$DAEMON" KILL # leaves its socket behind
[ -S "$T/metrics.sock" ] || fail "no stale socket"
daemon
until_logged "metrics are served on $T/metrics.sock"
scrape --unix-socket "$T/metrics.sock" http://hakmemd/healthz || fail "unix, after a crash: $(cat "$T/scraped")"
# The longest path that the system has
long=$T/$(printf "%0$((106 - ${#T}))d" 0)
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = $long\n"
until_logged "metrics are served on $long\$"
scrape --unix-socket "$long" http://hakmemd/healthz && grep -qx ok "$T/scraped" || fail "a long path: $(cat "$T/scraped"; ls "$T")"
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = off\n"
until_logged 'metrics are no longer served'
[ ! -e "$T/metrics.sock" ] && [ ! -e "$long" ] || fail "the socket is still there"
stop "$DAEMON" || fail "it ended with status $?: $(tail -n 5 "$T/daemon.log")"

# ---- an address that cannot be listened on at the start ----
replace "$HAKMEM_CONF" "[hakmemd]\nmetrics_listen = 127.0.0.1:$(cat "$T/taken")\n"
timeout 30 "$HK_DAEMON" 2>"$T/err"
[ $? -eq 1 ] || fail "it starts without the address"
err 'Address already in use'
say "off by default, port, Unix socket, taken address, stalling and garbage clients"
