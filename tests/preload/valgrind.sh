#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Under valgrind's memcheck, which puts its own malloc in the place of whatever is preloaded: nothing is complained of, and it still finds
# what programs do wrong. Told to leave malloc alone it runs ours.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need valgrind gcc
export HAKMEM_CONTROL_DIR=$T
gcc -g -O1 -pthread -fno-builtin -o "$T/p" "$HK_SRC/tests/preload/steady.c" || fail "gcc"
check=(timeout 120 valgrind --error-exitcode=9 --trace-children=yes)
clean() { # WHAT COMMAND…
    local what=$1
    shift
    "$@" >"$T/out" 2>"$T/err" || fail "$what: status $?: $(grep -v '^==[0-9]*== *$' "$T/err" | head -12)"
    grep -q 'ERROR SUMMARY: 0 errors' "$T/err" || fail "$what: valgrind did not run: $(head -5 "$T/err")"
}

ls / >"$T/expected"
clean "valgrind ls" env LD_PRELOAD="$HK_PRELOAD" "${check[@]}" ls /
cmp "$T/expected" "$T/out" || fail "ls says something else under valgrind"
clean "valgrind env LD_PRELOAD" "${check[@]}" env LD_PRELOAD="$HK_PRELOAD" HAKMEM_CONTROL=on "$T/p"
[ "$(cat "$T/out")" = done ] || fail "said $(cat "$T/out")"
clean "our malloc under valgrind" "${check[@]}" --soname-synonyms=somalloc=nouserintercepts \
    env LD_PRELOAD="$HK_PRELOAD" HAKMEM_SECURITY=full "$T/p"
! LD_PRELOAD="$HK_PRELOAD" "${check[@]}" --leak-check=full --errors-for-leak-kinds=definite "$T/p" bugs >"$T/out" 2>"$T/err" ||
    fail "valgrind misses an overflow and a leak when preloaded"
for bug in 'Invalid write of size 1' '100 bytes in 1 blocks are definitely lost'; do
    grep -q "$bug" "$T/err" || fail "not found: $bug: $(tail -5 "$T/err")"
done
say "memcheck is quiet, and finds what is wrong"
