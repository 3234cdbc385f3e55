# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Shared by the tests of hakmemctl: live targets, and a caller that checks the exit status.
#
# In a pid namespace of its own where that is possible: hakmemctl sees every process of the host, and
# these tests must not steer those of others.
if [ -z "${HK_ISOLATED:-}" ]; then
    export HK_ISOLATED=1
    isolate=(unshare --pid --fork --mount-proc --kill-child)
    [ "$(id -u)" -eq 0 ] || isolate+=(--user --map-root-user)
    if "${isolate[@]}" true 2>/dev/null; then exec "${isolate[@]}" bash "$0" "$@"; fi
    # In a chroot / is no mount of its own and cannot be made private: only /proc then, which has to be one.
    # shellcheck disable=SC2016
    isolate=(unshare --pid --fork --mount --propagation unchanged --kill-child
        bash -c 'mount --make-rprivate /proc && mount -t proc proc /proc && exec "$@"' isolate)
    if "${isolate[@]}" true 2>/dev/null; then exec "${isolate[@]}" bash "$0" "$@"; fi
fi
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need python3
[ -x "$HK_CTL" ] || fail "$HK_CTL is not built"
PYTHON=$(python3 -c 'import sys; print(sys.executable)') || skip "python3 does not run"

export HAKMEM_CONF=$T/hakmem.ini HAKMEM_CONTROL_DIR=$T/run
mkdir -m 0755 "$HAKMEM_CONTROL_DIR"
printf '[hakmem]\npurge_delay = 700ms\n' >"$HAKMEM_CONF"

# ctl STATUS ARGUMENT…: run hakmemctl, which must end with this status; its output is in $T/out, $T/err.
ctl() {
    local want=$1 got
    shift
    timeout -k 5 30 "$HK_CTL" "$@" >"$T/out" 2>"$T/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] ||
        fail "hakmemctl $*: status $got, not $want: $(head -c 1500 "$T/out") $(head -c 1500 "$T/err")"
}
out() { grep -qE -- "$1" "$T/out" || fail "no '$1' on stdout: $(head -c 1500 "$T/out")"; }
err() { grep -qE -- "$1" "$T/err" || fail "no '$1' on stderr: $(head -c 1500 "$T/err")"; }
quiet() { [ ! -s "$T/err" ] || fail "unexpected: $(head -c 1500 "$T/err")"; }
# json EXPRESSION: of the array j on stdout.
json() {
    python3 -c 'import json, sys
j = json.load(open(sys.argv[1]))
assert isinstance(j, list), "no array"
assert eval(sys.argv[2]), sys.argv[2]' "$T/out" "$1" 2>"$T/why" || fail "$(tail -1 "$T/why"): $(head -c 2000 "$T/out")"
}

# A program that allocates all the time, so that it takes changes up at once.
cat >"$T/busy.py" <<'PY'
import sys, time
print("ready", flush=True)
while True:
    keep = [bytearray(n) for n in (100, 5000, 300000, 3000000)]
    time.sleep(0.005)
PY
# target KEY=VALUE…: a busy preloaded process; its pid is in $PID.
target() {
    local word vars=()
    for word in "$@"; do vars+=("HAKMEM_$(printf %s "${word%%=*}" | tr a-z A-Z)=${word#*=}"); done
    : >"$T/target.log"
    start "${HK_MODE:-balanced}" "$T/target.log" env "${vars[@]+"${vars[@]}"}" "$PYTHON" "$T/busy.py"
    wait_for 20 grep -q ready "$T/target.log" || fail "the target did not start: $(cat "$T/target.log")"
}
socket_of() { echo "$HAKMEM_CONTROL_DIR/$1."*.sock; }
has_socket() { [ -S "$(socket_of "$1")" ]; } # which comes when the control thread has begun
# door2: reading another process must be permitted, as it is not in some containers.
door2_works() {
    python3 - "$1" <<'PY'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
start = int(open(f"/proc/{sys.argv[1]}/maps").readline().split("-")[0], 16)
buf = ctypes.create_string_buffer(8)
mine, theirs = Iovec(ctypes.addressof(buf), 8), Iovec(start, 8)
sys.exit(0 if libc.process_vm_readv(int(sys.argv[1]), ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) == 8 else 1)
PY
}
