#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Completion in the shells themselves, on a terminal: verbs, options, keys with their values, and what runs.
. "$(dirname "$0")/ctl-lib.sh" || exit 99
need bash
mkdir "$T/bin" "$T/files" "$T/sh"
ln -s "$HK_CTL" "$T/bin/hakmemctl"
export PATH=$T/bin:$PATH
cd "$T/files" || exit 99
: >only-one.ini
printf '[hakmem]\n[webby]\ninherits = fast\n[program:x]\nmode = webby\n' >"$HAKMEM_CONF"
cp "$(command -v sleep)" "$T/bin/zzsleeper"
start balanced "$T/sleep.log" zzsleeper 600
pid=$PID
wait_for 20 "$HK_CTL" get "$pid" thp || fail "the target does not come under control"
door2_works "$pid" || skip "process_vm_readv is not permitted here"

# What is asked for and what comes: the same for both shells. TAB between the two.
cat >"$T/cases" <<END
hakmemctl tri	hakmemctl trim~
hakmemctl st	?stats status
hakmemctl help che	hakmemctl help check~
hakmemctl status zzs	hakmemctl status zzsleeper~
hakmemctl trim zzsleeper $pid	hakmemctl trim zzsleeper $pid~
hakmemctl set $pid purge_d	hakmemctl set $pid purge_delay=
hakmemctl set $pid free_policy=ad	hakmemctl set $pid free_policy=adaptive~
hakmemctl set $pid free_policy=	?adaptive batch keep
hakmemctl set $pid thp=off bigcache_l	hakmemctl set $pid thp=off bigcache_limit=
hakmemctl set $pid mode=web	hakmemctl set $pid mode=webby~
hakmemctl get $pid hard	hakmemctl get $pid hard_limit~
hakmemctl run debug=verb	hakmemctl run debug=verbose~
hakmemctl run thp=off -- zzsl	hakmemctl run thp=off -- zzsleeper~
hakmemctl check onl	hakmemctl check only-one.ini~
hakmemctl check --diff zzs	hakmemctl check --diff zzsleeper~
hakmemctl expl	hakmemctl explain~
hakmemctl top --int	hakmemctl top --interval=
hakmemctl top --on	hakmemctl top --once~
hakmemctl stats --out	hakmemctl stats --output=
hakmemctl enable --no-s	hakmemctl enable --no-socket~
hakmemctl enable x.service debug=verb	hakmemctl enable x.service debug=verbose~
hakmemctl disable --no-	hakmemctl disable --no-reload~
hakmemctl doctor ./onl	hakmemctl doctor ./only-one.ini~
hakmemctl doctor zzs	hakmemctl doctor zzsleeper~
hakmemctl stats --prom	hakmemctl stats --prometheus~
hakmemctl freeze --time	hakmemctl freeze --timeout=
hakmemctl freeze --door=	?--door=1 --door=2
hakmemctl nonsense zzs	hakmemctl nonsense zzs
END
# bash shows and inserts only what stands behind the '='.
sed -i 's/~$/ /' "$T/cases"
sed 's/?--door=1 --door=2/?1 2/' "$T/cases" >"$T/cases.bash"

cat >"$T/sh/rc.bash" <<END
PS1='> '
set +o history
bind 'set bell-style none'
bind 'set show-all-if-ambiguous on'
bind 'set enable-bracketed-paste off'
bind 'set completion-query-items 0'
bind 'set page-completions off'
bind -x '"\C-x\C-d": printf "%s\n" "\$READLINE_LINE" >>"\$DUMP"'
. '$HK_SRC/conf/completion/hakmemctl'
touch '$T/sh/ready.bash'
END
python3 "$HK_SRC/tests/control/complete.py" bash "$T/sh/rc.bash" "$T/sh" <"$T/cases.bash" || fail "bash (above)"
# Without a word of its own in the key's place: characters that the shell would take apart are quoted.
(
    set +u
    compopt() { :; }
    . "$HK_SRC/conf/completion/hakmemctl"
    COMP_LINE='hakmemctl set 1 thp=o' COMP_POINT=${#COMP_LINE} COMP_WORDS=(hakmemctl set 1 thp = o) COMP_CWORD=5
    _hakmemctl
    [ "${COMPREPLY[*]}" = 'off on' ] || { echo "thp=o: ${COMPREPLY[*]}"; exit 1; }
    COMP_WORDBREAKS=' ' COMPREPLY=()
    _hakmemctl
    [ "${COMPREPLY[*]}" = 'thp=off thp=on' ] || { echo "thp=o in one word: ${COMPREPLY[*]}"; exit 1; }
) || fail "bash's function (above)"

if ! command -v zsh >/dev/null; then
    say "bash only"
    skip "zsh is not installed"
fi
mkdir "$T/sh/functions"
cp "$HK_SRC/conf/completion/_hakmemctl" "$T/sh/functions/"
cat >"$T/sh/.zshrc" <<END
PROMPT='> ' RPROMPT= LISTMAX=10000
unsetopt beep prompt_sp list_ambiguous
fpath=('$T/sh/functions' \$fpath)
autoload -U compinit
compinit -u -d '$T/sh/zcompdump'
bindkey -e
dump() { print -r -- "\$BUFFER" >>"\$DUMP"; }
zle -N dump
bindkey '^X^D' dump
touch '$T/sh/ready.zsh'
END
python3 "$HK_SRC/tests/control/complete.py" zsh - "$T/sh" <"$T/cases" || fail "zsh (above)"
say "verbs, options, keys, values, targets, files, commands, in bash and zsh"
