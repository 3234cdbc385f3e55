#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A secure-execution (setuid) process ignores every HAKMEM_* variable and HAKMEM_CONF. The program is
# linked to the library, because the loader itself drops a preload by path from such a process.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
[ "$(id -u)" -eq 0 ] || skip "only root can make a setuid program for another user"
need gcc setpriv

cat >"$T/program.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
int main(void)
{
	void *volatile p = malloc(64 << 20); /* refused where hard_limit = 8M is in force */
	printf("secure=%lu malloc=%s\n", getauxval(AT_SECURE), p != NULL ? "ok" : "refused");
	free(p);
	return 0;
}
END
# The loader wants the name in DT_NEEDED beside it.
cp "$HK_PRELOAD" "$T/lib/libhakmem.so.0"
gcc -O0 -o "$T/program" "$T/program.c" -L"$T/lib" -Wl,--no-as-needed -lhakmem -Wl,-rpath,"$T/lib" || fail "the program does not link"

printf '[hakmem]\nhard_limit = 8M\n' >"$T/limit.ini"
chmod 0644 "$T/limit.ini"
chown 65534 "$T/program" && chmod 0755 "$T/program"
expect() { # WHAT WANTED VARIABLE…
    local what=$1 wanted=$2 got
    shift 2
    got=$("${AS_USER[@]}" env "$@" "$T/program" 2>"$T/err") || fail "$what: status $?: $(cat "$T/err")"
    [ "$got" = "$wanted" ] || fail "$what: '$got', not '$wanted'"
    [ ! -s "$T/err" ] || fail "$what: output: $(cat "$T/err")"
}

# The test itself: as an ordinary program the variables hold.
expect "ordinary" "secure=0 malloc=ok"
expect "ordinary, HAKMEM_HARD_LIMIT" "secure=0 malloc=refused" HAKMEM_HARD_LIMIT=8M
expect "ordinary, HAKMEM_CONF" "secure=0 malloc=refused" HAKMEM_CONF="$T/limit.ini"

chown 0 "$T/program" && chmod 4755 "$T/program"
case $("${AS_USER[@]}" "$T/program" 2>/dev/null) in
secure=1*) ;;
*) skip "setuid has no effect under $T (nosuid?)" ;;
esac
expect "setuid" "secure=1 malloc=ok"
expect "setuid, HAKMEM_HARD_LIMIT" "secure=1 malloc=ok" HAKMEM_HARD_LIMIT=8M
expect "setuid, HAKMEM_CONF" "secure=1 malloc=ok" HAKMEM_CONF="$T/limit.ini"
expect "setuid, logging and control" "secure=1 malloc=ok" HAKMEM_MODE=research HAKMEM_DEBUG=verbose \
    HAKMEM_LOG="$T/lib/log" HAKMEM_CONTROL=on HAKMEM_CONTROL_DIR="$T"
[ ! -e "$T/lib/log" ] || fail "a setuid process wrote where HAKMEM_LOG said"
say "an ordinary process obeys the variables, a setuid one does not"
