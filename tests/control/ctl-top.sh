#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hakmemctl top, driven through a pseudo-terminal.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
HOLDER=$HK_BUILD/tests/control/holder
[ -x "$HOLDER" ] || fail "$HOLDER is not built"
infocmp vt52 >/dev/null 2>&1 || skip "no description of the terminal vt52 (ncurses-base), or no infocmp (ncurses-bin)"
target
door2_works "$PID" || skip "process_vm_readv is not permitted here"
kill -KILL "$PID" && wait "$PID" 2>/dev/null
"$PYTHON" "$HK_SRC/tests/control/ctl-top.py" "$HK_CTL" "$HOLDER" "$HK_PRELOAD" >"$T/out" 2>&1 || fail "$(tail -60 "$T/out")"
cat "$T/out"
