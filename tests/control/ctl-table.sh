#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What holds for every verb, taken from the table of verbs itself: help, JSON, exit status, options, and colours on a
# terminal only. A verb that is added later is tested here without a word.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

target
pid=$PID
door2_works "$pid" || skip "process_vm_readv is not permitted here"
ctl 0 help --json
json 'all({"verb", "arguments", "doc", "options"} <= v.keys() and v["doc"] for v in j)'
python3 -c 'import json, sys
for v in json.load(open(sys.argv[1])):
    print(v["verb"], "|".join(v["options"]), v["arguments"], sep="\t")' "$T/out" >"$T/table"
[ "$(wc -l <"$T/table")" -ge 15 ] || fail "few verbs: $(cat "$T/table")"
[ "$(cut -f1 "$T/table")" = "$("$HK_CTL" complete -- '' | cut -f1)" ] || fail "completion offers other verbs"

no_colour() { ! grep -q $'\033' "$T/out" "$T/err" || fail "colours into a pipe: $*"; }
# arguments_of VERB ARGUMENTS: in $args words that make the verb do something harmless here; none if it is not known to be so.
arguments_of() {
    case $1:$2 in
    set:*) args=("$pid" batch_max=65) ;;
    run:*) args=(-- true) ;;
    top:*) args=(--once "$pid") ;;
    check:* | modes:* | help:* | version:*) args=() ;;
    *:TARGET* | list:* | status:* | stats:*) args=("$pid") ;;
    *) return 1 ;;
    esac
}
while IFS=$'\t' read -r verb options arguments <&3; do
    # Help: by option, wherever it stands, and by verb; each of the options is in it.
    for words in "--help $verb" "help $verb" "$verb -h"; do
        # shellcheck disable=SC2086 # words are wanted
        ctl 0 $words
        quiet
        out "^usage: hakmemctl $verb( |$)"
        out '^Exit status: '
        no_colour "$words"
    done
    "$HK_CTL" complete -- "$verb" -- | cut -f1 >"$T/offered"
    IFS='|' read -ra list <<<"$options"
    for option in "${list[@]}"; do
        option=${option%%=*}
        [[ $option == -* ]] || continue # of "--door=1|2" the end
        out "^ +(-., )?$option"
        [ "$verb" = run ] || grep -q -- "^$option" "$T/offered" ||
            fail "completion does not offer $verb $option"
    done
    # Mistakes on the command line are 2, and say how it is used.
    ctl 2 "$verb" --no-such-option
    err "unknown option '--no-such-option'"
    ctl 2 "$verb" --timeout=soon
    if [[ $arguments == TARGET* && $arguments != *'|--'* ]]; then
        ctl 2 "$verb"
        err "^usage: hakmemctl $verb "
    fi
    if [ -z "$arguments" ]; then
        ctl 2 "$verb" too many
    fi
    # Who is not there is 3, and as JSON an empty array.
    if [[ $arguments == *TARGET* && $verb != check ]]; then
        extra=()
        [[ $arguments != *KEY=VALUE* ]] || extra=(thp=off)
        [ "$verb" != top ] || extra=(--once) # here is no terminal
        ctl 3 "$verb" no-such-program "${extra[@]}"
        err 'no-such-program'
        ctl 3 "$verb" 999999999 --json "${extra[@]}"
        json 'j == []'
    fi
    arguments_of "$verb" "$arguments" || continue
    ctl 0 "$verb" "${args[@]}"
    no_colour "$verb"
    [ "$verb" != run ] || continue
    ctl 0 "$verb" "${args[@]}" --json
    json 'len(j) >= 1 and all(isinstance(x, dict) for x in j)'
    no_colour "$verb" --json
done 3<"$T/table"

# On a terminal there are colours, unless NO_COLOR forbids them, and never in JSON.
on_terminal() {
    python3 - "$@" >"$T/out" 2>"$T/err" <<'PY' || fail "on a terminal: $*: $(cat "$T/err")"
import os, pty, sys
os.environ["TERM"] = "xterm"
status = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(status))
PY
}
printf '[hakmem]\nelo = off\nelo_k = 3\n' >"$T/warn.ini"
for words in "list" "status $pid" "get $pid" "modes" "check $T/warn.ini"; do
    # shellcheck disable=SC2086
    on_terminal "$HK_CTL" $words
    grep -q $'\033\[' "$T/out" || fail "no colours on a terminal: $words: $(cat "$T/out")"
    # shellcheck disable=SC2086
    NO_COLOR=1 on_terminal "$HK_CTL" $words
    no_colour "NO_COLOR=1 $words"
    # shellcheck disable=SC2086
    on_terminal "$HK_CTL" $words --json
    no_colour "$words --json"
done
say "$(wc -l <"$T/table") verbs: help, JSON, exit status, options, colours"
