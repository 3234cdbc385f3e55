#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The capabilities of hakmemd.service are enough: with them alone hakmemd serves services of another user through both doors,
# and reads no file that this user may not read. Without CAP_SYS_PTRACE and CAP_DAC_OVERRIDE it would not reach them.
. "$(dirname "$0")/daemon-lib.sh" || exit 99
need setpriv
[ "$(id -u)" -eq 0 ] || skip "needs root"
setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null || skip "no other user can be had here"
caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$HK_SRC/conf/systemd/hakmemd.service.in" | sed 's/CAP_/+/g; s/ /,/g' | tr A-Z a-z)
[ "$caps" = "$(sed -n 's/^CapabilityBoundingSet=//p' "$HK_SRC/conf/systemd/hakmem-textfile.service.in" | sed 's/CAP_/+/g; s/ /,/g' | tr A-Z a-z)" ] ||
    fail "the two units have different capabilities"
bounded=(setpriv --no-new-privs "--bounding-set=-all,$caps" "--inh-caps=-all")
"${bounded[@]}" true || skip "setpriv cannot bound the capabilities here"

chmod 1777 "$HAKMEM_CONTROL_DIR"
chmod 0755 "$T"
mkdir "$T/theirs" && chown 65534:65534 "$T/theirs" && chmod 0700 "$T/theirs"
port=$(free_port)
printf '[hakmem]\npurge_delay = 700ms\n[hakmemd]\nmetrics_listen = 127.0.0.1:%s\n' "$port" >"$HAKMEM_CONF"
chmod 0644 "$HAKMEM_CONF"
# theirs KEY=VALUE…: a busy process of nobody; its pid is in $PID.
theirs() {
    : >"$T/target.log"
    start bare "$T/target.log" "${AS_USER[@]}" env "LD_PRELOAD=$HK_PRELOAD" "$@" "$PYTHON" "$T/busy.py"
    wait_for 20 grep -q ready "$T/target.log" || fail "the target did not start: $(head -c 300 "$T/target.log")"
}
"${AS_USER[@]}" env "$PYTHON" -c 1 2>/dev/null || PYTHON=/usr/bin/python3
"${AS_USER[@]}" env "$PYTHON" -c 1 2>/dev/null || skip "no python3 that nobody may run"
theirs HAKMEM_CONTROL=on && first=$PID
of_nobody() { [ "$(stat -c %u:%a "$HAKMEM_CONTROL_DIR/$first."*.sock)" = 65534:600 ]; }
wait_for 20 of_nobody || fail "no socket of nobody: $(ls -la "$HAKMEM_CONTROL_DIR")"
theirs && second=$PID
# Its own file, which root could read and nobody cannot: it must not be read through the daemon's hands.
printf '[hakmem]\npurge_delay = 300ms\n' >"$T/secret.ini" && chmod 0644 "$T/secret.ini"
theirs "HAKMEM_CONF=$T/secret.ini" && third=$PID
chmod 0600 "$T/secret.ini"

daemon "${bounded[@]}"
until_logged "\[$first\]: is there, with socket"
until_logged "\[$second\]: is there"
if logged "\[$second\]: is there, but cannot be asked"; then
    skip "reading other processes is not permitted here"
fi
until_logged "\[$third\]: is there, through its memory"
curl -s "http://127.0.0.1:$port/metrics" >"$T/out"
for pid in "$first" "$second" "$third"; do out "^hakmem_up\{.*pid=\"$pid\"\} 1"; done
fresh_log
replace "$HAKMEM_CONF" "$(sed 's/700ms/800ms/' "$HAKMEM_CONF")\n"
becomes "$first" purge_delay 800ms
becomes "$second" purge_delay 800ms
until_logged '2 services read it again: 2 took it'
fresh_log
printf '[hakmem]\npurge_delay = 310ms\n' >"$T/secret.ini" # still mode 0600 of root
until_logged "\[$third\]: .*secret\.ini is not readable by the user of process $third"
[ "$(value "$third" purge_delay)" = 300ms ] || fail "a file of root's was read for nobody"

# Without one of them something is missing.
for cap in sys_ptrace dac_override; do
    less=$(sed "s/+$cap,\?//; s/,$//" <<<"$caps")
    setpriv --no-new-privs "--bounding-set=-all,$less" --inh-caps=-all "$HK_CTL" list --json >"$T/out" 2>"$T/err" </dev/null
    [ "$cap" = dac_override ] && door=1 || door=2
    python3 - "$T/out" "$first" "$second" "$door" <<'PY' || fail "without $cap nothing is missing: $(cat "$T/out")"
import json, sys
services = {s["pid"]: s for s in json.load(open(sys.argv[1]))}
first, second, door = services.get(int(sys.argv[2])), services.get(int(sys.argv[3])), int(sys.argv[4])
missing = (first is None or first.get("door") != 1) if door == 1 else (second is None or "error" in second)
sys.exit(0 if missing else 1)
PY
done
stop "$DAEMON" || fail "it ended with status $?"
say "with $caps alone: another user's services through both doors"
