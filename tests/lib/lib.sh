# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Shared by the shell tests: where things are, a temp folder, running a command bare or preloaded,
# starting and stopping servers, verdicts. Source it first: . "$HK_SRC/tests/lib/lib.sh"
#
#   HK_BUILD, HK_SRC   build and source tree (set by make check; guessed when run by hand)
#   HK_LIB, HK_CTL     the library and hakmemctl as built
#   T                  temp folder of this test, 0755, removed at the end
#   HK_PRELOAD         a copy of the library in $T that any user can load
set -u
set -o pipefail

HK_SRC=${HK_SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
HK_BUILD=${HK_BUILD:-$PWD}
HK_LIB=$HK_BUILD/.libs/libhakmem.so
HK_CTL=$HK_BUILD/hakmemctl
HK_TEST=$(basename "$0" .sh)

say() { printf '%s: %s\n' "$HK_TEST" "$*"; }
skip() { printf 'SKIP: %s: %s\n' "$HK_TEST" "$*"; exit 77; }
fail() { printf 'FAIL: %s: %s\n' "$HK_TEST" "$*"; exit 1; }
need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null 2>&1 || [ -x "$command" ] || skip "$command is not installed"
    done
}

# Nothing of the caller's may leak in: with a SYSTEMD_EXEC_PID no control thread would start, and who has XDG_RUNTIME_DIR or
# NOTIFY_SOCKET would get sockets or messages of ours.
unset LD_PRELOAD HK_WITNESS SYSTEMD_EXEC_PID XDG_RUNTIME_DIR NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID JOURNAL_STREAM
for hk_name in $(compgen -e | grep '^HAKMEM_' || true); do unset "$hk_name"; done
export LC_ALL=C.UTF-8 TZ=UTC
# Debian's programs first: of other places' python3, some look each time for the one that is meant, for a second.
export PATH=/usr/bin:/bin:$PATH

T=$(mktemp -d "${TMPDIR:-/tmp}/hakmem-$HK_TEST.XXXXXX") || exit 99
chmod 0755 "$T"
HK_PIDS=()
hk_cleanup() {
    local status=$? pid
    trap - EXIT
    for pid in "${HK_PIDS[@]:+${HK_PIDS[@]}}"; do
        kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
    done
    if [ -n "${HK_KEEP:-}" ]; then echo "kept $T"; else rm -rf "$T"; fi
    exit "$status"
}
trap hk_cleanup EXIT
trap 'exit 99' INT TERM HUP

[ -e "$HK_LIB" ] || fail "$HK_LIB is not built"
HK_PRELOAD=$T/lib/libhakmem.so
mkdir "$T/lib" && cp -L "$HK_LIB" "$HK_PRELOAD" && chmod 0755 "$T/lib" "$HK_PRELOAD" || exit 99
# No file: the built-in defaults hold, whatever this machine has in /etc.
export HAKMEM_CONF=$T/none.ini

# in_mode MODE COMMAND…: run it to its end, bare (MODE "bare") or preloaded in that mode (MODE "full", "sampled": balanced with that security), at most
# HK_TIMEOUT seconds (then 124). exec_in_mode replaces the (sub)shell by it, so that $! is the program.
in_mode() { (HK_EXEC="timeout -k 5 ${HK_TIMEOUT:-120}" exec_in_mode "$@"); }
exec_in_mode() {
    local mode=$1
    shift
    # shellcheck disable=SC2086 # HK_EXEC is a list of words
    [ "$mode" = bare ] && exec ${HK_EXEC:-} env "$@"
    [ "$mode" = full ] && { mode=balanced; export HAKMEM_SECURITY=full; }
    [ "$mode" = sampled ] && { mode=balanced; export HAKMEM_SECURITY=sampled HAKMEM_SAMPLE_RATE=100; }
    # shellcheck disable=SC2086
    exec ${HK_EXEC:-} env LD_PRELOAD="$HK_PRELOAD${HK_WITNESS_LIB:+:$HK_WITNESS_LIB}" HAKMEM_MODE="$mode" "$@"
}

# The witness: a second preloaded library that notes in $HK_WITNESS, for each process, whose malloc
# it got ("COMM PATH"). witness_on FILE switches it on; saw COMM demands hakmem in a process COMM,
# and that no preloaded process got another malloc.
witness_on() {
    HK_WITNESS_LIB=$T/lib/witness.so
    cp -L "$HK_BUILD/tests/preload/.libs/witness.so" "$HK_WITNESS_LIB" && chmod 0755 "$HK_WITNESS_LIB" || exit 99
    export HK_WITNESS=$1
    : >"$HK_WITNESS" && chmod 0666 "$HK_WITNESS"
}
saw() {
    local comm
    for comm in "$@"; do
        grep -q "^$comm .*/libhakmem\.so" "$HK_WITNESS" ||
            fail "libhakmem was not malloc in any process '$comm': $(sort -u "$HK_WITNESS" | head -20)"
    done
    ! grep -v '/libhakmem\.so' "$HK_WITNESS" || fail "a preloaded process got another malloc (above)"
}

# start MODE LOG COMMAND…: in the background, without stdin; its pid is in $PID.
start() {
    local mode=$1 log=$2
    shift 2
    (exec_in_mode "$mode" "$@") </dev/null >"$log" 2>&1 &
    PID=$!
    HK_PIDS+=("$PID")
}
# stop PID [SIGNAL]: ask, wait up to 20 s, and return its exit status.
stop() {
    local pid=$1 signal=${2:-TERM} i
    kill "-$signal" "$pid" 2>/dev/null
    for ((i = 0; i < 200; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        [ "$(ps -o stat= -p "$pid" 2>/dev/null | cut -c1)" = Z ] && break
        sleep 0.1
    done
    ((i < 200)) || { kill -KILL "$pid" 2>/dev/null; say "pid $pid did not stop by SIG$signal"; }
    wait "$pid" 2>/dev/null
}
# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
    local tries=$(($1 * 10)) i
    shift
    for ((i = 0; i < tries; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}
# Run as somebody unprivileged where the program refuses root: AS_USER is a command prefix, user_own
# gives that user a folder.
AS_USER=()
user_own() { :; }
if [ "$(id -u)" -eq 0 ]; then
    AS_USER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    user_own() { chown -R 65534:65534 "$@"; }
fi
# A server that must be there, and with or without the library as MODE says.
check_loaded() {
    local pid=$1 mode=$2 i
    for ((i = 0; i < 100; i++)); do # what starts a service may become it by and by
        kill -0 "$pid" 2>/dev/null || fail "pid $pid ($mode) is gone"
        [ "$mode" != bare ] && ! grep -q libhakmem "/proc/$pid/maps" || break
        sleep 0.05
    done
    if [ "$mode" = bare ]; then
        ! grep -q libhakmem "/proc/$pid/maps" || fail "pid $pid is preloaded, though it must not be"
    else
        grep -q libhakmem "/proc/$pid/maps" || fail "pid $pid ($mode) has not loaded libhakmem"
    fi
}
# same WHAT BARE-FILE OTHER-FILE: results with and without the library.
same() {
    cmp -s "$2" "$3" || { diff -a "$2" "$3" | head -20; fail "$1: results with and without hakmem differ"; }
}
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}
