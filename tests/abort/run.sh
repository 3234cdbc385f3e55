#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM: a one-bug program must run to its end without its bug, preloaded and not, and with
# it must end by SIGABRT with exactly the line on stderr that it announces. Both front ends are tried.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
program=$1
HK_TEST=abort/$(basename "$program" .bug)
ulimit -c 0

for mode in bare balanced minimal; do
    HK_TIMEOUT=20 in_mode "$mode" "$program" ok >"$T/out" 2>"$T/err"
    status=$?
    [ "$mode" = bare ] && [ $status -eq 77 ] && continue # the C library lacks the function
    [ $status -eq 0 ] || fail "without the bug ($mode) it ends with $status: $(cat "$T/err")"
    [ "$(cat "$T/out")" = "done" ] || fail "without the bug ($mode) it does not reach its end"
    [ ! -s "$T/err" ] || fail "without the bug ($mode) it writes on stderr: $(cat "$T/err")"
done

for mode in balanced minimal; do
    # This shell's own "Aborted" message must not mix with the program's line.
    HK_TIMEOUT=20 in_mode "$mode" sh -c 'exec "$0" >"$1" 2>"$2"' "$program" "$T/out" "$T/err" 2>/dev/null
    status=$?
    expect=$(sed -n 's/^expect //p' "$T/out")
    line=$(cat "$T/err")
    [ -n "$expect" ] || fail "$mode: the program announced nothing (status $status, stderr: $line)"
    [ $status -eq 134 ] || fail "$mode: status $status, not 134 (SIGABRT); expected: $expect; stderr: $line"
    case $expect in
    *\*) [[ $line =~ ^"${expect%\*}"0x[0-9a-f]+$ ]] || fail "$mode: stderr is '$line', not '$expect'" ;;
    *) [ "$line" = "$expect" ] || fail "$mode: stderr is '$line', not '$expect'" ;;
    esac
    say "$mode: $line"
done
