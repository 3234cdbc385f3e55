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
    [ $control = off ] || wait_for 20 test -S "$(socket_of "$pid")" || fail "no control socket"
    other=$([ $control = on ] && echo off || echo on)

    # A key that needs a restart: noted, not done; and of that only who is told about it hears.
    ctl 0 set "$pid" "control=$other"
    out 'set noted, nothing changes before a restart'
    out "^  control = $other needs a restart: put it into the file"
    ! grep -q 'done\|no live value' "$T/out" || fail "not done: $(cat "$T/out")"
    ctl 0 set "$pid" thp=off
    out 'set done'
    ! grep -q 'restart' "$T/out" || fail "the notice is repeated: $(cat "$T/out")"
    ctl 0 set "$pid" security=full batch_max=9
    out 'set done'
    out 'security = full needs a restart'
    ! grep -q 'control' "$T/out" || fail "the notice is repeated: $(cat "$T/out")"
    ctl 0 status "$pid" --json
    json "{p['key'] for p in j[0]['pending']} == {'control', 'security'}"

    # A limit below what is in use holds, with a warning that has the figures.
    ctl 0 set "$pid" hard_limit=1M
    out 'hard_limit = 1M \(was 0\)'
    out "warning: hard_limit = 1M is below what is in use: pid $pid has [0-9]+\.[0-9] MiB: "
    ctl 0 status "$pid" --json
    json "any(w.startswith('hard_limit = 1M is below what is in use: pid $pid') for w in j[0]['warnings'])"
    ctl 0 set "$pid" hard_limit=- soft_limit=1M
    out 'warning: soft_limit = 1M is below what is in use'
    ctl 0 set "$pid" soft_limit=1G thp=-
    ! grep -q warning "$T/out" || fail "a limit far above is no matter: $(cat "$T/out")"
    stop "$pid"
done

# A file that was named and is not there.
HAKMEM_CONF=$T/gone.ini target
ctl 0 status "$PID"
out "warnings +HAKMEM_CONF names a file that does not exist: $T/gone\.ini: built-in defaults hold"
say "not taken up, waits for a restart, limits below use, a file that is not there"
