#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hakmemd on the files of the host, /etc/hakmem.ini and drop-ins: in a mount namespace where /etc is a copy.
. "$(dirname "$0")/daemon-lib.sh" || exit 99
if [ -z "${HK_OWN_ETC:-}" ]; then
    unshare --mount --propagation private true 2>/dev/null || skip "no mount namespace can be made here"
    HK_OWN_ETC=1 unshare --mount --propagation private bash "$0"
    exit
fi
grep -q '^sysconfdir = /etc$' "$HK_BUILD/Makefile" || skip "built for another sysconfdir"
{ mkdir "$T/copy" && cp -a /etc/. "$T/copy" && mount --bind "$T/copy" /etc; } 2>/dev/null || skip "/etc cannot be covered"
rm -rf /etc/hakmem.ini /etc/hakmem.d
unset HAKMEM_CONF
target control=on "control_dir=$HAKMEM_CONTROL_DIR" && first=$PID
daemon
until_logged 'watches /etc/hakmem.ini and /etc/hakmem.d'
until_logged "\[$first\]: is there"
mkdir /etc/hakmem.d
printf '[hakmem]\npurge_delay = 400ms\n' >/etc/hakmem.d/50-site.ini
becomes "$first" purge_delay 400ms
printf '[hakmem]\npurge_delay = 410ms\n' >/etc/hakmem.d/50-site.ini
becomes "$first" purge_delay 410ms
replace /etc/hakmem.d/60-more.ini '[hakmem]\npurge_delay = 420ms\n'
becomes "$first" purge_delay 420ms
rm /etc/hakmem.d/60-more.ini
becomes "$first" purge_delay 410ms
# a mistake in a drop-in
fresh_log
replace /etc/hakmem.d/60-more.ini '[hakmem]\nthp = perhaps\n'
until_logged 'error: /etc/hakmem\.d/60-more\.ini:2: .*thp'
rm /etc/hakmem.d/60-more.ini
# a drop-in that is a link, and what it leads to
printf '[hakmem]\npurge_delay = 415ms\n' >"$T/linked.ini"
ln -s "$T/linked.ini" /etc/hakmem.d/70-link.ini
becomes "$first" purge_delay 415ms
replace "$T/linked.ini" '[hakmem]\npurge_delay = 416ms\n'
becomes "$first" purge_delay 416ms
# No file at all: services keep what they have, and say so.
fresh_log
rm -r /etc/hakmem.d
until_logged "\[$first\]: refused: .* was read before and cannot be read now"
[ "$(value "$first" purge_delay)" = 416ms ] || fail "removed files changed something"
replace /etc/hakmem.ini '[hakmem]\npurge_delay = 430ms\n'
becomes "$first" purge_delay 430ms
# ---- a service that gives itself another root long after its start goes by the files there from then on ----
cat >"$T/jailed.py" <<'PY'
import os, sys, time
print("ready", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
os.chroot(sys.argv[2])
os.chdir("/")
print("inside", flush=True)
while True:
    keep = [bytearray(n) for n in (100, 5000, 300000, 3000000)]
    time.sleep(0.005)
PY
if door2_works "$first"; then
    mkdir -p "$T/jail/etc"
    start balanced "$T/jailed.log" "$PYTHON" "$T/jailed.py" "$T/go" "$T/jail" && jailed=$PID
    until_logged "\[$jailed\]: is there, through its memory"
    sleep 6 # no longer young
    touch "$T/go"
    wait_for 20 grep -q inside "$T/jailed.log" || fail "no chroot: $(cat "$T/jailed.log")"
    ms=500
    follows() { # when that is noticed is not told: until a change is
        ms=$((ms + 1))
        replace "$T/jail/etc/hakmem.ini" "[hakmem]\npurge_delay = ${ms}ms\n"
        sleep 6
        has_value "$jailed" purge_delay "${ms}ms"
    }
    for try in {1..10}; do follows && break; done
    [ "$(value "$jailed" purge_delay)" = "${ms}ms" ] || fail "the file below its new root is not watched: $(tail -n 20 "$T/daemon.log")"
    kill -KILL "$jailed"
fi
stop "$DAEMON" || fail "it ended with status $?"
# ---- reload = auto in the service itself: all drop-ins count, also those beyond the eighth, and links to nothing ----
rm -f /etc/hakmem.ini && mkdir /etc/hakmem.d
printf '[hakmem]\nreload = auto\n' >/etc/hakmem.d/00.ini
for i in {10..30}; do printf '[hakmem]\npurge_delay = %sms\n' "$i" >"/etc/hakmem.d/$i.ini"; done
target control=on "control_dir=$HAKMEM_CONTROL_DIR" && second=$PID
becomes "$second" purge_delay 30ms
printf '[hakmem]\npurge_delay = 31ms\n' >/etc/hakmem.d/30.ini
becomes "$second" purge_delay 31ms
ln -s "$T/later.ini" /etc/hakmem.d/40.ini
sleep 1.5
printf '[hakmem]\npurge_delay = 40ms\n' >"$T/later.ini"
becomes "$second" purge_delay 40ms
say "/etc/hakmem.ini, drop-ins that come, change, go, and are links"
