#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# enable and disable, with a systemctl that shows recorded units of many kinds: which lines are written, what stands in
# the way and where it is said to stand, and that nothing of anybody else's is touched.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

export HK_FAKE=$T/fake HAKMEM_UNIT_DIR=$T/system HAKMEM_LIB=$HK_PRELOAD
mkdir -p "$HK_FAKE/units" "$HK_FAKE/loaded" "$HK_FAKE/bin" "$HAKMEM_UNIT_DIR" "$T/files"
printf '#!/bin/sh\nexec %s -IS %s "$@"\n' "$PYTHON" "$HK_SRC/tests/control/systemctl.py" >"$HK_FAKE/bin/systemctl"
printf '#!/bin/sh\necho "systemd-tmpfiles $*" >>"$HK_FAKE/log"; exit 1\n' >"$HK_FAKE/bin/systemd-tmpfiles"
chmod 0755 "$HK_FAKE/bin/"*
export PATH=$HK_FAKE/bin:$PATH
: >"$HK_FAKE/log"
SLEEP=$(readlink -f "$(command -v sleep)")

# unit NAME KEY=VALUE…: a unit file with these lines, and what systemd 252 was recorded to show of a plain
# service, with these values in it.
unit() {
    local name=$1 line file=$T/files/$1
    shift
    printf '[Service]\n' >"$file"
    cat >"$T/record" <<END
Type=simple
ExecStart={ path=$SLEEP ; argv[]=$SLEEP 1000 ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Environment=
UnsetEnvironment=
RootDirectory=
RootImage=
User=
DynamicUser=no
ReadWritePaths=
ReadOnlyPaths=
InaccessiblePaths=
ExecPaths=
NoExecPaths=
PrivateTmp=no
ProtectHome=no
ProtectSystem=no
SystemCallFilter=~
SystemCallErrorNumber=2147483646
RestrictAddressFamilies=~
BindPaths=
BindReadOnlyPaths=
TemporaryFileSystem=
LoadState=loaded
ActiveState=active
FragmentPath=$file
DropInPaths=
NeedDaemonReload=no
LoadError=
END
    [[ $name == *@* ]] || echo "Id=$name" >>"$T/record"
    for line in "$@"; do
        echo "$line" >>"$file"
        case $line in
        exec=*) line="ExecStart={ path=${line#exec=} ; ignore_errors=no ; start_time=[n/a] }" ;;
        esac
        grep -v "^${line%%=*}=" "$T/record" >"$T/record.new"
        echo "$line" >>"$T/record.new"
        mv "$T/record.new" "$T/record"
    done
    sed -i 's/^exec=.*/ExecStart=command/; s/^EnvironmentFiles=/EnvironmentFile=/' "$file"
    mv "$T/record" "$HK_FAKE/units/$name"
}
dropin() { echo "$HAKMEM_UNIT_DIR/$1.d/hakmem.conf"; }
has() { grep -qxF -- "$2" "$(dropin "$1")" || fail "$1: no '$2' in $(cat "$(dropin "$1")" 2>&1)"; }
has_no() { ! grep -q -- "$2" "$(dropin "$1")" || fail "$1: '$2' in $(cat "$(dropin "$1")")"; }
none() { [ ! -e "$HAKMEM_UNIT_DIR/$1.d" ] || fail "$1: something was written: $(ls "$HAKMEM_UNIT_DIR/$1.d")"; }
# refused UNIT PATTERN…: enable must not write, and say all of this.
refused() {
    local name=$1 pattern
    shift
    ctl 1 enable "$name"
    none "$name"
    for pattern in "$@"; do out "$pattern"; done
    err "$name: not enabled, nothing was written"
}
: >"$T/files/conf"
# These tests have the library in /tmp, where the socket's folder is too.
printf '[hakmem]\ncontrol_dir = /run/hakmem-test\n' >"$HAKMEM_CONF"

# A plain service: the preload alone. Nothing is restarted, and that is said.
unit plain.service
ctl 0 enable plain
has plain.service "Environment=\"LD_PRELOAD=$HK_PRELOAD\""
has_no plain.service 'Paths\|Restrict'
out "wrote +$(dropin plain.service)"
out 'next +systemctl restart plain\.service'
grep -qx daemon-reload "$HK_FAKE/log" || fail "no daemon-reload"
! grep -q '^restart' "$HK_FAKE/log" || fail "it was restarted"
[ "$(stat -c %a "$(dropin plain.service)")" = 644 ] || fail "mode of the drop-in"
[ "$(ls -A "$HAKMEM_UNIT_DIR/plain.service.d")" = hakmem.conf ] || fail "left over: $(ls -A "$HAKMEM_UNIT_DIR/plain.service.d")"
# Again: the same file. With settings: another. With --restart: a restart.
ctl 0 enable plain.service
out "is there +$(dropin plain.service)"
ctl 0 enable plain mode=fast purge_delay=2s log=/var/log/50%x --restart
has plain.service 'Environment="HAKMEM_MODE=fast"'
has plain.service 'Environment="HAKMEM_PURGE_DELAY=2s"'
has plain.service 'Environment="HAKMEM_LOG=/var/log/50%%x"'
has plain.service "Environment=\"LD_PRELOAD=$HK_PRELOAD\""
grep -qx 'restart -- plain.service' "$HK_FAKE/log" || fail "no restart"
out 'restarted +plain\.service'
# What was set then and is not now is told.
ctl 0 enable plain mode=fast purge_delay=5s
out 'dropped +Environment="HAKMEM_LOG=/var/log/50%%x" \(set by an earlier enable; name it again to keep it\)'
[ "$(grep -c dropped "$T/out")" -eq 1 ] || fail "only the log was dropped: $(cat "$T/out")"
ctl 0 enable plain mode=fast purge_delay=2s log=/var/log/50%x
! grep -q dropped "$T/out" || fail "nothing was dropped: $(cat "$T/out")"
# Bad settings change nothing.
before=$(cat "$(dropin plain.service)")
ctl 2 enable plain bigcahe=on
err "unknown key 'bigcahe': did you mean 'bigcache'"
ctl 2 enable plain thp=perhaps
ctl 2 enable plain mode=fats
err "did you mean 'fast'"
ctl 2 enable mode=fast
[ "$before" = "$(cat "$(dropin plain.service)")" ] || fail "a bad setting changed the drop-in"
# --json, --dry-run, --no-reload
ctl 0 enable --json plain
json 'j[0]["unit"] == "plain.service" and j[0]["wrote"].endswith("/hakmem.conf") and j[0]["problems"] == 0 and "next" in j[0]'
unit dry.service ProtectSystem=strict
: >"$HK_FAKE/log"
ctl 0 enable --dry-run dry
none dry.service
out '^ReadWritePaths=-/run/hakmem-test$'
! grep -qv '^show' "$HK_FAKE/log" || fail "--dry-run did more than look: $(cat "$HK_FAKE/log")"
ctl 0 enable --no-reload dry
! grep -q daemon-reload "$HK_FAKE/log" || fail "--no-reload reloads"
out 'next +systemctl daemon-reload'
say "plain service, settings, options"

# Which line each kind of unit needs, and why.
unit strict.service ProtectSystem=strict
ctl 0 enable strict
has strict.service 'ReadWritePaths=-/run/hakmem-test'
has strict.service "# because of ProtectSystem= in $T/files/strict.service:2"
ctl 0 enable strict thp=off # now that our line is in force
has strict.service 'ReadWritePaths=-/run/hakmem-test'
ctl 0 enable --no-socket strict
has_no strict.service ReadWritePaths
unit dynamic.service DynamicUser=yes ProtectHome=read-only
ctl 0 enable dynamic
has dynamic.service 'ReadWritePaths=-/run/hakmem-test'
unit open.service ProtectSystem=strict 'ReadWritePaths=/var/lib/x -/run'
ctl 0 enable open
has_no open.service ReadWritePaths
unit readonly.service ReadOnlyPaths=/run
ctl 0 enable readonly
has readonly.service 'ReadWritePaths=-/run/hakmem-test'
unit nearly.service ProtectSystem=strict ReadWritePaths=/run/hakmem-tester
ctl 0 enable nearly
has nearly.service 'ReadWritePaths=-/run/hakmem-test'
unit inet.service 'RestrictAddressFamilies=AF_INET AF_INET6'
ctl 0 enable inet
has inet.service 'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX'
ctl 0 enable inet thp=off
has inet.service 'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX'
unit unix.service 'RestrictAddressFamilies=AF_INET AF_UNIX'
ctl 0 enable unix
has_no unix.service Restrict
unit nofamily.service RestrictAddressFamilies=
ctl 0 enable nofamily
has nofamily.service RestrictAddressFamilies=AF_UNIX
unit deny.service 'RestrictAddressFamilies=~AF_PACKET AF_UNIX'
ctl 0 enable deny
has deny.service RestrictAddressFamilies=
has deny.service 'RestrictAddressFamilies=~AF_PACKET'
unit denyother.service 'RestrictAddressFamilies=~AF_PACKET'
ctl 0 enable denyother
has_no denyother.service Restrict
unit noexec.service NoExecPaths=/ "ExecPaths=/usr /lib"
ctl 0 enable noexec
has noexec.service "ExecPaths=$HK_PRELOAD"
unit noexec2.service NoExecPaths=/ "ExecPaths=-$T"
ctl 0 enable noexec2
has_no noexec2.service ExecPaths
unit tmpfs.service TemporaryFileSystem=/run:ro
ctl 0 enable tmpfs
out "NOTE +socket +/run/hakmem-test is out of its reach by TemporaryFileSystem= \($T/files/tmpfs.service:2\): no socket"
has_no tmpfs.service 'Paths\|Restrict'
ctl 0 enable --dry-run tmpfs
out '^# note: /run/hakmem-test is out of its reach'
unit secret.service 'InaccessiblePaths=-/run/hakmem-test'
ctl 0 enable secret
out 'by InaccessiblePaths= '
unit easy.service User=nobody PrivateTmp=no PrivateUsers=yes ProtectSystem=full MemoryDenyWriteExecute=yes NoNewPrivileges=yes
ctl 0 enable easy
has_no easy.service 'Paths\|Restrict'
say "lines by sandbox"

# System calls.
allowed='madvise mremap process_madvise socket bind listen accept4 connect getsockopt sendto recvfrom poll prctl close_range pidfd_open fchmod chmod unlink unlinkat'
unit calls.service "SystemCallFilter=$allowed"
ctl 0 enable calls
! grep -q filter "$T/out" || fail "a filter that permits all: $(cat "$T/out")"
unit nomremap.service 'SystemCallFilter=~mremap'
refused nomremap.service "SystemCallFilter= \($T/files/nomremap.service:2\) forbids mremap" 'the kernel would end the service'
unit nomremap2.service 'SystemCallFilter=~mremap' SystemCallErrorNumber=1
ctl 0 enable nomremap2
out 'NOTE +filter .*forbids mremap: less memory'
unit nopm.service 'SystemCallFilter=~process_madvise'
ctl 0 enable nopm
out 'NOTE +filter .*forbids process_madvise: free memory goes back a block a call'
unit nonet.service 'SystemCallFilter=~bind socket listen'
ctl 0 enable nonet
out 'NOTE +filter .*forbids socket: with control = on the kernel would end the service'
unit nonet2.service 'SystemCallFilter=~bind socket listen'
ctl 1 enable nonet2 control=on
none nonet2.service
out 'PROBLEM +filter .*forbids socket'
printf '[unit:nonet2.service]\ncontrol = on\n' >>"$HAKMEM_CONF"
refused nonet2.service 'PROBLEM +filter .*forbids socket'
# control = on may come to a unit later, by a file: check looks at those that are enabled.
ctl 0 check
sed 's/nonet2/nonet/' "$HAKMEM_CONF" >"$T/later.ini"
HAKMEM_CONF=$T/later.ini ctl 1 check
out "later\.ini:4: control = on ends nonet.service at its next start: its SystemCallFilter= \($T/files/nonet.service:2\) forbids socket; control = off in \[unit:nonet.service\], or SystemCallFilter="
ctl 1 check "$T/later.ini" --json
json 'j[0]["errors"] == 1 and j[0]["messages"][0]["line"] == 4'
sed -i 's/\[unit:nonet.service\]/[unit:n[on]*]/; s/control = on/mode = mine/; $a[mine]\ncontrol = on' "$T/later.ini"
ctl 1 check "$T/later.ini"
out 'later\.ini:6: control = on ends nonet.service'
unit many@.service 'SystemCallFilter=~bind socket listen'
ctl 0 enable many@
printf '[hakmem]\ncontrol_dir = /run/hakmem-test\n[unit:many@b.service]\ncontrol = on\n' >"$T/instance.ini"
ctl 1 check "$T/instance.ini"
out 'instance\.ini:4: control = on ends many@b.service at its next start'
ctl 0 disable many@
ctl 0 enable nonet control=off
ctl 0 check "$T/later.ini" # the variable wins
ctl 0 disable nonet
ctl 0 check "$T/later.ini"

# The library out of reach.
unit privatetmp.service PrivateTmp=yes
case $T in /tmp/* | /var/tmp/*) refused privatetmp.service "hidden from the unit by PrivateTmp= \($T/files/privatetmp.service:2\)" BindReadOnlyPaths ;; esac
unit hidden.service "InaccessiblePaths=$T/lib"
refused hidden.service "is hidden from the unit by InaccessiblePaths= \($T/files/hidden.service:2\)"
unit bound.service "TemporaryFileSystem=${T%/*}:ro" "BindReadOnlyPaths=$T:$T:rbind"
ctl 0 enable bound
unit rootdir.service "RootDirectory=$T/jail"
refused rootdir.service "RootDirectory=$T/jail \($T/files/rootdir.service:2\) has no $HK_PRELOAD"
unit image.service RootImage=/srv/image.raw
refused image.service "RootImage=/srv/image.raw \($T/files/image.service:2\)"
mkdir -m 0700 "$T/closed"
cp "$HK_PRELOAD" "$T/closed/libhakmem.so"
if [ "$(id -u)" -eq 0 ] && "${AS_USER[@]}" true 2>/dev/null; then
    unit user.service User=nobody
    HAKMEM_LIB=$T/closed/libhakmem.so ctl 1 enable user
    none user.service
    out "closed/libhakmem.so cannot be read by the unit \(User=nobody, .*user.service:2\): $T/closed is closed"
fi
say "what the sandbox forbids"

# Preloads and other files.
unit other.service 'Environment=A=b "LD_PRELOAD=/usr/lib/libeatmydata.so:/usr/lib/libjemalloc.so.2"'
ctl 0 enable other
has other.service "Environment=\"LD_PRELOAD=$HK_PRELOAD:/usr/lib/libeatmydata.so:/usr/lib/libjemalloc.so.2\""
out 'NOTE +preload .*libjemalloc.so.2 .*hakmem comes before it'
ctl 0 enable other thp=off
has other.service "Environment=\"LD_PRELOAD=$HK_PRELOAD:/usr/lib/libeatmydata.so:/usr/lib/libjemalloc.so.2\""
printf 'X=1\nLD_PRELOAD=/usr/lib/libfoo.so\n' >"$T/files/env"
unit envfile.service "EnvironmentFiles=$T/files/env (ignore_errors=yes)"
refused envfile.service "$T/files/env:2 sets LD_PRELOAD=/usr/lib/libfoo.so, and wins" "$T/files/envfile.service:2"
unit unset.service UnsetEnvironment=LD_PRELOAD
refused unset.service "UnsetEnvironment=LD_PRELOAD \($T/files/unset.service:2\)"
printf '[Service]\nEnvironment=\n' >"$T/files/override.conf"
unit later.service "DropInPaths=$T/files/override.conf"
refused later.service "$T/files/override.conf:2 has Environment= and is read after hakmem.conf"
say "other preloads"

# How the program is started.
unit envi.service "exec=/usr/bin/env ; argv[]=/usr/bin/env -i PATH=/bin $SLEEP 1"
refused envi.service "'env -i' in $T/files/envi.service:2 drops LD_PRELOAD"
unit envu.service "exec=/usr/bin/env ; argv[]=env -u LD_PRELOAD sleep 1"
refused envu.service "'env -u' in .* drops LD_PRELOAD"
unit envok.service "exec=/usr/bin/env ; argv[]=/usr/bin/env -u X A=b sleep 1"
ctl 0 enable envok
unit sudo.service "exec=/usr/bin/sudo ; argv[]=/usr/bin/sudo -u x sleep 1"
refused sudo.service "sudo \($T/files/sudo.service:2\) does not hand LD_PRELOAD on"
unit docker.service "exec=/usr/bin/docker ; argv[]=/usr/bin/docker run x"
refused docker.service 'docker .* starts its program elsewhere'
unit shell.service "exec=$(command -v bash) ; argv[]=bash -c exec env -i sleep 1"
refused shell.service 'drops LD_PRELOAD'
printf '#!%s\n# env -i\nunset LD_PRELOAD\nexec sleep 1\n' "$(command -v bash)" >"$T/files/start.sh"
chmod 0755 "$T/files/start.sh"
unit script.service "exec=$T/files/start.sh ; argv[]=start.sh"
ctl 0 enable script
out "NOTE +start +$T/files/start.sh:3 has 'unset LD_PRELOAD'"
cp "$SLEEP" "$T/files/suid" && chmod 4755 "$T/files/suid"
unit suid.service "exec=$T/files/suid ; argv[]=suid 1" User=daemon
if [ -u "$T/files/suid" ] && id daemon >/dev/null 2>&1; then refused suid.service "$T/files/suid is set-user-ID"; fi
unit gone.service "exec=$T/files/none ; argv[]=none"
refused gone.service "$T/files/none cannot be looked at: No such file"
unit 'postgresql@.service' "exec=/usr/bin/pg_ctlcluster ; argv[]=/usr/bin/pg_ctlcluster --skip-systemctl-redirect 15-hkt start"
ctl 1 enable postgresql@15-hkt
none postgresql@15-hkt.service
out "pg_ctlcluster \($T/files/postgresql@.service:2\) gives its server a fresh environment"
out "/etc/postgresql/15/hkt/environment goes the line LD_PRELOAD = '$HK_PRELOAD'"
ctl 1 enable postgresql@15-hkt thp=off
unit postgresql.service "exec=/bin/true ; argv[]=/bin/true" Type=oneshot
refused postgresql.service 'postgresql@VERSION-CLUSTER'
say "commands"

# Templates, aliases, and names.
unit 'web@.service' ProtectSystem=strict
echo 'web@live.service loaded active running x' >"$HK_FAKE/running"
ctl 0 enable web@
has web@.service 'ReadWritePaths=-/run/hakmem-test'
grep -q 'show .* web@live.service' "$HK_FAKE/log" || fail "not the instance that runs was looked at: $(cat "$HK_FAKE/log")"
out "next +systemctl restart 'web@\*'"
ctl 0 enable web@a thp=off
has web@a.service 'Environment="HAKMEM_THP=off"'
unit alias.service Id=real.service
ctl 0 enable alias
has real.service "Environment=\"LD_PRELOAD=$HK_PRELOAD\""
none alias.service
ctl 3 enable nosuch
err 'there is no unit nosuch.service'
ctl 3 enable /etc/passwd
err 'is no name of a service: give the name of the unit, not a path'
ctl 3 enable ..
unit masked.service LoadState=masked
ctl 1 enable masked
err 'masked.service is masked'
unit bad.service LoadState=bad-setting 'LoadError=org.freedesktop.systemd1.BadUnitSetting "Unit bad.service has a bad setting."'
ctl 1 enable bad
err 'has a bad setting'
unit broken.service
ctl 1 enable --restart broken
err 'systemctl restart broken.service failed: Job failed'
# Two at once: one that cannot does not keep the other from it.
unit second.service
ctl 3 enable nosuch second
has second.service "Environment=\"LD_PRELOAD=$HK_PRELOAD\""
say "names"

# Files of others.
unit foreign.service
mkdir "$HAKMEM_UNIT_DIR/foreign.service.d"
printf '[Service]\nNice=5\n' >"$(dropin foreign.service)"
for verb in enable disable; do
    ctl 1 $verb foreign
    err 'hakmem.conf was not written by hakmemctl: nothing is done'
done
[ "$(cat "$(dropin foreign.service)")" = "$(printf '[Service]\nNice=5')" ] || fail "a foreign file was changed"
unit link.service
mkdir "$HAKMEM_UNIT_DIR/link.service.d"
ln -s "$(dropin plain.service)" "$(dropin link.service)"
ctl 1 enable link
[ -L "$(dropin link.service)" ] || fail "a link was replaced"
echo 'Nice=5' >>"$(dropin second.service)"
for verb in enable disable; do
    ctl 1 $verb second
    err 'was changed by hand since'
done
tail -1 "$(dropin second.service)" | grep -qx 'Nice=5' || fail "an edited file was changed"

# disable
ctl 0 disable --dry-run plain
[ -e "$(dropin plain.service)" ] || fail "--dry-run removes"
ctl 0 disable plain
none plain.service
out 'removed .*hakmem.conf, and its folder'
out 'next +systemctl restart plain'
ctl 0 disable plain
out 'there is no .*hakmem.conf'
printf '[Service]\nNice=5\n' >"$HAKMEM_UNIT_DIR/strict.service.d/own.conf"
ctl 0 disable --json strict
json '"removed" in j[0]'
[ "$(ls "$HAKMEM_UNIT_DIR/strict.service.d")" = own.conf ] || fail "own.conf is gone"
rm "$HK_FAKE/units/dynamic.service" # the package was removed
ctl 0 disable dynamic
none dynamic.service
ctl 3 disable nosuch
# All that was enabled can be disabled: but for what others own, nothing is left.
for dir in "$HAKMEM_UNIT_DIR"/*.d; do
    name=$(basename "$dir" .d)
    case $name in foreign.service | link.service | second.service | strict.service) continue ;; esac
    ctl 0 disable "$name"
    none "$name"
done
say "files of others, disable"

# doctor names what a unit sets for another allocator, where hakmem is preloaded.
unit tuned.service "Environment=LD_PRELOAD=$HK_PRELOAD MALLOC_ARENA_MAX=1 \"TCMALLOC_RELEASE_RATE=1 0\" MALLOC_CONFUSED=1"
ctl 0 doctor tuned.service
out 'NOTE +variables +MALLOC_ARENA_MAX, TCMALLOC_RELEASE_RATE in the unit: no effect under hakmem'
unit untuned.service "Environment=MALLOC_ARENA_MAX=1"
ctl 0 doctor untuned.service
! grep -q variables "$T/out" || fail "without hakmem it has an effect: $(cat "$T/out")"

# No systemd, no rights.
touch "$HK_FAKE/down"
ctl 1 enable plain
err 'systemctl show plain.service: System has not been booted with systemd'
rm "$HK_FAKE/down"
mv "$HK_FAKE/bin/systemctl" "$HK_FAKE/bin/away"
(PATH=$HK_FAKE/empty "$HK_CTL" enable plain >"$T/out" 2>"$T/err"; echo $? >"$T/status")
[ "$(cat "$T/status")" = 1 ] || fail "without systemctl: status $(cat "$T/status")"
err 'systemctl cannot be run .*is this a host with systemd'
mv "$HK_FAKE/bin/away" "$HK_FAKE/bin/systemctl"
HAKMEM_UNIT_DIR=$T/none ctl 1 enable plain
err 'is this a host with systemd'
if [ "$(id -u)" -eq 0 ] && "${AS_USER[@]}" true 2>/dev/null; then
    chmod 0755 "$T" "$HAKMEM_UNIT_DIR"
    "${AS_USER[@]}" "$HK_CTL" enable plain >"$T/out" 2>"$T/err" && fail "enabled by nobody"
    err 'cannot be written to .*needs root'
    none plain.service
fi
ctl 2 list --dry-run
ctl 2 disable --no-socket plain
ctl 2 enable --restart --dry-run plain
say "without systemd, without rights"
