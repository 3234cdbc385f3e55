# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Shared by the tests of hakmemd: one daemon at a time, in the pid namespace that ctl-lib.sh makes.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/control/ctl-lib.sh" || exit 99
need curl
HK_DAEMON=$HK_BUILD/hakmemd
[ -x "$HK_DAEMON" ] || skip "hakmemd is not built (--disable-hakmemd)"

# daemon [VARIABLE=VALUE…] [COMMAND…]: start it, by that command; its pid is in $DAEMON, its log in $T/daemon.log.
daemon() {
    : >"$T/daemon.log"
    env "$@" "$HK_DAEMON" 2>>"$T/daemon.log" </dev/null &
    DAEMON=$!
    HK_PIDS+=("$DAEMON")
    wait_for 20 logged 'watches ' || fail "hakmemd did not start: $(cat "$T/daemon.log")"
}
logged() { grep -qE -- "$1" "$T/daemon.log"; }
# until_logged PATTERN: in what it has logged since the last fresh_log.
until_logged() { wait_for "${2:-30}" logged "$1" || fail "hakmemd did not log '$1': $(tail -n 40 "$T/daemon.log")"; }
# What it is still about to log is old, too; after that it appends to an empty file.
fresh_log() {
    sleep 0.3
    : >"$T/daemon.log"
}
value() { "$HK_CTL" get "$1" "$2" --json 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["value"])' 2>/dev/null; }
has_value() { [ "$(value "$1" "$2")" = "$3" ]; }
# becomes PID KEY VALUE: a file was changed, the service follows.
becomes() { wait_for 30 has_value "$1" "$2" "$3" || fail "$2 of $1 is $(value "$1" "$2"), not $3: $(tail -n 30 "$T/daemon.log")"; }
alive() { kill -0 "$DAEMON" 2>/dev/null || fail "hakmemd is gone: $(tail -n 30 "$T/daemon.log")"; }
# replace FILE TEXT: as an editor does, by rename.
replace() { printf '%b' "$2" >"$1.new" && mv "$1.new" "$1"; }
