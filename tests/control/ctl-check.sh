#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# hakmemctl check: every kind of mistake is found, at its place, with a remedy, and nothing else; what live services make
# of the files; and check --diff, what a reload would change.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
file=$T/a.ini

# says LINE PATTERN: the file on stdin is legal, and exactly one message is about that line; the pattern is in it.
says() {
    cat >"$file"
    ctl 0 check "$file"
    quiet
    [ "$(grep -c "^warning: $file:$1: " "$T/out")" -eq 1 ] || fail "not one warning of line $1 of $(cat "$file"): $(cat "$T/out")"
    out "^warning: $file:$1: $2"
    [ "$(wc -l <"$T/out")" -eq 1 ] || fail "more than that: $(cat "$T/out")"
}
clean() {
    cat >"$file"
    ctl 0 check "$file"
    [ "$(cat "$T/out")" = "$file: clean" ] || fail "not clean: $(cat "$file") $(cat "$T/out")"
}
refuses() { # LINE PATTERN
    cat >"$file"
    ctl 1 check "$file"
    out "^error: $file:$1: $2"
}

# Errors.
refuses 2 "unknown key 'bigcahe': did you mean 'bigcache'" <<<$'[hakmem]\nbigcahe = on'
refuses 1 'unknown section \[progam:x\]: did you mean \[program:x\]' <<<$'[progam:x]\nthp = on'
refuses 2 'thp must be' <<<$'[hakmem]\nthp = of'
refuses 3 "duplicate 'thp': this section has it in line 2" <<<$'[hakmem]\nthp = off\nthp = on'
refuses 2 '\[a\] inherits from itself through \[b\]' <<<$'[a]\ninherits = b\n[b]\ninherits = a\n[hakmem]\nmode = a'
refuses 2 "unknown mode 'balancd': did you mean 'balanced'" <<<$'[hakmem]\nmode = balancd'
# In the order of the lines, errors and warnings alike.
printf '[hakmem]\nelo = off\nelo_k = 9\nthp = of\npurge_delay = 1s\nfree_policy = keep\n' >"$file"
ctl 1 check "$file"
[ "$(sed 's/^[a-z]*: [^:]*:\([0-9]*\):.*/\1/' "$T/out" | tr '\n' ' ')" = "3 4 5 " ] || fail "not in order: $(cat "$T/out")"
ctl 1 check "$file" --json
json 'j[0]["errors"] == 1 and j[0]["warnings"] == 2 and [m["line"] for m in j[0]["messages"]] == [3, 4, 5]'
json 'all(m["file"] == j[0]["file"] for m in j[0]["messages"]) and [m["level"] for m in j[0]["messages"]][1] == "error"'

# Sections that others override, for all that they match; the more general one may stand first.
says 2 'thp of \[program:redis-server\] never holds: \[program:redis\*\] gives it later \(line 4\)' \
    <<<$'[program:redis-server]\nthp = on\n[program:redis*]\nthp = off'
says 1 '\[program:nginx\] never holds: all that it gives is given later by \[program:\*\] \(line 6\)' \
    <<<$'[program:nginx]\nthp = on\nbatch_max = 3\n[program:*]\nthp = off\nbatch_max = 4'
says 2 'mode of \[program:p\[0-9\]x\?\] never holds' <<<$'[program:p[0-9]x?]\nmode = fast\n[program:p[0-9]*]\nmode = minimal'
says 2 'thp of \[unit:redis\] never holds: \[unit:redis\.service\]' <<<$'[unit:redis]\nthp = on\n[unit:redis.service]\nthp = off'
says 2 'thp of \[unit:redis.service\] never holds: \[unit:red\*\]' <<<$'[unit:redis.service]\nthp = on\n[unit:red*]\nthp = off'
clean <<<$'[program:redis*]\nthp = on\n[program:redis-server]\nthp = off'
clean <<<$'[program:redis-server]\nthp = on\n[program:redis*]\nbatch_max = 4'
clean <<<$'[program:redis*]\nthp = on\n[program:*server]\nthp = off'
clean <<<$'[program:p?]\nthp = on\n[program:p[0-9]]\nthp = off'
clean <<<$'[program:redis-server]\nthp = on\n[unit:redis]\nthp = off'
clean <<<$'[unit:re*]\nthp = on\n[unit:re*.service]\nthp = off'
says 2 'purge_delay of mode \[balanced\] never holds: \[hakmem\] gives it too \(line 4\)' \
    <<<$'[balanced]\npurge_delay = 5s\n[hakmem]\npurge_delay = 1s'
# A glob that takes for ever to compare must not.
{ printf '[program:'; printf 'a*%.0s' {1..60}; printf 'b]\nthp = on\n[program:'; printf '*a%.0s' {1..60}; printf 'c]\nthp = off\n'; } >"$file"
ctl 0 check "$file"

# Names that nothing has, modes that nothing uses, sections without anything.
says 1 '\[unit:redis\.slice\] never matches: processes run in a \.service' <<<$'[unit:redis.slice]\nthp = on'
says 1 '\[unit:web\*\.timer\] never matches' <<<$'[unit:web*.timer]\nthp = on'
says 1 '\[unit:system\.slice/redis\.service\] never matches: a unit is matched by its name alone' \
    <<<$'[unit:system.slice/redis.service]\nthp = on'
says 1 '\[program:redis\.service\] is named like a unit: did you mean \[unit:redis\.service\]' <<<$'[program:redis.service]\nthp = on'
says 1 '\[program:redis-server --port 1\] hardly matches: .*\[program:redis-server\]' <<<$'[program:redis-server --port 1]\nthp = on'
says 1 '\[program:a+\.\.\.\] never matches: names are compared up to 63 bytes' <<<"[program:$(printf 'a%.0s' {1..64})]"$'\nthp = on'
says 1 "mode \[web\] is used by no 'mode = web'" <<<$'[web]\ninherits = fast\nthp = on'
says 1 '\[program:x\] gives nothing' <<<$'[program:x]'
# A slip of the pen; but not a name that this host only does not know.
mkdir "$T/bin" && : >"$T/bin/redis-server" && chmod +x "$T/bin/redis-server" || exit 99
PATH+=:$T/bin
says 1 '\[program:redis-servr\]: no such program runs or is in PATH: did you mean \[program:redis-server\]\?' <<<$'[program:redis-servr]\nthp = on'
says 1 '\[program:redis\]: no such program runs or is in PATH: did you mean \[program:redis-' <<<$'[program:redis]\nthp = on'
for slip in redis-serve redis-serv edis-server Redis-Server; do
    says 1 "\\[program:$slip\\]: no such program runs or is in PATH: did you mean \\[program:redis-server\\]\\?" <<<"[program:$slip]"$'\nthp = on'
done
clean <<<$'[program:our-own-worker]\nthp = on\n[unit:our-own-worker]\nthp = off'
refuses 1 'section \[program redis-server\] is no mode.s name: did you mean \[program:redis-server\]\?' <<<$'[program redis-server]\nthp = on'
refuses 1 '.*did you mean \[unit:nginx\]\?' <<<$'[unit=nginx]\nthp = on'
clean <<<$'[unit:user@*]\nthp = on\n[unit:*vice]\nbatch_max = 2\n[unit:init.scope]\nbatch_max = 3'
clean <<<$'[web]\ninherits = fast\nthp = on\n[program:x]\nmode = web'
clean <<<$'[fast]\nthp = on'

# Combinations: the place is that of the line that is useless, and who is concerned is said.
says 4 'evo_policy = learn has no effect with elo = off: set elo = on, or take evo_policy out \(for \[program:web\*\]\)' \
    <<<$'[hakmem]\nelo = off\n[program:web*]\nevo_policy = learn'
says 2 'soft_limit = 2G is above hard_limit = 1G' <<<$'[hakmem]\nsoft_limit = 2G\nhard_limit = 1G'
says 2 'soft_limit = 2G is above hard_limit = 1G.* \(for \[program:a\], \[program:b\]\)' \
    <<<$'[hakmem]\nsoft_limit = 2G\n[program:a]\nhard_limit = 1G\n[program:b]\nhard_limit = 1G'
says 3 'control_group = no-such-group: there is no such group on this host' <<<$'[hakmem]\ncontrol = on\ncontrol_group = no-such-group'
# What is said for all and fits not everyone is no mistake.
clean <<<$'[hakmem]\npurge_delay = 2s\nelo_k = 9\nbigcache_limit = 1G\n[program:x]\nmode = minimal\n[unit:y]\nbigcache = off'
# The shipped file, as it is and with every key taken in at its default.
ctl 0 check "$HK_SRC/conf/hakmem.ini"
[ "$(cat "$T/out")" = "$HK_SRC/conf/hakmem.ini: clean" ] || fail "the shipped file is not clean: $(cat "$T/out")"

# ---- live services ----

ini() { printf '[hakmem]\npurge_delay = %s\nthp = off\nbatch_max = 7\n%s\n' "$1" "${2:-}" >"$HAKMEM_CONF.new" && mv "$HAKMEM_CONF.new" "$HAKMEM_CONF"; }
ini 700ms
target control=on thp=on
one=$PID
wait_for 20 has_socket "$one" || fail "no control socket"
target
two=$PID
door2_works "$two" || skip "process_vm_readv is not permitted here"
# A service with another file is not concerned, one whose values all hold is not spoken of.
printf '[hakmem]\nbatch_max = 3\n' >"$T/b.ini"
(export HAKMEM_CONF=$T/b.ini HAKMEM_BATCH_MAX=5; exec_in_mode balanced sleep 600) </dev/null >/dev/null 2>&1 &
other=$!
HK_PIDS+=("$other")
wait_for 20 "$HK_CTL" get "$other" thp || fail "sleep does not come under control"

ctl 0 check
quiet
out "^warning: $HAKMEM_CONF:3: thp = off does not hold in python3?[.0-9]*\[$one\]: its environment HAKMEM_THP says on"
[ "$(wc -l <"$T/out")" -eq 1 ] || fail "more than that: $(cat "$T/out")"
ctl 0 set "$two" batch_max=9 mode=fast
ctl 0 check "$HAKMEM_CONF"
out "^warning: $HAKMEM_CONF:4: batch_max = 7 does not hold in .*\[$two\]: hakmemctl set says 9 until it ends; hakmemctl set $two batch_max=- "
ctl 0 check --json
json "j[0]['errors'] == 0 and j[0]['warnings'] == 2 and {s['pid'] for s in j[0]['services']} == {$one, $two}"
json 'all(s["changes"] == 0 for s in j[0]["services"])'
ctl 0 check "$T/b.ini"
out "^warning: $T/b\.ini:2: batch_max = 3 does not hold in sleep\[$other\]: its environment HAKMEM_BATCH_MAX says 5"
ctl 0 check "$T/a.ini" # nobody has read that one
! grep -q 'does not hold' "$T/out" || fail "a file that no service has read: $(cat "$T/out")"

# What a reload would change: through both doors the same, and then it does.
ini 3s 'security = full'
ctl 0 check
out "\[$one\] has 2 other values: hakmemctl check --diff $one shows"
for door in 1 2; do
    ctl 0 --door=$door check --diff "$one"
    out "\[$one\]: a reload would change$"
    out "^  purge_delay +700ms +\[hakmem\] $HAKMEM_CONF:2 +3s +\[hakmem\] $HAKMEM_CONF:2 +at once"
    out "^  security +basic +preset +full +\[hakmem\] $HAKMEM_CONF:5 +pending until restart"
    out "^  thp = off \($HAKMEM_CONF:3\) does not hold: environment HAKMEM_THP says on"
    ctl 0 --door=$door get "$one" purge_delay --json
    json 'j[0]["value"] == "700ms"'
done
ctl 0 check --diff "$one" "$two" --json
json "[s['pid'] for s in j] == [$one, $two]"
json '[(c["key"], c["old"], c["new"], c["effect"]) for c in j[0]["changes"]] == [("purge_delay", "700ms", "3s", "live"), ("security", "basic", "full", "restart")]'
json 'j[1]["overridden"][0]["key"] == "batch_max" and j[1]["overridden"][0]["by"] == "set" and j[1]["files"] == ["'"$HAKMEM_CONF"'"]'
# The same value from another place is worth a line: a human's word pins it.
ini 700ms 'batch = on'
ctl 0 check --diff "$one"
out '^  batch +on +preset +on +\[hakmem\] .*:5 +none: the same value'
ini 700ms
ctl 0 check --diff "$one"
out "\[$one\]: a reload would change nothing$"
# What a reload would refuse is refused here too.
ini 700ms 'bigcahe = on'
ctl 1 check --diff "$one"
err "hakmem\.ini:5: unknown key 'bigcahe'"
rm "$HAKMEM_CONF"
ctl 1 check --diff "$one"
err 'was read before and cannot be read now'
ctl 1 check
out "^error: $HAKMEM_CONF: No such file"
ctl 3 check --diff 999999999
ctl 3 check --diff no-such-program --json
json 'j == []'
ctl 2 check --diff
ctl 2 freeze --diff "$one"
say "errors, sections that never hold, combinations, live services, --diff"
