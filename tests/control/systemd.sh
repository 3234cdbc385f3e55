#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# enable, disable and doctor under a real systemd: it runs as process 1 of namespaces of its own, with its own /etc,
# /run, /tmp and /opt and in a control group of its own, so that the host's services see nothing of it. Each kind of unit is
# started, enabled, restarted, asked through the door that was promised, disabled, restarted, and free of the library again.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need unshare nsenter systemctl
SYSTEMD=
for SYSTEMD in /usr/lib/systemd/systemd /lib/systemd/systemd; do [ -x "$SYSTEMD" ] && break; done
[ -x "$SYSTEMD" ] || skip "systemd is not installed"
[ "$(id -u)" -eq 0 ] || skip "a systemd of its own needs root"
[ -d /opt ] && [ -d /etc/systemd/system ] || skip "no /opt or no /etc/systemd/system to mount over"

# ---- a host in namespaces ---------------------------------------------------------------------------

cp -L "$HK_CTL" "$T/hakmemctl" && cp "$HK_BUILD/control_victim" "$T/victim" && cp "$HK_SRC/conf/tmpfiles.d/hakmem.conf" "$T/" || exit 99
[ ! -x "$HK_BUILD/hakmemd" ] || cp "$HK_BUILD/hakmemd" "$T/"
cat >"$T/boot" <<'BOOT'
set -e
T=$1 SYSTEMD=$2
mount -t proc proc /proc
mount -o bind,ro /proc/sys /proc/sys
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir -p /opt/hakmem/lib /opt/hakmem/bin /opt/etc /opt/jail/usr/bin
cp "$T/lib/libhakmem.so" /opt/hakmem/lib/
cp "$T/hakmemctl" "$T/victim" /opt/hakmem/bin/
[ ! -e "$T/hakmemd" ] || cp "$T/hakmemd" /opt/hakmem/bin/
cp /bin/sleep /opt/jail/usr/bin/
chmod -R a+rX /opt/hakmem
cp -a /etc/. /opt/etc/
mount -o bind /opt/etc /etc
rm -rf /etc/systemd/system /etc/systemd/system.conf* /etc/hakmem* /etc/tmpfiles.d
mkdir -p /etc/systemd/system /etc/tmpfiles.d /etc/hakmem.d
cp "$T/hakmem.conf" /etc/tmpfiles.d/
printf '[Unit]\nDefaultDependencies=no\n' >/etc/systemd/system/hakmem-test.target
[ -s /etc/machine-id ] || echo 0123456789abcdef0123456789abcdef >/etc/machine-id
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=1777 tmpfs /var/tmp
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i PATH="$PATH" container=hakmem-test "$SYSTEMD" --system --unit=hakmem-test.target --log-target=console --show-status=0
BOOT
# In between: a control group of its own, removed when all is over.
cat >"$T/host" <<'HOST'
T=$1
mkdir "$T/cgroup" && mount -t cgroup2 cgroup2 "$T/cgroup" || exit 1
before=$T/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
own=$before/hakmem-test.$$
mkdir "$own" && echo $$ >"$own/cgroup.procs" || exit 1
unshare --pid --fork --mount --uts --ipc --net --cgroup --kill-child bash "$T/boot" "$@" &
echo $! >"$T/unshare.pid"
wait
echo $$ >"$before/cgroup.procs"
find "$own" -depth -type d -exec rmdir {} \; 2>/dev/null
umount "$T/cgroup"
HOST
unshare --mount --propagation private bash "$T/host" "$T" "$SYSTEMD" >"$T/host.log" 2>&1 &
HOST_PID=$!
HK_PIDS+=("$HOST_PID")
init_of() { INIT=$(cat "/proc/$(cat "$T/unshare.pid")/task/$(cat "$T/unshare.pid")/children" 2>/dev/null | tr -d ' ') && [ -n "$INIT" ]; }
inside() { nsenter -t "$INIT" -m -p -C -n -u -i -- env -u HAKMEM_CONF -u HAKMEM_CONTROL_DIR "$@"; }
is_up() {
    kill -0 "$HOST_PID" 2>/dev/null || return 0
    init_of && [ "$(cat "/proc/$INIT/comm" 2>/dev/null)" = systemd ] && inside systemctl is-active hakmem-test.target
}
down() {
    local status=$?
    if [ -n "${INIT:-}" ]; then kill -KILL "$INIT" 2>/dev/null; wait "$HOST_PID" 2>/dev/null; fi
    (exit "$status")
    hk_cleanup
}
trap down EXIT
wait_for 60 is_up
kill -0 "$HOST_PID" 2>/dev/null && [ -n "${INIT:-}" ] && [ "$(inside systemctl is-active hakmem-test.target 2>&1)" = active ] ||
    skip "systemd does not run in namespaces here: $(tail -3 "$T/host.log" | tr '\n' ' ')"
say "systemd $(inside systemctl --version | head -1) runs in namespaces of its own"

# ---- what is done with each unit ----------------------------------------------------------------------

# ctl STATUS ARGUMENT…: the hakmemctl that is installed in there.
ctl() {
    local want=$1 got
    shift
    inside timeout -k 5 60 /opt/hakmem/bin/hakmemctl "$@" >"$T/out" 2>"$T/err" </dev/null
    got=$?
    [ "$got" -eq "$want" ] ||
        fail "hakmemctl $*: status $got, not $want: $(head -c 2000 "$T/out") $(head -c 1500 "$T/err") $(tail -5 "$T/host.log")"
}
out() { grep -qE -- "$1" "$T/out" || fail "no '$1' in: $(head -c 2000 "$T/out")"; }
write_unit() { # NAME LINE…
    local name=$1
    shift
    {
        printf '[Unit]\nDefaultDependencies=no\n[Service]\nKillMode=process\nTimeoutStopSec=5\n'
        case "$*" in *ExecStart=*) ;; *) echo "ExecStart=/usr/bin/sleep infinity" ;; esac
        printf '%s\n' "$@"
    } | inside tee "/etc/systemd/system/$name" >/dev/null
    inside systemctl daemon-reload
}
main_pid() { inside systemctl show -P MainPID "$1"; }
maps_of() { inside cat "/proc/$(main_pid "$1")/maps"; }
loaded() { [[ $(maps_of "$1") == *libhakmem* ]]; }
# systemctl may be back before the process has become the unit's program and has loaded its libraries.
begun() {
    local exe
    exe=$(inside readlink "/proc/$(main_pid "$1")/exe") && [[ $exe != */systemd* && $(maps_of "$1") == *libc.so* ]]
}
begin() { # start|restart UNIT
    inside systemctl "$1" "$2" && wait_for 60 begun "$2"
}
# The unit runs, and still does a moment later.
runs() {
    [ "$(inside systemctl is-active "$1")" = active ] || fail "$1 is $(inside systemctl show -P ActiveState,Result,ExecMainStatus "$1" | tr '\n' ' '): $(tail -5 "$T/host.log")"
}
door_of() { # UNIT: through which door it answers, as the one that runs in mode fast; empty while it does not
    inside /opt/hakmem/bin/hakmemctl status --json "$1" 2>/dev/null | tr -d ' \n' |
        sed -n '/"mode":"fast"/s/.*"door":\([12]\).*/\1/p'
}
answers() { [ "$(door_of "$1")" = "$2" ]; }

# works DOOR NAME LINE…: the whole round. DOOR 1 or 2.
works() {
    local door=$1 name=$2.service
    shift 2
    write_unit "$name" "$@"
    begin start "$name" || fail "$name does not even start without hakmem: $(tail -5 "$T/host.log")"
    ! loaded "$name" || fail "$name has the library before it is enabled"
    ctl 0 enable "$name" mode=fast "control=$([ "$door" = 1 ] && echo on || echo "${CONTROL:-on}")"
    cp "$T/out" "$T/enabled"
    [ "$door" = 1 ] || grep -qE "no socket|hakmemctl takes the other way" "$T/enabled" || fail "$name: no word of door 2: $(cat "$T/enabled")"
    ! loaded "$name" || fail "$name was restarted without being asked"
    begin restart "$name" || fail "$name does not start with hakmem: $(tail -5 "$T/host.log")"
    loaded "$name" || fail "$name is restarted, without the library: $(cat "$T/enabled") $(tail -5 "$T/host.log")"
    wait_for 30 answers "$name" "$door" || fail "$name: door '$(door_of "$name")' and not $door: $(inside /opt/hakmem/bin/hakmemctl status "$name" 2>&1)"
    ctl 0 set "$name" thp=off
    ctl 0 trim "$name"
    runs "$name"
    if [ "$door" = 1 ]; then
        ctl 0 doctor "$name"
        out 'OK +socket +/run/hakmem/'
    fi
    # Again, with our lines in force: the same file.
    ctl 0 enable "$name" mode=fast "control=$([ "$door" = 1 ] && echo on || echo "${CONTROL:-on}")"
    out "is there +/etc/systemd/system/$name.d/hakmem.conf"
    ctl 0 disable "$name"
    out 'removed'
    loaded "$name" || fail "$name was restarted by disable"
    begin restart "$name"
    runs "$name"
    ! loaded "$name" || fail "$name has the library after disable"
    inside test ! -e "/etc/systemd/system/$name.d" || fail "the folder of $name's drop-in stays"
    inside systemctl stop "$name"
}
refused() { # NAME PATTERN LINE…
    local name=$1.service pattern=$2
    shift 2
    write_unit "$name" "$@"
    ctl 1 enable "$name"
    out "PROBLEM .*$pattern"
    inside test ! -e "/etc/systemd/system/$name.d" || fail "$name was refused, and written"
    ctl 1 doctor "$name"
    out 'PROBLEM'
}

# ---- the units --------------------------------------------------------------------------------------------

works 1 plain
inside test -d /run/hakmem || fail "enable left no /run/hakmem"
[ "$(inside stat -c %a /run/hakmem)" = 1777 ] || fail "/run/hakmem has mode $(inside stat -c %a /run/hakmem)"
works 1 easy User=nobody PrivateTmp=yes PrivateUsers=yes PrivateNetwork=yes ProtectSystem=full ProtectProc=invisible \
    MemoryDenyWriteExecute=yes NoNewPrivileges=yes ProtectHome=yes
works 1 strict ProtectSystem=strict User=nobody
works 1 dynamic DynamicUser=yes
works 1 readonly ReadOnlyPaths=/run
works 1 inet "RestrictAddressFamilies=AF_INET AF_INET6"
works 1 nofamily RestrictAddressFamilies=none
works 1 denyunix "RestrictAddressFamilies=~AF_UNIX AF_PACKET"
works 1 filter SystemCallFilter=@system-service NoNewPrivileges=yes
# process_madvise is not tried under a filter: memory goes back a block a call.
works 1 nopm SystemCallFilter=~@ipc "ExecStart=/opt/hakmem/bin/victim serve"
works 1 noexec NoExecPaths=/ "ExecPaths=-/usr/bin -/bin -/usr/lib -/lib -/lib64 -/usr/lib64"
say "units of one line each"
works 1 hard DynamicUser=yes ProtectSystem=strict PrivateTmp=yes PrivateUsers=yes ProtectHome=yes NoNewPrivileges=yes \
    "RestrictAddressFamilies=AF_INET AF_INET6" SystemCallFilter=@system-service "SystemCallFilter=~@privileged @resources" \
    MemoryDenyWriteExecute=yes RestrictNamespaces=yes RestrictSUIDSGID=yes LockPersonality=yes ProtectKernelTunables=yes \
    ProtectControlGroups=yes CapabilityBoundingSet= ProtectProc=invisible SystemCallArchitectures=native \
    "ExecStart=/opt/hakmem/bin/victim serve"
say "all of them at once, with a program that allocates"
works 2 tmpfs TemporaryFileSystem=/run:ro
works 2 hidden InaccessiblePaths=/run/hakmem
CONTROL=off works 2 nonet "SystemCallFilter=~@network-io"
# control = on comes by the file once it runs: said before the restart that ends it, and true.
write_unit late.service "SystemCallFilter=~@network-io"
ctl 0 enable late mode=fast
begin start late
printf '[unit:late.service]\ncontrol = on\n' | inside tee /etc/hakmem.ini >/dev/null
late="control = on ends late.service at its next start: its SystemCallFilter= \(/etc/systemd/system/late.service:[0-9]+\) forbids socket"
ctl 1 check
out "hakmem.ini:2: $late"
ctl 0 reload late
out 'control = on waits for a restart'
out "warning: $late"
inside systemctl restart late
wait_for 20 eval '[ "$(inside systemctl show -P Result late)" = core-dump ] || [ "$(inside systemctl show -P Result late)" = signal ]' ||
    fail "what check and reload foretold has not come: $(inside systemctl show -P Result,ActiveState late)"
inside rm /etc/hakmem.ini
ctl 0 disable late
say "units whose socket is out of reach: door 2"

# An instance of a template, and a preload that is there already.
write_unit 'many@.service' ProtectSystem=strict Environment=LD_PRELOAD=libm.so.6
begin start many@one
begin start many@two
ctl 0 enable 'many@' control=on mode=fast
begin restart many@one
loaded many@one.service || fail "many@one is restarted, without the library"
[[ $(maps_of many@one.service) == *libm.so* ]] || fail "the unit's own preload is gone"
! loaded many@two.service || fail "many@two was restarted"
wait_for 30 answers many@one.service 1 || fail "many@one does not answer"
ctl 0 enable --restart many@two mode=fast purge_delay=3s
wait_for 60 loaded many@two.service || fail "--restart did not"
ctl 0 get many@two purge_delay
out '3s'
ctl 0 disable --restart many@two # the template's still holds
ctl 0 disable 'many@'
inside systemctl stop many@one many@two
say "templates"

# What stands in the way is refused, with its place.
unit_dir=/etc/systemd/system
printf '[unit:nonet3.service]\ncontrol = on\n' | inside tee /etc/hakmem.ini >/dev/null
refused nonet3 "SystemCallFilter= \($unit_dir/nonet3.service:[0-9]+\) forbids socket" "SystemCallFilter=~@network-io"
refused hiddenlib "hidden from the unit by InaccessiblePaths= \($unit_dir/hiddenlib.service:[0-9]+\)" InaccessiblePaths=/opt/hakmem/lib
refused jail "RootDirectory=/opt/jail \($unit_dir/jail.service:[0-9]+\) has no /opt/hakmem/lib/libhakmem.so" RootDirectory=/opt/jail
refused envi "'env -i' in $unit_dir/envi.service:[0-9]+ drops LD_PRELOAD" "ExecStart=/usr/bin/env -i /usr/bin/sleep infinity"
refused unset "UnsetEnvironment=LD_PRELOAD \($unit_dir/unset.service:[0-9]+\)" UnsetEnvironment=LD_PRELOAD
# A drop-in that comes later and wins is found after the fact, too.
write_unit later.service
printf '[Service]\nEnvironment=LD_PRELOAD=libm.so.6 X=1\nEnvironment=Y=2\n' |
    inside sh -c 'mkdir -p /etc/systemd/system/later.service.d && cat >/etc/systemd/system/later.service.d/zz.conf'
ctl 1 enable later
grep -q 'zz.conf:[0-9]* comes later and wins\|later.service.d/zz.conf' "$T/out" "$T/err" || fail "not said who wins: $(cat "$T/out" "$T/err")"
ctl 0 disable later
out 'stays +/etc/systemd/system/later.service.d/zz.conf'
say "what stands in the way"

# The library is replaced while a service runs with it.
write_unit old.service
ctl 0 enable old mode=fast
begin start old
inside sh -c 'cp /opt/hakmem/lib/libhakmem.so /opt/hakmem/lib/new && mv /opt/hakmem/lib/new /opt/hakmem/lib/libhakmem.so'
ctl 0 doctor "$(main_pid old)"
out 'NOTE +library .*was replaced on disk since'
ctl 0 doctor
out 'OK +library +tried on'
out 'OK +socket +/run/hakmem is there, with mode 1777'
say "doctor"

# ---- hakmemd, in the sandbox of its unit ----

if [ ! -e "$T/hakmemd" ]; then
    say "hakmemd is not built: left out"
    exit 0
fi
sed 's,^ExecStart=[^ ]*,ExecStart=/opt/hakmem/bin/hakmemd,' "$HK_BUILD/conf/systemd/hakmemd.service" |
    inside tee /etc/systemd/system/hakmemd.service >/dev/null
# No journal, no mounts of the host's: only the unit itself.
inside mkdir -p /etc/systemd/system/hakmemd.service.d
printf '[Unit]\nDefaultDependencies=no\n[Service]\nStandardError=append:/run/hakmemd.log\n' |
    inside tee /etc/systemd/system/hakmemd.service.d/test.conf >/dev/null
ini() { printf '%b' "$1" | inside sh -c 'cat >/etc/hakmem.ini.new && mv /etc/hakmem.ini.new /etc/hakmem.ini'; }
said() { inside grep -qE "$1" /run/hakmemd.log; }
log() { inside tail -n 20 /run/hakmemd.log 2>&1; }
ini '[hakmemd]\nmetrics_listen = /run/hakmemd/metrics.sock\n'
write_unit watched.service "ExecStart=/opt/hakmem/bin/victim serve"
write_unit other.service User=nobody ProtectSystem=strict "ExecStart=/opt/hakmem/bin/victim serve"
for unit in watched other; do
    ctl 0 enable $unit mode=fast control=on
    begin start $unit
done
inside systemctl start hakmemd || fail "hakmemd does not start in its sandbox: $(inside systemctl show -P Result,ExecMainStatus hakmemd | tr '\n' ' ') $(log)"
runs hakmemd
metrics() { inside curl -sf --unix-socket /run/hakmemd/metrics.sock http://x/metrics; }
is_up_there() { metrics >"$T/metrics" && grep -q "^hakmem_up{.*unit=\"$1.service\".*} 1" "$T/metrics"; }
command -v curl >/dev/null || skip "curl is not installed: hakmemd's metrics were not tried"
for unit in watched other; do
    wait_for 30 is_up_there $unit || fail "hakmemd does not reach $unit: $(metrics | grep hakmem_up) $(log)"
done
[ "$(inside stat -c %a /run/hakmemd)" != 777 ] || fail "hakmemd's folder is open to all"
has_delay() { [ "$(inside /opt/hakmem/bin/hakmemctl get "$1" purge_delay --json 2>/dev/null | tr -d ' \n' | sed 's/.*"value":"\([^"]*\)".*/\1/')" = "$2" ]; }
# A file changes: both services follow, through the socket, whoever they run as.
ini '[hakmemd]\nmetrics_listen = /run/hakmemd/metrics.sock\n[hakmem]\npurge_delay = 321ms\n'
for unit in watched other; do
    wait_for 30 has_delay $unit 321ms || fail "$unit was not told: $(inside /opt/hakmem/bin/hakmemctl get $unit purge_delay) $(log)"
done
# A unit that is restarted is seen again.
old=$(main_pid watched.service)
begin restart watched
wait_for 20 said "\[$(main_pid watched.service)\].*is there" || fail "the restarted unit is not seen ($old before): $(log)"
inside systemctl reload hakmemd || fail "systemctl reload hakmemd: $(log)"
runs hakmemd
# A daemon that is killed comes back; services never depended on it.
inside systemctl kill --signal=KILL --kill-whom=main hakmemd
wait_for 30 is_up_there other || fail "hakmemd was not started again: $(inside systemctl status hakmemd 2>&1 | head -8) $(log)"
inside systemctl stop hakmemd
for unit in watched other; do
    runs $unit
    ctl 0 status $unit
    inside systemctl stop $unit
done
say "hakmemd in its sandbox"
