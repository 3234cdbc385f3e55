#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# doctor: programs that cannot be preloaded, processes that were not, processes that were and lack something, and the host.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
need gcc python3
export HAKMEM_LIB=$HK_PRELOAD HAKMEM_UNIT_DIR=$T/system PATH=$T/bin:$PATH
mkdir -p "$T/bin" "$T/lib/other"
# No systemd: units are tested in systemd.sh and ctl-enable.sh.
printf '#!/bin/sh\necho "no bus" >&2; exit 1\n' >"$T/bin/systemctl"
chmod 0755 "$T/bin/systemctl"
ROOT=
[ "$(id -u)" -eq 0 ] && "${AS_USER[@]}" true 2>/dev/null && ROOT=1

# ---- files ----
cat >"$T/plain.c" <<'C'
#include <unistd.h>
int main(void) { (void) !write(1, "ready\n", 6); for (;;) pause(); }
C
cat >"$T/own.c" <<'C'
#include <stddef.h>
void *malloc(size_t n) { (void) n; return NULL; }
void free(void *p) { (void) p; }
void *je_malloc(size_t n) { return malloc(n); }
int main(void) { return 0; }
C
gcc -o "$T/bin/hkt-plain" "$T/plain.c" && gcc -fno-builtin -rdynamic -o "$T/bin/hkt-own" "$T/own.c" || fail "gcc"
# patch FROM TO WHAT: another kind of ELF file.
patch() {
    python3 - "$@" <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
offset, = struct.unpack_from("<Q", data, 32)
size, count = struct.unpack_from("<HH", data, 54)
for i in range(count):
    at = offset + i * size
    kind, = struct.unpack_from("<I", data, at)
    where, = struct.unpack_from("<Q", data, at + 8)
    if kind == 3 and sys.argv[3] == "static":
        struct.pack_into("<I", data, at, 0)
    if kind == 3 and sys.argv[3] == "musl":
        data[where:where + 25] = b"/lib/ld-musl-x86_64.so.1\0"
if sys.argv[3] == "32":
    data[4] = 1
    struct.pack_into("<H", data, 18, 3)
open(sys.argv[2], "wb").write(data)
PY
    chmod 0755 "$2"
}
ctl 0 doctor "$T/bin/hkt-plain"
out "OK +program +$T/bin/hkt-plain is dynamic, for glibc"
for kind in static musl 32; do patch "$T/bin/hkt-plain" "$T/bin/hkt-$kind" $kind; done
ctl 1 doctor "$T/bin/hkt-static"
out 'PROBLEM +program .*linked statically'
out '→ link it dynamically'
ctl 1 doctor "$T/bin/hkt-musl"
out 'linked with musl \(/lib/ld-musl-x86_64.so.1\)'
ctl 1 doctor "$T/bin/hkt-32"
out 'PROBLEM .*is a 32-bit x86 program'
ctl 1 doctor hkt-own # by name, in PATH
out "PROBLEM +malloc +$T/bin/hkt-own exports a malloc of its own"
out 'NOTE +malloc .*\(je_malloc\)'
out 'NOTE +process +none of that name runs: this is about the file'
cp "$T/bin/hkt-plain" "$T/bin/hkt-suid" && chmod 4755 "$T/bin/hkt-suid"
if [ -u "$T/bin/hkt-suid" ]; then
    ctl 1 doctor "$T/bin/hkt-suid"
    out 'PROBLEM .*is set-user-ID'
fi
cp "$T/bin/hkt-plain" "$T/bin/hkt-caps"
if python3 -c 'import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))' "$T/bin/hkt-caps" 2>/dev/null; then
    ctl 1 doctor "$T/bin/hkt-caps"
    out 'PROBLEM .*has file capabilities'
fi
printf '#!/usr/bin/env hkt-static\n' >"$T/bin/hkt-script"
chmod 0755 "$T/bin/hkt-script"
ctl 1 doctor "$T/bin/hkt-script"
out "hkt-script is a script, run by $T/bin/hkt-static"
out 'PROBLEM .*hkt-static is linked statically'
ctl 1 doctor "$HAKMEM_CONF"
out 'is no program'
ctl 1 doctor "$T"
out 'not a regular file'
head -c 70 "$T/bin/hkt-plain" >"$T/bin/hkt-cut" # torn files must not be believed
for offset in 20 32 40 54 60; do
    python3 -c 'import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[3]):int(sys.argv[3]) + 4] = b"\xff\xff\xff\xff"
open(sys.argv[2], "wb").write(data)' "$T/bin/hkt-plain" "$T/bin/hkt-cut" $offset
    timeout 20 "$HK_CTL" doctor "$T/bin/hkt-cut" >"$T/out" 2>&1
    [ $? -le 1 ] || fail "a torn file (offset $offset): $(cat "$T/out")"
done
ctl 3 doctor "$T/bin/none"
ctl 3 doctor hkt-none
err "'hkt-none' is no running program, no unit, and no program in PATH"
ctl 1 doctor hkt-none.service
err 'systemctl show hkt-none.service: no bus'
ctl 1 doctor --json "$T/bin/hkt-plain" "$T/bin/hkt-static"
json 'len(j) == 2 and j[0]["problems"] == 0 and j[1]["problems"] == 1 and j[1]["findings"][0]["level"] == "PROBLEM" and j[1]["findings"][0]["remedy"]'
say "files"

# ---- processes that have it not ----
go() { # COMMAND…: in the background, until its main has begun; pid in $PID
    rm -f "$T/go.log" # or the "ready" of the one before is seen
    "$@" </dev/null >"$T/go.log" 2>&1 &
    PID=$!
    HK_PIDS+=("$PID")
    wait_for 20 grep -q ready "$T/go.log" || fail "$* did not start: $(cat "$T/go.log")"
}
go hkt-plain
ctl 1 doctor "$PID"
out "hkt-plain\[$PID\]"
out 'PROBLEM +preload +LD_PRELOAD was not set when it was started'
out 'hakmemctl run -- COMMAND'
ctl 1 doctor 'hkt-pl*'
out "hkt-plain\[$PID\]"
ctl 1 doctor --json "$PID"
json "j[0]['pid'] == $PID and j[0]['problems'] == 1"
stop "$PID"
ctl 3 doctor 999999999
err 'there is no process 999999999'
# One that writes a title over its environment.
cat >"$T/title.c" <<'C'
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(void)
{
    char *end = environ[0];
    for (char **e = environ; *e != NULL; e++) end = *e + strlen(*e);
    memset(environ[0], 0, (size_t) (end - environ[0]));
    (void) !write(1, "ready\n", 6);
    for (;;) pause();
}
C
gcc -o "$T/bin/hkt-title" "$T/title.c" || fail gcc
go hkt-title
ctl 1 doctor "$PID"
out 'PROBLEM +preload +the library is not in it; whether LD_PRELOAD was set cannot be seen: it has overwritten its environment'
stop "$PID"
go env LD_PRELOAD="$HK_PRELOAD" MALLOC_CONF=x hkt-title
ctl 0 doctor "$PID"
out 'NOTE +variables +it has overwritten its environment'
stop "$PID"
go env LD_PRELOAD="$T/none/libhakmem.so" hkt-plain
ctl 1 doctor "$PID"
out "PROBLEM +preload +LD_PRELOAD names $T/none/libhakmem.so, which is not there"
stop "$PID"
go env LD_PRELOAD=libm.so.6 hkt-plain
ctl 1 doctor "$PID"
out "LD_PRELOAD of its start is 'libm.so.6', without the library"
stop "$PID"
go env LD_PRELOAD=$'lib\xffm\xc2\x9b.so.6' hkt-plain # no UTF-8, and what a terminal would obey
ctl 1 doctor --json "$PID"
json 'all(f["text"] for f in j[0]["findings"]) and any("lib?m" in f["text"] for f in j[0]["findings"])'
ctl 1 doctor "$PID"
! LC_ALL=C grep -q $'\x9b' "$T/out" || fail "a control byte on the screen: $(cat -v "$T/out")"
stop "$PID"
mkdir "$T/noexec"
if mount -t tmpfs -o noexec tmpfs "$T/noexec" 2>/dev/null; then
    cp "$HK_PRELOAD" "$T/noexec/"
    go env LD_PRELOAD="$T/noexec/libhakmem.so" hkt-plain
    ctl 1 doctor "$PID"
    out 'which is on a file system mounted noexec'
    HAKMEM_LIB=$T/noexec/libhakmem.so ctl 1 doctor
    out 'PROBLEM +library +.*mounted noexec'
    stop "$PID"
    umount "$T/noexec"
fi
mkdir -m 0700 "$T/closed"
cp "$HK_PRELOAD" "$T/closed/"
if [ -n "$ROOT" ]; then
    go "${AS_USER[@]}" env LD_PRELOAD="$T/closed/libhakmem.so" hkt-plain
    ctl 1 doctor "$PID"
    out "which its user \(uid 65534\) cannot read: $T/closed is closed to its user"
    stop "$PID"
    if [ -u "$T/bin/hkt-suid" ]; then
        go "${AS_USER[@]}" env LD_PRELOAD="$HK_PRELOAD" hkt-suid
        ctl 1 doctor "$PID"
        out 'PROBLEM +program +the kernel marked its start as secure'
        stop "$PID"
    fi
    # Among mounts of its own it has the library, since a moment ago; here there is none.
    if unshare --mount true 2>/dev/null; then
        mkdir "$T/inner"
        # shellcheck disable=SC2016
        go unshare --mount bash -c 'mount -t tmpfs tmpfs "$1"; (sleep 1; cp "$2" "$1/") & shift 2; exec "$@"' inner \
            "$T/inner" "$HK_PRELOAD" "${AS_USER[@]}" env LD_PRELOAD="$T/inner/libhakmem.so" hkt-plain
        wait_for 20 test -s "/proc/$PID/root$T/inner/libhakmem.so" || fail "no library among its mounts"
        ctl 1 doctor "$PID"
        out "names $T/inner/libhakmem.so, and it is not mapped"
        stop "$PID"
    fi
    # A socket of somebody else's service says nothing of a process that is hidden.
    mkdir -m 1777 "$T/sockets"
    cp "$HK_CTL" "$T/bin/hakmemctl"
    go "${AS_USER[@]}" env LD_PRELOAD="$HK_PRELOAD" HAKMEM_CONTROL=on HAKMEM_CONTROL_DIR="$T/sockets" hkt-plain
    other=$PID
    as_user() { HAKMEM_CONTROL_DIR=$T/sockets timeout 30 "${AS_USER[@]}" "$T/bin/hakmemctl" --door=1 "$@"; }
    wait_for 20 as_user status "$other" || fail "no control socket of $other"
    go hkt-plain
    as_user doctor "$PID" >"$T/out" 2>"$T/err"
    [ $? -eq 1 ] || fail "doctor on a hidden process: $(cat "$T/out" "$T/err")"
    out "PROBLEM +access +it is another user's process \(uid 0\)"
    stop "$PID"
    # Its own does, whatever else there is.
    group=$(getent group 65534 | cut -d: -f1)
    if [ -n "$group" ]; then
        go env LD_PRELOAD="$HK_PRELOAD" HAKMEM_CONTROL=on "HAKMEM_CONTROL_GROUP=$group" HAKMEM_CONTROL_DIR="$T/sockets" hkt-plain
        wait_for 20 as_user status "$PID" || fail "the socket of $PID does not serve its group"
        as_user doctor "$PID" >"$T/out" 2>"$T/err" || fail "doctor on a hidden process with a socket: $(cat "$T/out" "$T/err")"
        out "OK +socket +$T/sockets/$PID\..* answers this user"
        stop "$PID"
    fi
    stop "$other"
fi
say "processes without it"

# ---- processes that have it ----
go env LD_PRELOAD="$HK_PRELOAD" hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
door2_works "$PID" || skip "reading the memory of other processes is not permitted here"
ctl 0 doctor hkt-plain
out "OK +library +$HK_PRELOAD is mapped"
out 'OK +socket +control = off'
# A backslash is one, as in systemd's names.
cp "$T/bin/hkt-plain" "$T/bin/hkt\\x2dplain"
plain=$PID
go env LD_PRELOAD="$HK_PRELOAD" 'hkt\x2dplain'
wait_for 20 "$HK_CTL" status "$PID"
ctl 0 status 'hkt\x2dplain'
out "pid $PID\b"
ctl 0 doctor 'hkt\x2dpl*'
out "hkt.x2dplain\[$PID\]"
stop "$PID"
PID=$plain
cp "$HK_PRELOAD" "$T/lib/new" && mv "$T/lib/new" "$HK_PRELOAD"
ctl 0 doctor "$PID"
out 'NOTE +library .*was replaced on disk since'
stop "$PID"
: >"$T/file"
go env LD_PRELOAD="$HK_PRELOAD" HAKMEM_CONTROL=on HAKMEM_CONTROL_DIR="$T/file" hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
ctl 1 doctor "$PID"
out 'PROBLEM +socket +control = on, but no socket at .*: Not a directory'
stop "$PID"
go env LD_PRELOAD="$HK_PRELOAD" HAKMEM_CONTROL=on hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
ctl 0 doctor "$PID"
out "OK +socket +$HAKMEM_CONTROL_DIR/$PID\."
out 'NOTE +socket .*no other thread than ours'
stop "$PID"
# What tunes another allocator is named, its value is not; and only where hakmem serves malloc.
others="MALLOC_CONF=dirty_decay_ms:hkt mimalloc_purge_delay=7 GLIBC_TUNABLES=glibc.malloc.arena_max=1 MALLOC_ARENA_MAX=1"
# shellcheck disable=SC2086 # words are wanted
go env $others MALLOC_CONFUSED=1 LD_PRELOAD="$HK_PRELOAD" hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
ctl 0 doctor "$PID"
for name in $others; do out "NOTE +variables .*\b${name%%=*}\b.* in its environment: no effect under hakmem"; done
out '→ hakmem-migration\(7\)'
! grep -qE 'MALLOC_CONFUSED|hkt:|:hkt' "$T/out" || fail "too much is told: $(cat "$T/out")"
stop "$PID"
go env GLIBC_TUNABLES=glibc.cpu.x86_shstk=off LD_PRELOAD="$HK_PRELOAD" hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
ctl 0 doctor "$PID"
! grep -q variables "$T/out" || fail "a tunable that is not malloc's: $(cat "$T/out")"
stop "$PID"
go env MALLOC_ARENA_MAX=1 hkt-plain
ctl 1 doctor "$PID"
! grep -q variables "$T/out" || fail "glibc's malloc goes by it: $(cat "$T/out")"
stop "$PID"
# Another allocator: in front of ours, behind it.
echo 'int hkt_nothing;' >"$T/nothing.c"
gcc -shared -fPIC -o "$T/lib/other/libjemalloc.so.2" "$T/nothing.c" || fail "gcc -shared"
go env MALLOC_CONF=xmalloc:true LD_PRELOAD="$T/lib/other/libjemalloc.so.2:$HK_PRELOAD" hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
ctl 1 doctor "$PID"
out 'PROBLEM +malloc .*libjemalloc.so.2 stands before ours in LD_PRELOAD'
! grep -q variables "$T/out" || fail "jemalloc goes by MALLOC_CONF: $(cat "$T/out")"
stop "$PID"
go env LD_PRELOAD="$HK_PRELOAD:$T/lib/other/libjemalloc.so.2" hkt-plain
wait_for 20 "$HK_CTL" status "$PID"
ctl 0 doctor "$PID"
out "NOTE +malloc .*libjemalloc.so.2 is mapped too; malloc is hakmem's"
stop "$PID"
# Limits, and huge pages switched off.
go bash -c 'ulimit -v 4000000; exec env LD_PRELOAD="$1" hkt-plain' limited "$HK_PRELOAD"
wait_for 20 "$HK_CTL" status "$PID"
ctl 0 doctor "$PID"
out 'NOTE +limits +address space is limited to 3\.8G'
stop "$PID"
go "$PYTHON" -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)
os.execvpe("hkt-plain", ["hkt-plain"], dict(os.environ, LD_PRELOAD=sys.argv[1]))' "$HK_PRELOAD"
wait_for 20 "$HK_CTL" status "$PID"
if grep -q '^THP_enabled:[[:space:]]*0' "/proc/$PID/status"; then
    ctl 0 doctor "$PID"
    out 'NOTE +memory +huge pages are switched off for it'
fi
stop "$PID"
say "processes with it"

# ---- the host ----
ctl 0 doctor
out "OK +library +$HK_PRELOAD can be read by every user"
out 'OK +library +tried on .cat.: it was loaded'
out 'OK +libc +glibc'
out 'OK +files +.*hakmem.ini: no error'
ctl 0 doctor --json
json 'j[0]["subject"] == "this host" and j[0]["pid"] is None and j[0]["problems"] == 0'
printf '[hakmem]\ncontrol = on\ncontrol_dir = %s\nbigcahe = on\n' "$T/nodir" >"$HAKMEM_CONF"
HAKMEM_CONTROL_DIR=$T/elsewhere ctl 1 doctor # where hakmemctl looks is what counts
out "PROBLEM +socket +$T/elsewhere: No such file"
[ "$(grep -cE '^  [A-Z]+ +socket ' "$T/out")" -eq 1 ] || fail "one folder, one line: $(cat "$T/out")"
unset HAKMEM_CONTROL_DIR
ctl 1 doctor
out "PROBLEM +files +1 errors .*did you mean 'bigcache'"
out "PROBLEM +socket +$T/nodir: No such file"
mkdir -m 0755 "$T/nodir"
ctl 1 doctor
out "PROBLEM +socket +$T/nodir has mode 0755: services of other users cannot make a socket there"
chmod 1777 "$T/nodir"
printf '[hakmem]\ncontrol = on\ncontrol_dir = %s\n' "$T/nodir" >"$HAKMEM_CONF"
ctl 0 doctor
HAKMEM_LIB=$T/closed/libhakmem.so ctl 1 doctor
out "PROBLEM +library +.*cannot be loaded by services of other users: $T/closed is closed"
echo nonsense >"$T/lib/libhakmem.so"
ctl 1 doctor
out 'PROBLEM +library +tried on .cat., and it was not loaded: .*ld\.so'
HAKMEM_LIB=$T/none.so ctl 1 doctor
out 'PROBLEM +library +libhakmem.so was not found'
ctl 2 doctor --dry-run
say "the host"
