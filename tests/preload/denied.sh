#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A seccomp filter answers, one after another, each system call that a preloaded program with control = on and reload = auto was
# seen to make: the program fares as it does without the library under the same filter. It is installed before the
# library's constructor runs, so whatever the control thread does meets it.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need strace /usr/bin/python3
meagre=$HK_BUILD/tests/preload/meagre
deny=$T/lib/deny.so
cp -L "$HK_BUILD/tests/preload/.libs/deny.so" "$deny" && mkdir "$T/run" || exit 99
export HAKMEM_CONTROL=on HAKMEM_RELOAD=auto HAKMEM_CONTROL_DIR=$T/run

cat >"$T/program.py" <<'END'
import threading, time
keep = []
def work(): keep.append([bytearray(1 + i * 997 % 90000) for i in range(300)])
thread = threading.Thread(target=work)
thread.start(); thread.join(); work()
print(sum(len(b) for k in keep for b in k))
END
meagre=("$meagre" threads leave)
python=(/usr/bin/python3 -SE "$T/program.py")

# run KIND PROGRAM NUMBERS ERROR: its output, and its status in the last line.
run() {
    local -n command=$2
    local preload=$deny
    [ "$1" = bare ] || preload=$HK_PRELOAD:$deny
    (in_mode bare env LD_PRELOAD="$preload" HK_DENY="$3" HK_DENY_ERROR="$4" "${command[@]}") >"$T/$1.out" 2>"$T/$1.err" </dev/null
    printf '\nstatus %d\n' $? >>"$T/$1.out"
}
status_of() { tail -n 1 "$T/$1.out" | cut -d' ' -f2; }

# compare PROGRAM NUMBERS ERROR WHAT
compare() {
    local bare preloaded
    run bare "$1" "$2" "$3" &
    run preloaded "$1" "$2" "$3" # both at once: they wait for much of their time
    wait $!
    bare=$(status_of bare) preloaded=$(status_of preloaded)
    [ "$bare" -ne 77 ] || skip "no seccomp filter can be installed here"
    [ "$preloaded" -ne 124 ] || fail "$1 hangs where $4 is answered with error $3"
    # Who fails without the library may say so in other words with it, but does not die of it unless it does so anyway.
    if [ "$bare" -ne 0 ]; then
        [ "$preloaded" -lt 128 ] || [ "$bare" -ge 120 ] || fail "$1 dies ($preloaded) where $4 is answered with error $3"
        return
    fi
    same "$1, $4 answered with error $3: output" "$T/bare.out" "$T/preloaded.out"
    same "$1, $4 answered with error $3: messages" "$T/bare.err" "$T/preloaded.err"
    passed=$((passed + 1))
}

in_mode bare strace -f -qq -n -o "$T/strace" -E "LD_PRELOAD=$HK_PRELOAD" "${meagre[@]}" >/dev/null 2>&1 || skip "strace cannot trace here"
in_mode bare strace -f -qq -n -o "$T/strace.python" -E "LD_PRELOAD=$HK_PRELOAD" "${python[@]}" >/dev/null 2>&1 || fail "python under strace: $?"
cat "$T/strace.python" >>"$T/strace"
# "PID [ NUMBER] NAME(": without those by which a process begins and ends
sed -nE 's/^[0-9]+ +\[ *([0-9]+)\] ([a-z_0-9]+)\(.*/\1 \2/p' "$T/strace" | sort -u |
    grep -vE ' (execve|exit|exit_group|arch_prctl|set_tid_address|rt_sigreturn|seccomp)$' >"$T/calls"
for name in socket bind listen poll; do
    grep -q " $name$" "$T/calls" || fail "the control thread was not seen to call $name: $(tr '\n' ' ' <"$T/calls")"
done
passed=0 call=0 runs=0
eperm=1 enosys=38
while read -r number name; do
    call=$((call + 1))
    for error in $eperm $enosys; do
        runs=$((runs + 1))
        compare meagre "$number" $error "$name"
    done
    [ $((call % 4)) -eq 0 ] || continue # python takes its time
    runs=$((runs + 1))
    compare python "$number" $((call % 8 == 0 ? eperm : enosys)) "$name"
done <"$T/calls"
[ $passed -gt $((runs / 2)) ] || fail "only $passed of $runs go on without the library"
say "$runs runs without $(wc -l <"$T/calls") system calls: $passed go on as without the library, the others fail as they do without it"
