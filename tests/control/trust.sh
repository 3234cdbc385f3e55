#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A worker that dropped root forges everything in the control block: its root parent must neither remove, nor
# read, nor write what only root may, nor stop, nor lose its settings' bounds.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
[ "$(id -u)" -eq 0 ] || skip "needs root"
awk '$3 <= 65534 { exit 1 }' /proc/self/uid_map || skip "needs a second user"
forger=$HK_BUILD/tests/control/forger
[ -x "$forger" ] || fail "$forger is not built"

secret=$T/secret
mkdir -m 0700 "$secret"
mkfifo "$T/go"
# victim WAY PATH KEY=VALUE…: the forger under control, its end in $PID; it goes on when $T/go is closed.
victim() {
    local way=$1 path=$2
    shift 2
    : >"$T/forger.log"
    LD_PRELOAD=$HK_PRELOAD env "$@" "$forger" "$way" "$path" <"$T/go" >"$T/forger.log" 2>&1 &
    PID=$!
    HK_PIDS+=("$PID")
    exec 9>"$T/go"
    wait_for 20 grep -q ready "$T/forger.log" || { wait "$PID"; fail "$way: status $?: $(cat "$T/forger.log")"; }
}
finish() {
    exec 9>&-
    wait "$PID" || fail "$1: status $?: $(cat "$T/forger.log")"
}

# The socket's path is not for the block to say, nor whose configuration it is.
printf '[hakmem]\npurge_delay = 700ms\n' >"$HAKMEM_CONF"
printf 'word-of-the-secret\n' >"$secret/file"
for reload in manual auto; do
    victim names "$secret/file" HAKMEM_CONTROL=on HAKMEM_RELOAD=$reload
    wait_for 20 has_socket "$PID" || fail "no control socket"
    socket=$(socket_of "$PID")
    printf '[hakmem]\npurge_delay = 800ms\n' >"$HAKMEM_CONF"
    [ "$reload" = auto ] || ctl 0 --door=1 reload "$socket"
    has_reloaded() { ctl 0 --door=1 get "$socket" purge_delay --json && json 'j[0]["value"] == "800ms"'; }
    for _ in {1..50}; do (has_reloaded) >/dev/null && break; sleep 0.1; done
    has_reloaded
    ctl 0 --door=1 status "$socket"
    printf x >&9
    finish names
    ! grep -q word-of-the-secret "$T/forger.log" "$T/out" "$T/err" || fail "a secret file was read: $(cat "$T/forger.log")"
    [ -e "$secret/file" ] || fail "a file of root's was removed"
    [ ! -e "$socket" ] || fail "the socket was left behind"
    printf '[hakmem]\npurge_delay = 700ms\n' >"$HAKMEM_CONF"
done

# The log is not for the block to say, nor are other start-up keys.
for control in off on; do
    victim values "$secret/log" HAKMEM_CONTROL=$control
    printf x >&9
    sleep 0.2
    finish values
    [ ! -e "$secret/log" ] || fail "a log that the block named was written: $(cat "$secret/log")"
    # The forged line was logged where logs go, as one line.
    ! grep -q '^\*' "$T/forger.log" || fail "a log line was split: $(cat "$T/forger.log")"
    grep -q 'hakmem.*\* \* \* \* \* root id' "$T/forger.log" || fail "the change was not taken up: $(cat "$T/forger.log")"
done

# What is out of bounds is not taken up; the first process goes on, tells what it can, and is repaired by a reload.
victim nonsense "$secret/file" HAKMEM_CONTROL=on HAKMEM_MODE=learning
wait_for 20 has_socket "$PID" || fail "no control socket"
socket=$(socket_of "$PID")
for verb in status stats log version export get list; do
    timeout -k 5 30 python3 - "$socket" "$verb" >"$T/reply" <<'PY' || fail "$verb: no answer: $(cat "$T/reply")"
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
reply = s.makefile().readline()
print(reply)
assert "ok" in json.loads(reply)
PY
    printf x >&9
done
ctl 0 --door=1 reload "$socket"
ctl 0 --door=1 get "$socket" batch_max --json
json 'j[0]["value"] == "64"'
finish nonsense
# Nobody's server under the name of root's service, which has no socket: the other door, not the impostor.
chmod 1777 "$HAKMEM_CONTROL_DIR"
target
door2_works "$PID" || skip "process_vm_readv is not permitted here"
python3 - "$HAKMEM_CONTROL_DIR" "$PID" >"$T/impostor.log" <<'PY' &
import os, socket, sys
start = open(f"/proc/{sys.argv[2]}/stat").read().rsplit(")", 1)[1].split()[19]
os.setgid(65534)
os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
s.bind(f"{sys.argv[1]}/{sys.argv[2]}.{start}.sock")
s.listen(50)
print("ready", flush=True)
while True:
    c = s.accept()[0]
    if c.recv(4096):
        print("asked", flush=True)
        c.sendall(b'{"ok":true,"changed":[],"pending":[],"warnings":[],"generation":3,"applied":1,"processes":1}\n')
    c.close()
PY
HK_PIDS+=("$!")
wait_for 20 grep -q ready "$T/impostor.log" || fail "no impostor"
ctl 0 set "$PID" purge_delay=77ms
ctl 0 get "$PID" purge_delay --json
json 'j[0]["value"] == "77ms"'
! grep -q asked "$T/impostor.log" || fail "an impostor was asked"
say "forged names, values and nonsense come to nothing"
