#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What hakmemctl does without a live process: check, modes, run, help, and its manual page.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

# help, version
ctl 0 help
quiet
verbs=$(sed -n 's/^  \([a-z]\{3,\}\) .*/\1/p' "$T/out")
for verb in list status stats freeze learn canary log export reload get set trim check modes run doctor enable disable; do
    grep -qx "$verb" <<<"$verbs" || fail "help does not list $verb"
done
for verb in $verbs; do
    ctl 0 "$verb" --help
    out "usage: hakmemctl $verb"
    ctl 0 help "$verb"
    grep -q "^\.It Cm $verb\b" "$HK_SRC/man/hakmemctl.1" || fail "hakmemctl.1 has no .It Cm $verb"
done
for verb in $(sed -n 's/^\.It Cm \([a-z]*\).*/\1/p' "$HK_SRC/man/hakmemctl.1"); do
    grep -qx "$verb" <<<"$verbs" || fail "hakmemctl.1 has $verb, help has not"
done
ctl 0 --help
ctl 0 --version
out '^hakmemctl [0-9]+\.[0-9]+\.[0-9]+'
ctl 0 version --json
json '"version" in j[0]'

# check
ctl 0 check
out '^/.*/hakmem\.ini: clean$'
printf '[hakmem]\nelo = off\n[program:web*]\nevo_policy = learn\n' >"$T/warn.ini"
ctl 0 check "$T/warn.ini"
out 'warning: .*/warn\.ini:4: evo_policy = learn .* \(for \[program:web\*\]\)'
printf '[hakmem]\nmode = fast\n\nbigcahe = on\npurge_delay = soon\n' >"$T/bad.ini"
ctl 1 check "$T/bad.ini"
out "bad\.ini:4: unknown key 'bigcahe': did you mean 'bigcache'"
out 'bad\.ini:5: '
ctl 1 check "$T/warn.ini" "$T/bad.ini" --json
json 'len(j) == 2 and j[0]["errors"] == 0 and j[0]["warnings"] >= 1 and j[1]["errors"] == 2'
ctl 1 check "$T/none.ini"
out 'none\.ini: No such file or directory; put it back, or name another file'
{ echo '[hakmem]'; for i in {1..40}; do echo "nonsense$i = 1"; done; } >"$T/many.ini"
ctl 1 check "$T/many.ini"
[ "$(grep -c '^error: .*unknown key' "$T/out")" -eq 40 ] || fail "not all 40 errors: $(cat "$T/out")"
ctl 1 check "$T/many.ini" --json
json 'j[0]["errors"] == 40 and len({m["message"] for m in j[0]["messages"]}) == 40 and j[0]["files"] == [j[0]["file"]]'
HAKMEM_CONF=$T/bad.ini ctl 1 check
out 'bad\.ini:4'

# the section of the host's daemon: check knows it, no program minds it
printf '[hakmemd]\nmetrics_listen = 127.0.0.1:9477\nreload = manual\n[hakmem]\npurge_delay = 700ms\n' >"$T/daemon.ini"
ctl 0 check "$T/daemon.ini"
out 'daemon\.ini: clean'
for listen in '[::1]:80' /run/hakmemd/metrics.sock off '"0.0.0.0:1"'; do
    printf '[hakmemd]\nmetrics_listen = %s\n' "$listen" >"$T/daemon.ini"
    ctl 0 check "$T/daemon.ini"
done
for listen in localhost:9477 127.0.0.1 127.0.0.1:0 127.0.0.1:65536 ::1:80 '[::1]' 1.2.3:4 metrics.sock "/$(printf '%0110d' 0)"; do
    printf '\n[hakmemd]\nmetrics_listen = %s\n' "$listen" >"$T/daemon.ini"
    ctl 1 check "$T/daemon.ini"
    out 'daemon\.ini:3: metrics_listen = .*127\.0\.0\.1:9477'
done
printf '[hakmemd]\nmetric_listen = off\nreload = sometimes\nreload = auto\nthp = off\n' >"$T/daemon.ini"
ctl 1 check "$T/daemon.ini" --json
json 'j[0]["errors"] == 4 and j[0]["warnings"] == 0'
ctl 1 check "$T/daemon.ini"
out "daemon\.ini:2: unknown key 'metric_listen' in \[hakmemd\]: did you mean 'metrics_listen'"
out 'daemon\.ini:3: reload = .sometimes.: in \[hakmemd\] it is auto or manual'
out 'daemon\.ini:4: duplicate .reload.: this section has it in line 3 already'
out "daemon\.ini:5: unknown key 'thp' in \[hakmemd\]"
{ echo '[hakmemd]'; for i in {1..40}; do echo "nonsense$i = 1"; done; } >"$T/many-daemon.ini"
ctl 1 check "$T/many-daemon.ini" --json
json 'j[0]["errors"] == 40 and len({m["message"] for m in j[0]["messages"]}) == 40'
printf '[hakmend]\nreload = auto\n' >"$T/daemon2.ini"
ctl 1 check "$T/daemon2.ini"
out 'did you mean \[hakmemd\]'

# modes
printf '[hakmem]\nthp = off\n[web]\ninherits = fast\nbigcache_limit = 64M\n' >"$HAKMEM_CONF"
ctl 0 modes
out '^KEY +minimal +fast +balanced +learning +research +web'
out '^bigcache_limit +4G +4G +4G +4G +4G +64M\*'
ctl 0 modes --json
json '[m["mode"] for m in j] == ["minimal", "fast", "balanced", "learning", "research", "web"]'
json 'j[0]["keys"]["tinypool"] == "off" and j[5]["base"] == "fast" and all(m["keys"]["thp"] == "off" for m in j)'

# run
export HAKMEM_LIB=$HK_PRELOAD
ctl 0 run mode=web thp=on -- env
out "^LD_PRELOAD=$HK_PRELOAD$"
out '^HAKMEM_MODE=web$'
out '^HAKMEM_THP=on$'
! grep -q '^HAKMEM_LIB=' "$T/out" || fail "HAKMEM_LIB reaches the command"
LD_PRELOAD=libm.so.6 ctl 0 run -- env
out "^LD_PRELOAD=$HK_PRELOAD:libm.so.6$"
HAKMEM_MODE=fast ctl 0 run -- sh -c 'echo "mode $HAKMEM_MODE"; grep -q libhakmem /proc/self/maps && echo loaded'
out '^mode fast$'
ctl 7 run -- sh -c 'exit 7'
ctl 127 run -- "$T/no-such-command"
ctl 126 run -- "$HAKMEM_CONF"
ctl 2 run bigcahe=on -- true
err "unknown key 'bigcahe': did you mean 'bigcache'"
ctl 2 run thp=perhaps -- true
err thp
ctl 2 run mode=fats -- true
err "did you mean 'fast'"
ctl 2 run thp=on
ctl 2 run sleep 1
err "'sleep' is not KEY=VALUE, without blanks"
# What the program will not heed is told to who starts it; the program runs.
HAKMEM_PURGE_DELAY=soon HAKMEM_TINYPOL=on ctl 5 run -- sh -c 'exit 5'
err 'warning: HAKMEM_PURGE_DELAY: purge_delay must be '
err 'warning: unknown variable HAKMEM_TINYPOL: did you mean HAKMEM_TINYPOOL\?'
HAKMEM_MODE=fasst HAKMEM_CONF=$T/gone.ini ctl 0 run -- true
err "warning: HAKMEM_MODE: unknown mode 'fasst': did you mean 'fast'"
err 'warning: HAKMEM_CONF names a file that does not exist'
{ echo '[hakmem]'; for i in {1..20}; do echo "thp$i = on"; done; } >"$T/many.ini"
HAKMEM_CONF=$T/many.ini ctl 0 run -- true
err 'warning: 8 more: hakmemctl check shows those of the files'
ctl 2 stauts
err "did you mean 'status'"
ctl 2 stas
err "did you mean 'stats'"
unset HAKMEM_LIB
ctl 0 run -- sh -c 'echo "$LD_PRELOAD"'
out '^/.*/libhakmem\.so\.0$' # not the link that only developers have
mkdir -p "$T/moved/bin" "$T/moved/lib" && cp "$HK_CTL" "$T/moved/bin/hakmemctl" && cp "$HK_PRELOAD" "$T/moved/lib/" || exit 99
HK_CTL=$T/moved/bin/hakmemctl ctl 0 run -- sh -c 'echo "$LD_PRELOAD"'
out "^$T/moved/lib/libhakmem\.so$"
ln -s libhakmem.so "$T/moved/lib/libhakmem.so.0"
HK_CTL=$T/moved/bin/hakmemctl ctl 0 run -- sh -c 'echo "$LD_PRELOAD"'
out "^$T/moved/lib/libhakmem\.so\.0$"
HAKMEM_LIB=$T/none.so ctl 1 run -- true
err 'not found'

# No service at all: list says so and is content, others are not.
export HAKMEM_CONTROL_DIR=$T/empty
ctl 0 list --json
json 'isinstance(j, list)'
ctl 3 stats
err 'no process with hakmem is running'
ctl 3 stats --json
json 'j == []'
say "check, modes, run, help, manual page"
