#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hakmemd hands a changed file on, however it was changed: to those services that go by it, if it is in order,
# and tells who took it.
. "$(dirname "$0")/daemon-lib.sh" || exit 99

# ---- the command line ----
"$HK_DAEMON" --help >"$T/out" 2>&1 || fail "--help: $(cat "$T/out")"
out 'usage: hakmemd'
[ "$("$HK_DAEMON" --version)" = "$("$HK_CTL" --version | sed s/hakmemctl/hakmemd/)" ] || fail "--version"
"$HK_DAEMON" --check >"$T/out" || fail "--check refuses a good file"
out 'hakmem\.ini: clean'
printf '[hakmem]\nbigcahe = on\n[hakmemd]\nmetrics_listen = here\n' >"$T/bad.ini"
HAKMEM_CONF=$T/bad.ini "$HK_DAEMON" --check >"$T/out" && fail "--check accepts a bad file"
out "error: .*bad\.ini:2: unknown key 'bigcahe'"
out "error: .*bad\.ini:4: metrics_listen"
"$HK_DAEMON" --nonsense >"$T/out" 2>&1
[ $? -eq 2 ] || fail "a wrong argument is no usage error"
HAKMEM_CONF=$T/many/none.ini "$HK_DAEMON" --check >"$T/out" && fail "--check accepts a file that is not there"

# ---- services come and are listed; systemd is told ----
mkdir "$T/etc" && conf=$T/etc/hakmem.ini
good='[hakmem]\npurge_delay = 700ms\n'
printf "$good" >"$conf"
other=$T/other.ini
printf '[hakmem]\npurge_delay = 300ms\n' >"$other"
python3 - "$T/notify" >"$T/notified" 2>&1 <<'PY' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    print(s.recv(4096).decode(), flush=True)
PY
HK_PIDS+=($!)
wait_for 20 test -S "$T/notify" || fail "no notification socket"
export HAKMEM_CONF=$conf
target control=on "control_dir=$HAKMEM_CONTROL_DIR" && first=$PID
daemon NOTIFY_SOCKET="$T/notify" WATCHDOG_USEC=400000
wait_for 20 grep -qx READY=1 "$T/notified" || fail "systemd was not told: $(cat "$T/notified")"
wait_for 20 grep -qx WATCHDOG=1 "$T/notified" || fail "the watchdog is not fed: $(cat "$T/notified")"
until_logged "\[$first\]: is there, with socket"
target control=on "control_dir=$HAKMEM_CONTROL_DIR" && second=$PID
HAKMEM_CONF=$other target control=on "control_dir=$HAKMEM_CONTROL_DIR" && third=$PID
until_logged "\[$second\]: is there"
until_logged "\[$third\]: is there"
wait_for 20 grep -q 'STATUS=3 services' "$T/notified" || fail "status: $(tail -3 "$T/notified")"
all=("$first" "$second")
if door2_works "$first"; then
    target && fourth=$PID # without a socket
    until_logged "\[$fourth\]: is there, through its memory"
    all+=("$fourth")
    door2=yes
else
    door2=
    say "reading other processes is not permitted here: door 2 not tried"
fi

# ---- replaced by rename ----
fresh_log
replace "$conf" '[hakmem]\npurge_delay = 800ms\n'
for pid in "${all[@]}"; do becomes "$pid" purge_delay 800ms; done
until_logged 'services? read it again: [0-9]+ took it'
logged "\[$first\]: took it: purge_delay = 800ms \(was 700ms\)" || fail "not told: $(cat "$T/daemon.log")"
logged "\[$third\]: left alone: it was started with $other, which has not changed" || fail "not told: $(cat "$T/daemon.log")"
[ "$(value "$third" purge_delay)" = 300ms ] || fail "a service with another file was reloaded"

# ---- the other file: its service alone ----
fresh_log
replace "$other" '[hakmem]\npurge_delay = 310ms\n'
becomes "$third" purge_delay 310ms
until_logged '1 service read it again: 1 took it'
! logged "\[$first\]: took it" || fail "others were reloaded: $(cat "$T/daemon.log")"
fresh_log
replace "$other" '[hakmem]\npurge_dealy = 310ms\n'
until_logged "\[$third\]: .*other\.ini:2: unknown key 'purge_dealy': did you mean 'purge_delay'"
until_logged '1 service read it again: 0 took it .*, 1 did not'
[ "$(value "$third" purge_delay)" = 310ms ] || fail "a bad file changed something"

# ---- a bad file changes nothing; each mistake has its place ----
fresh_log
replace "$conf" '[hakmem]\npurge_dealy = 1s\n\nbatch_max = none\n[hakmemd]\nreload = never\n'
until_logged '3 errors \(above\): nothing is changed until the file is in order'
for place in ":2: unknown key 'purge_dealy'" ":4: .*batch_max" ":6: reload = 'never'"; do
    logged "error: .*hakmem\.ini$place" || fail "no error at $place: $(cat "$T/daemon.log")"
done
for pid in "${all[@]}"; do [ "$(value "$pid" purge_delay)" = 800ms ] || fail "a bad file changed $pid"; done

# ---- written in place ----
fresh_log
printf '[hakmem]\npurge_delay = 810ms\n' >"$conf"
for pid in "${all[@]}"; do becomes "$pid" purge_delay 810ms; done

# ---- deleted and made again: no moment of defaults ----
until_logged 'read it again'
fresh_log
rm "$conf"
sleep 0.6
printf '[hakmem]\npurge_delay = 820ms\n' >"$conf"
becomes "$first" purge_delay 820ms
! logged 'purge_delay = 1s' || fail "the defaults held for a while: $(cat "$T/daemon.log")"

# ---- links, as config managers swap them: conf -> ..data/hakmem.ini, ..data -> v1 ----
until_logged 'read it again'
fresh_log
mkdir "$T/etc/v1" "$T/etc/v2" "$T/etc/v3"
printf '[hakmem]\npurge_delay = 830ms\n' >"$T/etc/v1/hakmem.ini"
printf '[hakmem]\npurge_delay = 840ms\n' >"$T/etc/v2/hakmem.ini"
printf '[hakmem]\npurge_delay = 850ms\n' >"$T/etc/v3/hakmem.ini"
ln -s v1 "$T/etc/..data"
ln -s ..data/hakmem.ini "$conf.new" && mv -T "$conf.new" "$conf"
becomes "$first" purge_delay 830ms
for v in v2:840ms v3:850ms; do
    ln -s "${v%:*}" "$T/etc/..new" && mv -T "$T/etc/..new" "$T/etc/..data"
    becomes "$first" purge_delay "${v#*:}"
done
# ... and what the links lead to is edited
printf '[hakmem]\npurge_delay = 860ms\n' >"$T/etc/v3/hakmem.ini"
becomes "$first" purge_delay 860ms

# ---- the whole folder goes away and comes back ----
mv "$T/etc" "$T/gone"
sleep 0.5
cp -a "$T/gone" "$T/etc.new"
printf '[hakmem]\npurge_delay = 870ms\n' >"$T/etc.new/v3/hakmem.ini"
mv "$T/etc.new" "$T/etc"
becomes "$first" purge_delay 870ms
printf '[hakmem]\npurge_delay = 880ms\n' >"$T/etc/v3/hakmem.ini"
becomes "$first" purge_delay 880ms

# ---- a key that needs a restart; one that stands still; one that dies meanwhile ----
until_logged 'purge_delay = 880ms'
fresh_log
replace "$conf" '[hakmem]\npurge_delay = 890ms\nsecurity = full\n'
until_logged "\[$first\]: security = full waits for a restart"
until_logged 'with something pending'
fresh_log
[ -z "$door2" ] || kill -STOP "$second"
(sleep 0.5; kill -KILL "$third") &
replace "$conf" '[hakmem]\npurge_delay = 900ms\n'
becomes "$first" purge_delay 900ms
if [ -n "$door2" ]; then
    until_logged "\[$second\]: its control thread does not answer at once; taken: door 2"
    until_logged "\[$second\]: applied by 0 of 1 process so far, by the rest when they next allocate"
    kill -CONT "$second"
fi
becomes "$second" purge_delay 900ms
until_logged "\[$third\]: has ended"
alive

# ---- reload = manual; SIGHUP ----
fresh_log
replace "$conf" "[hakmem]\\npurge_delay = 910ms\\n[hakmemd]\\nreload = manual\\nmetrics_listen = $T/metrics.sock\\n"
until_logged 'reload = manual: nothing is handed on'
wait_for 20 grep -qE "STATUS=[0-9]+ services?; metrics on $T/metrics.sock\$" "$T/notified" || fail "status: $(tail -3 "$T/notified")"
[ "$(value "$first" purge_delay)" = 900ms ] || fail "reload = manual reloads"
kill -HUP "$DAEMON"
until_logged 'SIGHUP: reading the settings again'
wait_for 20 grep -qx RELOADING=1 "$T/notified" || fail "systemd was not told of the reload"

# ---- the end ----
stop "$DAEMON" || fail "it ended with status $?: $(tail -n 5 "$T/daemon.log")"
grep -qx STOPPING=1 "$T/notified" || fail "systemd was not told of the end"
kill -0 "$first" || fail "a service went with the daemon"

say "rename, in place, links, folders, mistakes, pending, dead and stopped services, SIGHUP, systemd"
