#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Not configured, the library is invisible: a preloaded program has the threads, descriptors, signal
# handlers, masks, environment and output that it has without it, and makes no call that would change one.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need /usr/bin/python3
export XDG_RUNTIME_DIR=$T/runtime # a place for a socket, if one were made
mkdir -m 0700 "$XDG_RUNTIME_DIR" || exit 99

cat >"$T/program.py" <<'END'
import os, sys, threading
def work():
    keep = [bytearray(1 + i * 997 % 90000) for i in range(3000)]
    big = [bytes(3000000) for i in range(20)]
    return len(keep) + len(big)
threads = [threading.Thread(target=work) for i in range(3)]
for t in threads: t.start()
for t in threads: t.join()
pid = os.fork()
if pid == 0:
    work()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
print(sorted(k for k in os.environ if k not in ("LD_PRELOAD", "HAKMEM_MODE", "_")))
print("ready", flush=True)
sys.stdin.read()
END

# What the kernel knows of a process, as far as it must not change.
describe() {
    echo "threads: $(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)"
    grep -E '^(SigBlk|SigIgn|SigCgt|Seccomp|NoNewPrivs|Cap|Umask|Groups)' "/proc/$1/status"
    find "/proc/$1/fd" -mindepth 1 -printf '%f %l\n' | sed 's/\[[0-9]*\]//; s,/[^ ]*/\(bare\|preloaded\)\.,,' | sort
    sed 's/ *[0-9]* *$//' "/proc/$1/timers" 2>/dev/null
    echo "children: $(pgrep -P "$1" | wc -l)"
}

for kind in bare preloaded; do
    mode=$([ $kind = bare ] && echo bare || echo balanced)
    mkfifo "$T/$kind.stdin"
    (exec_in_mode "$mode" /usr/bin/python3 "$T/program.py" <"$T/$kind.stdin" >"$T/$kind.out" 2>"$T/$kind.err") &
    PID=$!
    HK_PIDS+=("$PID")
    exec 9>"$T/$kind.stdin"
    wait_for 60 grep -q ready "$T/$kind.out" || fail "$kind: the program does not come up: $(cat "$T/$kind.err")"
    check_loaded "$PID" "$mode"
    describe "$PID" >"$T/$kind.facts"
    exec 9>&-
    wait "$PID" || fail "$kind: status $?"
    [ ! -s "$T/$kind.err" ] || fail "$kind: output on stderr: $(cat "$T/$kind.err")"
done
same "threads, signals, descriptors" "$T/bare.facts" "$T/preloaded.facts"
same "output" "$T/bare.out" "$T/preloaded.out"
left=$(find /run/hakmem "$XDG_RUNTIME_DIR" -name "$PID.*" 2>/dev/null)
[ -z "$left" ] || fail "it left a socket: $left"

# System calls that would make it visible, counted over the whole life.
trace=clone,clone3,fork,vfork,socket,bind,listen,connect,rt_sigaction,sigaltstack,write,writev,pipe2,eventfd2
trace+=,epoll_create1,timerfd_create,timer_create,setitimer,dup,dup2,dup3,unlink,mkdir,chmod,fchmod,inotify_init1
trace+=,signalfd4,setrlimit,seccomp,userfaultfd,memfd_create,shmget,kill,tgkill,ptrace,prctl
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    for kind in bare preloaded; do
        mode=$([ $kind = bare ] && echo bare || echo balanced)
        # Only the program itself is to be preloaded, not strace.
        in_mode bare strace -f -qq -o "$T/$kind.strace" -e "trace=$trace" -E "LD_PRELOAD=$([ $kind = bare ] || echo "$HK_PRELOAD")" \
            /usr/bin/python3 "$T/program.py" </dev/null >/dev/null 2>&1 || fail "$kind, under strace: status $?"
        # kill(PID, 0) only asks whether a process lives.
        sed -E 's/^[0-9]+ +//; /^(\+|-|<)/d; /^kill\([0-9]+, 0\)/d; s/^([a-z_0-9]+)\(.*/\1/' "$T/$kind.strace" | sort | uniq -c >"$T/$kind.calls"
    done
    # Naming one's mappings is invisible; everything else must be equal.
    grep -v ' prctl$' "$T/bare.calls" >"$T/bare.counted"
    grep -v ' prctl$' "$T/preloaded.calls" >"$T/preloaded.counted"
    grep 'prctl' "$T/preloaded.strace" | grep -vE 'PR_SET_VMA|PR_SET_NAME|PR_GET|PR_CAPBSET_READ' && fail "prctl changes the process (above)"
    same "system calls" "$T/bare.counted" "$T/preloaded.counted"
    say "equal in threads, signals, descriptors, output and system calls"
else
    say "equal in threads, signals, descriptors and output (no strace here)"
fi
