#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Changes to live processes: all or nothing, what waits for a restart, what wins.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

value() { # PID KEY: VALUE ORIGIN
    ctl 0 get "$1" "$2" --json
    python3 -c 'import json, sys; k = json.load(open(sys.argv[1]))[0]; print(k["value"], k["origin"].split(" ")[0])' "$T/out"
}
is() { # WHAT HAVE WANT
    [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"
}

target
door2_works "$PID" || skip "process_vm_readv is not permitted here"
both=("$PID")
target control=on
both+=("$PID")
wait_for 10 has_socket "$PID" || fail "no control socket"

for pid in "${both[@]}"; do
    printf '[hakmem]\npurge_delay = 700ms\n' >"$HAKMEM_CONF"
    ctl 0 reload "$pid"
    # One bad word refuses all of them.
    ctl 1 set "$pid" purge_delay=9s batch_max=0
    err 'batch_max'
    is "a set that was refused" "$(value "$pid" purge_delay)" "700ms [hakmem]"
    ctl 1 set "$pid" purge_delay=9s bigcahe=on
    err "did you mean 'bigcache'"
    is "a set that was refused" "$(value "$pid" purge_delay)" "700ms [hakmem]"
    ctl 0 set "$pid" purge_delay=9s batch_max=9
    is "set" "$(value "$pid" purge_delay), $(value "$pid" batch_max)" "9s set, 9 set"
    ctl 0 set "$pid" purge_delay=- batch_max=-
    is "set taken back" "$(value "$pid" purge_delay)" "700ms [hakmem]"

    # What the engine may not choose any more, status does not call its choice.
    ctl 0 set "$pid" purge_delay=50ms batch_max=64
    ctl 0 status "$pid"
    out 'strategy default, but for 2 keys set explicitly'
    ctl 0 set "$pid" bigcache_limit=64M bigcache_max_block=32M thp=on
    ctl 0 status "$pid"
    out 'strategy set explicitly, like lean-huge$'
    ctl 0 set "$pid" batch_max=63
    ctl 0 status "$pid"
    out 'strategy set explicitly$'
    # A reload tells what it cannot change, and why.
    printf '[hakmem]\npurge_delay = 900ms\n' >"$HAKMEM_CONF"
    ctl 0 reload "$pid"
    out "purge_delay = 900ms \\(.*hakmem\\.ini:2\\) does not hold: set says 50ms"
    ctl 0 set "$pid" purge_delay=- batch_max=- bigcache_limit=- bigcache_max_block=- thp=-
    printf '[hakmem]\npurge_delay = 700ms\n' >"$HAKMEM_CONF"
    ctl 0 reload "$pid"
    ! grep -q 'does not hold' "$T/out" || fail "nothing is overridden: $(cat "$T/out")"

    # The mode: once, and one that exists.
    ctl 1 set "$pid" mode=fast mode=minimal
    err 'mode is given twice'
    ctl 1 set "$pid" mode=fats
    err "did you mean 'fast'"

    # A start-up key waits; from the file it will be there after the restart, set live it will not.
    ctl 1 set "$pid" security=full
    out 'nothing changed'
    out 'security = full is read at start only, and what is set ends with the process: put it into the file'
    ctl 0 get "$pid" security --json
    json 'j[0]["value"] == "basic" and j[0]["pending"] == "full" and j[0]["context"] == "startup"'
    ctl 0 status "$pid"
    out 'pending +security = full is read at start only'
    ctl 0 set "$pid" security=-
    printf '[hakmem]\npurge_delay = 700ms\nsecurity = off\n' >"$HAKMEM_CONF"
    ctl 0 reload "$pid"
    out 'security = off waits for a restart'

    # A typo in the file changes nothing, and is named.
    printf '[hakmem]\npurge_delay = 3s\nbigcahe = off\n' >"$HAKMEM_CONF"
    ctl 1 reload "$pid"
    err "hakmem\.ini:3: unknown key 'bigcahe': did you mean 'bigcache'"
    is "a reload that was refused" "$(value "$pid" purge_delay)" "700ms [hakmem]"
    ctl 1 reload "$pid" --json
    json '"error" in j[0] and any(":3:" in e for e in j[0]["errors"])'
    printf '[hakmem]\npurge_delay = 3s\nbigcache = off\n' >"$HAKMEM_CONF"
    ctl 0 reload "$pid"
    out 'purge_delay = 3s \(was 700ms\)'
    is "reload" "$(value "$pid" purge_delay), $(value "$pid" bigcache)" "3s [hakmem], off [hakmem]"
    # A file that is gone, too.
    mv "$HAKMEM_CONF" "$HAKMEM_CONF.gone"
    ctl 1 reload "$pid"
    err "hakmem\.ini was read before and cannot be read now: nothing was changed"
    is "a reload without the file" "$(value "$pid" purge_delay)" "3s [hakmem]"
    mv "$HAKMEM_CONF.gone" "$HAKMEM_CONF"
    # What was set survives a reload.
    ctl 0 set "$pid" purge_delay=4s
    ctl 0 reload "$pid"
    is "set, then reload" "$(value "$pid" purge_delay)" "4s set"
    ctl 0 set "$pid" purge_delay=-
done
printf '[hakmem]\nthp = off\n' >"$HAKMEM_CONF"
ctl 0 reload --all
for pid in "${both[@]}"; do is "reload --all" "$(value "$pid" thp)" "off [hakmem]"; done
ctl 2 reload
ctl 2 reload --all "$PID"

# Priorities, through run: the variable over the file, run's KEY=VALUE over the variable.
run() { # WORD…: hakmemctl run with them; pid in $PID
    : >"$T/target.log"
    env HAKMEM_LIB="$HK_PRELOAD" "${run_env[@]}" timeout -k 1 60 "$HK_CTL" run "$@" -- "$PYTHON" "$T/busy.py" >"$T/target.log" 2>&1 &
    HK_PIDS+=("$!")
    wait_for 20 grep -q ready "$T/target.log" || fail "run $*: $(cat "$T/target.log")"
    PID=$(ps -o pid= --ppid "$!" | tr -d ' ')
    HK_PIDS+=("$PID")
}
printf '[hakmem]\nthp = on\npurge_delay = 2s\n' >"$HAKMEM_CONF"
run_env=(HAKMEM_MODE=fast HAKMEM_THP=off)
run
is "HAKMEM_THP" "$(value "$PID" thp)" "off environment"
is "HAKMEM_MODE" "$(value "$PID" mode)" "fast environment"
is "[hakmem]" "$(value "$PID" purge_delay)" "2s [hakmem]"
ctl 0 get "$PID" mode
out 'environment HAKMEM_MODE'
is "preset of fast" "$(value "$PID" elo)" "off preset"
ctl 0 set "$PID" thp=auto
is "set over all" "$(value "$PID" thp)" "auto set"
run mode=minimal thp=on bigcache=on
is "run mode=" "$(value "$PID" mode)" "minimal environment"
is "run thp=" "$(value "$PID" thp)" "on environment"
is "one feature alone" "$(value "$PID" bigcache), $(value "$PID" tinypool)" "on environment, off preset"
say "all or nothing, pending, priorities"
