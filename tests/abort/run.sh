#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM: a one-bug program must run to its end without its bug, preloaded and not, and with
# it must end by SIGABRT with exactly the line on stderr that it announces: with thread caches, without
# them (minimal), and with security = full. NAME_full.bug is a bug that only the last one sees.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
program=$1
HK_TEST=abort/$(basename "$program" .bug)
HK_TIMEOUT=20
ulimit -c 0

run() { # KIND ARGUMENT…: output in $T/out and $T/err
    local kind=$1
    shift
    # The program's own stderr, apart from this shell's "Aborted" message.
    # shellcheck disable=SC2016 # for the inner shell
    in_mode "$kind" sh -c 'out=$1 err=$2; shift 2; exec "$0" "$@" >"$out" 2>"$err"' "$program" "$T/out" "$T/err" "$@" 2>/dev/null
    status=$?
}

for kind in bare balanced minimal full; do
    run $kind ok
    [ $kind = bare ] && [ $status -eq 77 ] && continue # the C library lacks the function
    [ $status -eq 0 ] || fail "without the bug ($kind) it ends with $status: $(cat "$T/err")"
    [ "$(cat "$T/out")" = "done" ] || fail "without the bug ($kind) it does not reach its end"
    [ ! -s "$T/err" ] || fail "without the bug ($kind) it writes on stderr: $(cat "$T/err")"
done

kinds=(balanced minimal full)
[[ $program != *_full.bug ]] || kinds=(full)
# full finds it earlier, and says it in other words.
[[ $program != */overflow_*.bug ]] || kinds=(balanced minimal)
# Without thread caches free blocks hold no list that could be corrupted; for full see write_after_free_full.
[[ $program != */corrupt_li??.bug ]] || kinds=(balanced)
for kind in "${kinds[@]}"; do
    run "$kind"
    expect=$(sed -n 's/^expect //p' "$T/out")
    line=$(cat "$T/err")
    [ -n "$expect" ] || fail "$kind: the program announced nothing (status $status, stderr: $line)"
    [ $status -eq 134 ] || fail "$kind: status $status, not 134 (SIGABRT); expected: $expect; stderr: $line"
    case $expect in
    *\*) [[ $line =~ ^"${expect%\*}"0x[0-9a-f]+$ ]] || fail "$kind: stderr is '$line', not '$expect'" ;;
    *) [ "$line" = "$expect" ] || fail "$kind: stderr is '$line', not '$expect'" ;;
    esac
    say "$kind: $line"
done
