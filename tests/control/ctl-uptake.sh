#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What an answer says is so: values that no process has taken up yet are shown as such, keys that need a restart are not
# "done", limits below what is in use come with the figures, and a file that is not there is named.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

# An idle process takes nothing up: get says so, of the key that changed and of no other.
start balanced "$T/idle.log" sleep 600
idle=$PID
wait_for 20 "$HK_CTL" get "$idle" thp || fail "sleep does not come under control"
door2_works "$idle" || skip "process_vm_readv is not permitted here"
ctl 0 get "$idle"
! grep -q 'so far' "$T/out" || fail "nothing was changed yet: $(cat "$T/out")"
ctl 0 set "$idle" thp=off
out 'set requested; applied by 0 of 1 process so far'
ctl 0 get "$idle"
out '^thp +off +set +live +applied by 0 of 1 so far'
[ "$(grep -c 'so far' "$T/out")" -eq 1 ] || fail "more than thp waits: $(cat "$T/out")"
ctl 0 get "$idle" thp purge_delay --json
json 'j[0]["applied"] == 0 and j[0]["processes"] == 1 and j[0]["pending"] is None and "applied" not in j[1]'
# Two changes behind: which keys are concerned cannot be told any more, so all may be.
ctl 0 set "$idle" batch_max=8
ctl 0 get "$idle"
out '^thp +off .*applied by 0 of 1 so far'
out '^batch_max +8 .*applied by 0 of 1 so far'
! grep -q '^log .*so far' "$T/out" || fail "a start-up key waits for no process: $(cat "$T/out")"
ctl 0 set "$idle" mode=fast
ctl 0 get "$idle" mode
out '^mode +fast .*applied by 0 of 1 so far'

for control in on off; do
    target "control=$control"
    pid=$PID
    [ $control = off ] || wait_for 20 has_socket "$pid" || fail "no control socket"
    other=$([ $control = on ] && echo off || echo on)

    # A key that is read at start: nothing is done, which is a failure; and of that only who is told about it hears.
    ctl 1 set "$pid" "control=$other"
    out ': nothing changed$'
    out "^  control = $other is read at start only, and what is set ends with the process: put it into the file"
    ! grep -q 'done\|no live value' "$T/out" || fail "not done: $(cat "$T/out")"
    ctl 0 set "$pid" thp=off
    out 'set done'
    ! grep -q 'restart' "$T/out" || fail "the notice is repeated: $(cat "$T/out")"
    ctl 0 set "$pid" security=full batch_max=9
    out 'set done'
    out 'security = full is read at start only'
    ! grep -q 'control' "$T/out" || fail "the notice is repeated: $(cat "$T/out")"
    ctl 0 status "$pid" --json
    json "{p['key'] for p in j[0]['pending']} == {'control', 'security'}"

    # A hard_limit below what is in use would stop the service: only who insists gets it, with a warning that has the figures.
    ctl 1 set "$pid" hard_limit=1M thp=on
    err "hard_limit = 1M is below what is in use: pid $pid has [0-9]+\.[0-9]M: new memory would be refused \(ENOMEM\) until enough is freed\. Nothing was changed; set --force does it all the same"
    ctl 0 get "$pid" hard_limit thp --json
    json '[(k["value"], k["origin"]) for k in j] == [("0", "preset"), ("off", "set")]'
    ctl 1 set "$pid" soft_limit=- hard_limit=0x
    ctl 0 set "$pid" hard_limit=1G
    ctl 0 set --force "$pid" hard_limit=1M
    out 'hard_limit = 1M \(was 1G\)'
    out "warning: hard_limit = 1M is below what is in use: pid $pid has [0-9]+\.[0-9]M: "
    ctl 0 status "$pid" --json
    json "any(w.startswith('hard_limit = 1M is below what is in use: pid $pid') for w in j[0]['warnings'])"
    ctl 0 set "$pid" hard_limit=- soft_limit=1M
    out 'warning: soft_limit = 1M is below what is in use'
    ctl 0 set "$pid" soft_limit=1G thp=-
    ! grep -q warning "$T/out" || fail "a limit far above is no matter: $(cat "$T/out")"
    stop "$pid"
done

# Changes to a process that rests are all logged when it wakes, with who asked; and log tells them at any time.
cat >"$T/resting.py" <<'PY'
import time
print("ready", flush=True)
while True:
    keep = [bytearray(n) for n in (100, 5000, 300000, 3000000)]
    time.sleep(3)
PY
start balanced "$T/resting.log" env HAKMEM_DEBUG=minimal "$PYTHON" "$T/resting.py"
wait_for 20 grep -q ready "$T/resting.log" || fail "did not start: $(cat "$T/resting.log")"
for value in 2s 3s 4s; do ctl 0 set "$PID" "purge_delay=$value"; done
all_logged() { [ "$(grep -cE "^hakmem\[$PID\]: set purge_delay=[234]s, asked by uid $(id -u), pid [0-9]+: generation [345]\$" "$T/resting.log")" -eq 3 ]; }
wait_for 20 all_logged || fail "not every change is logged: $(cat "$T/resting.log")"
ctl 0 log "$PID" --json
json "[(c['what'], c['uid'], c['generation']) for c in j[0]['changes']] == [('set purge_delay=%ss' % v, $(id -u), v + 1) for v in (2, 3, 4)]"
for i in {1..20}; do ctl 0 set "$PID" "batch_max=$i"; done
ctl 0 log "$PID" --json
json "[c['what'] for c in j[0]['changes']] == ['set batch_max=%d' % i for i in range(5, 21)]"
ctl 0 log "$PID"
out "^  20[0-9-]+ [0-9:]+  set batch_max=20, by uid $(id -u), pid [0-9]+\$"
stop "$PID"

# Nothing was learned where no match was played: freeze and export say so, and who still learns does not start frozen next.
start balanced "$T/unlearned.log" env HAKMEM_CONTROL=on sleep 600
wait_for 20 has_socket "$PID" || fail "no control socket"
ctl 0 freeze "$PID"
out 'warning: nothing was learned yet \(no match was played\): it goes on as it is configured'
ctl 0 export "$PID"
out '^; .* has learned nothing yet: what was set$'
out '^evo_policy = frozen$'
err "has learned nothing \(no match was played\): the section has only what was set; hakmemctl learn $PID begins, under load"
ctl 1 set "$PID" control_group=adm # waits for a restart: the file is what it is for
ctl 0 export "$PID"
out '^control_group = adm$'
ctl 0 set "$PID" control_group=-
ctl 0 export "$PID"
! grep -q control_group "$T/out" || fail "what was taken back is exported: $(cat "$T/out")"
ctl 0 learn "$PID"
wait_for 20 eval '"$HK_CTL" status "$PID" --json | grep -q "\"LEARN\""' || fail "it does not learn: $("$HK_CTL" status "$PID")"
ctl 0 export "$PID" --json
json 'j[0]["learned"] is False and "evo_policy" not in j[0]["ini"]'
stop "$PID"

# A file takes each section once.
target && one=$PID
target && two=$PID
ctl 0 export "$one" "$two"
[ "$(grep -c '^\[program:' "$T/out")" -eq 1 ] || fail "not one section: $(cat "$T/out")"
out 'left out: the section \[program:.*\] is there already'
cp "$T/out" "$T/exported.ini"
ctl 0 check "$T/exported.ini"
stop "$one"
stop "$two"
# A command's options are its own.
ctl 2 run thp=off sleep --version
err "'sleep --version': the command and its options go behind --"
ctl 2 --door 1 list
err 'door=1 is the control socket'

# A file that was named and is not there.
HAKMEM_CONF=$T/gone.ini target
ctl 0 status "$PID"
out "warnings +HAKMEM_CONF names a file that does not exist: $T/gone\.ini: built-in defaults hold"
say "not taken up, waits for a restart, limits below use, a file that is not there"
