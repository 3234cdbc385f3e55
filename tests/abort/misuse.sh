#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# How many kinds of misuse are stopped: by the system's malloc, and by each level of security. A program that moves here from
# glibc must not lose protection, and full stops them all. README has the table that this prints (with HK_MISUSE_OFF=1 for off, too).
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
HK_TEST=abort/misuse
ulimit -c 0
export MALLOC_CHECK_= MALLOC_PERTURB_=

"$HK_BUILD/tests/abort/misuse" list >"$T/list" || fail "misuse list ends with $?"
[ "$(wc -l <"$T/list")" -gt 200 ] || fail "only $(wc -l <"$T/list") kinds"

for level in glibc ${HK_MISUSE_OFF:+off} basic full; do
    variables=()
    [ $level = glibc ] || variables=(HAKMEM_CONF=/dev/null HAKMEM_SECURITY=$level "LD_PRELOAD=$HK_LIB")
    while read -r group name; do
        status=0
        # The shell's own message about a signal is not wanted.
        { env "${variables[@]}" timeout 20 "$HK_BUILD/tests/abort/misuse" "$name" >/dev/null 2>"$T/err" || status=$?; } 2>/dev/null
        [ $status -ne 124 ] || fail "$level: $name hangs"
        [ $status -ne 2 ] || fail "$name is not known"
        echo "$level $group $name $status"
    done <"$T/list"
done >"$T/all"

stopped() { awk -v level="$1" -v group="${2:-}" '$1 == level && (group == "" || $2 == group) && $4 != 0' "$T/all" | wc -l; }
say "$(printf '%-16s %5s %6s %5s %6s %5s' 'stopped' 'of' glibc off basic full)"
while read -r group; do
    say "$(printf '%-16s %5d %6d %5d %6d %5d' "$group" "$(grep -c "^$group " "$T/list")" "$(stopped glibc "$group")" \
        "$(stopped off "$group")" "$(stopped basic "$group")" "$(stopped full "$group")")"
done < <(cut -d' ' -f1 "$T/list" | sort -u)
say "$(printf '%-16s %5d %6d %5d %6d %5d' all "$(wc -l <"$T/list")" "$(stopped glibc)" "$(stopped off)" "$(stopped basic)" "$(stopped full)")"

missed() { awk -v level="$1" '$1 == level && $4 == 0 { print $3 }' "$T/all" | tr '\n' ' '; }
[ "$(stopped glibc)" -gt 100 ] || fail "glibc stops only $(stopped glibc): the programs do not do what they say"
[ "$(stopped basic)" -ge "$(stopped glibc)" ] || fail "basic stops fewer than glibc; it misses: $(missed basic)"
[ "$(stopped full)" -ge $(($(wc -l <"$T/list") - 3)) ] || fail "full misses: $(missed full)"
