#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Targets that hang, die, lie or are of another version, callers that are killed, output that cannot
# be written: a clear word and an exit status, in time.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

# A server in place of the control thread: serve.py SOCKET-DIRECTORY WAY.
cat >"$T/serve.py" <<'PY'
import os, socket, sys, time
way = sys.argv[2]
start = open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]
s = socket.socket(socket.AF_UNIX)
s.bind(f"{sys.argv[1]}/{os.getpid()}.{start}.sock")
s.listen(4)
print("ready", flush=True)
while True:
    c = s.accept()[0]
    if way != "mute":
        c.recv(4096)
    if way == "half":
        c.sendall(b'{"ok":tru')
    elif way == "garbage":
        c.sendall(b"\x00\xff hello\n")
    elif way == "list":
        c.sendall(b"[1,2]\n")
    elif way == "flood":
        try:
            c.sendall(b"x" * (1 << 20))
        except OSError:
            pass
    elif way == "die":
        os.kill(os.getpid(), 9)
    elif way == "escape":
        c.sendall(b'{"ok":false,"error":"\\u001b[31mred"}\n')
    if way in ("mute", "slow"):
        time.sleep(1000)
    c.close()
PY
serve() {
    : >"$T/serve.log"
    start bare "$T/serve.log" "$PYTHON" "$T/serve.py" "$HAKMEM_CONTROL_DIR" "$1"
    wait_for 20 grep -q ready "$T/serve.log" || fail "no server: $(cat "$T/serve.log")"
}
for way in half:ended garbage:refused list:refused flood:refused die:ended escape:'\?\[31mred'; do
    serve "${way%%:*}"
    ctl 1 status "$PID"
    err "${way#*:}"
    kill -KILL "$PID" 2>/dev/null
done
for way in mute slow; do
    serve "$way"
    SECONDS=0
    ctl 1 --timeout=300ms freeze "$PID"
    err 'no answer .* within 300 ms'
    ctl 1 status "$PID" --json
    json "j[0]['pid'] == $PID and 'error' in j[0]"
    ctl 1 --timeout=300ms get "$PID" thp --json
    json "len(j) == 1 and j[0]['pid'] == $PID and 'no answer' in j[0]['error']"
    [ "$SECONDS" -le 10 ] || fail "the deadline took $SECONDS s"
    kill -KILL "$PID"
done

# What SIGKILL left behind is removed by the next look.
[ -n "$(ls "$HAKMEM_CONTROL_DIR")" ] || fail "the killed servers should have left sockets"
ctl 0 list
[ -z "$(ls "$HAKMEM_CONTROL_DIR")" ] || fail "stale sockets stay: $(ls "$HAKMEM_CONTROL_DIR")"
ctl 3 status "$PID"

# And what a process left behind that has executed a program without the library since.
HAKMEM_CONTROL=on LD_PRELOAD="$HK_PRELOAD" sh -c 'while [ ! -e "$0" ]; do sleep 0.1; done; exec env -u LD_PRELOAD sleep 60' "$T/go" &
left=$!
HK_PIDS+=("$left")
wait_for 10 has_socket "$left" || fail "no control socket"
: >"$T/go"
is_sleep() { [ "$(cat "/proc/$left/comm")" = sleep ] && grep -q libc "/proc/$left/maps"; }
wait_for 10 is_sleep || fail "it does not execute sleep"
ctl 0 list
[ -z "$(ls "$HAKMEM_CONTROL_DIR")" ] || fail "the socket of a program that is gone stays: $(ls "$HAKMEM_CONTROL_DIR")"
! grep -qw "$left" "$T/out" || fail "sleep is listed: $(cat "$T/out")"
kill "$left"

target control=on
one=$PID
wait_for 10 has_socket "$one" || fail "no control socket"
target
two=$PID
door2_works "$two" || skip "process_vm_readv is not permitted here"

# hakmemctl killed at any moment leaves a service that answers and can be changed.
for ((i = 1; i <= 40; i++)); do
    "$HK_CTL" set $((i % 2 ? one : two)) "batch_max=$i" >/dev/null 2>&1 &
    killed=$!
    sleep "0.00$((i % 10))"
    kill -KILL "$killed" 2>/dev/null
    wait "$killed" 2>/dev/null
done
for pid in "$one" "$two"; do
    ctl 0 set "$pid" batch_max=77 --json
    json 'j[0]["applied"] == 1'
    ctl 0 get "$pid" batch_max --json
    json 'j[0]["value"] == "77"'
done

# Two operators at once: one after the other, or one is told. Never half of each.
for ((i = 0; i < 10; i++)); do
    timeout 20 "$HK_CTL" --door=2 set "$two" batch_max=11 purge_delay=11s >/dev/null 2>&1 &
    a=$!
    timeout 20 "$HK_CTL" --door=2 set "$two" batch_max=22 purge_delay=22s >/dev/null 2>&1 &
    b=$!
    wait "$a"
    wait "$b"
    ctl 0 get "$two" batch_max purge_delay --json
    json '[k["value"] for k in j] in (["11", "11s"], ["22", "22s"])'
done

# A stopped process: read past its thread; a change says that it has not been taken up.
kill -STOP "$one"
ctl 0 --timeout=300ms status "$one"
out 'control +door 2'
ctl 1 --timeout=300ms --door=1 trim "$one"
err 'no answer from its control thread within 300 ms; it is not certain whether the request was carried out'
ctl 0 --timeout=300ms trim "$one"
err 'its control thread does not answer at once; taken: door 2'
out 'trim requested; applied by 0 of 1 process so far'
ctl 0 --door=2 set "$one" batch_max=78
out 'set requested; applied by 0 of 1 process so far, and when it next allocates'
kill -CONT "$one"
taken_up() (ctl 0 status "$one" --json && json 'j[0]["applied"] == 1') # in a subshell, which ctl and json may end
wait_for 10 taken_up || fail "the change was not taken up after SIGCONT"

# A connection that ends before the change was sent: the other door serves.
: >"$T/serve.log"
start balanced "$T/serve.log" "$PYTHON" "$T/serve.py" "$HAKMEM_CONTROL_DIR" close
wait_for 20 grep -q ready "$T/serve.log" || fail "no server: $(cat "$T/serve.log")"
ctl 0 set "$PID" batch_max=79
err 'door 1: the connection ended before the reply .*; taken: door 2'
ctl 0 --door=2 get "$PID" batch_max --json
json 'j[0]["value"] == "79"'
kill -KILL "$PID"

# Killed while it is asked.
"$HK_CTL" status "$two" >/dev/null 2>&1 &
kill -KILL "$two"
wait $!
case $? in 0 | 1 | 3) ;; *) fail "a target that died: status $?" ;; esac
ctl 3 status "$two"

# Blocks that a program made up: another layout, noise. Found by the symbol in the program itself.
fake=$HK_BUILD/tests/control/fake_block
[ -x "$fake" ] || fail "$fake is not built"
for way in layout noise nothing; do
    : >"$T/fake.log"
    start bare "$T/fake.log" "$fake" "$way"
    wait_for 10 grep -q ready "$T/fake.log" || fail "fake_block $way does not run"
    case $way in
    layout)
        ctl 1 status "$PID"
        err 'runs hakmem 9\.9\.9, layout 99; this hakmemctl knows layout [0-9]+'
        ;;
    nothing) ctl 1 status "$PID" ;;
    noise)
        for verb in status stats get list trim freeze reload "set thp=on"; do
            # shellcheck disable=SC2086
            set -- $verb
            timeout -k 1 20 "$HK_CTL" "$1" "$PID" "${@:2}" >"$T/out" 2>"$T/err"
            status=$?
            [ "$status" -le 1 ] || fail "noise, $verb: status $status: $(head -3 "$T/err")"
            ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f]' "$T/out" "$T/err" || fail "noise, $verb: control bytes on the screen"
        done
        ;;
    esac
    kill -KILL "$PID"
done

# Output that does not arrive.
"$HK_CTL" status "$one" >/dev/full 2>/dev/null && fail "/dev/full: status 0"
"$HK_CTL" list --json >/dev/full 2>/dev/null && fail "/dev/full: status 0"
python3 - "$HK_CTL" get "$one" <<'PY' || fail "a closed pipe: status 0"
import os, subprocess, sys
r, w = os.pipe()
os.close(r)
# Without restore_signals SIGPIPE is ignored, as python has it.
sys.exit(subprocess.run(sys.argv[1:], stdout=w, stderr=subprocess.DEVNULL, restore_signals=False).returncode == 0)
PY

# Usage.
ctl 2
ctl 2 stauts
err "did you mean '(status|stats)'"
ctl 2 freeze
ctl 2 set "$one"
ctl 2 set "$one" nonsense
ctl 2 --door=3 list
ctl 2 --timeout=soon list
ctl 2 status --no-such-option
ctl 2 list --prometheus
ctl 2 version more
say "hanging, dying, lying targets; killed callers"
