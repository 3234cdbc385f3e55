#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The C interface, hakmem.h, as programs get it: from a staged installation by pkg-config, in C and C++, shared and
# static; and by dlsym in a program that is preloaded. And what it says is what hakmemctl says.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need gcc g++ pkg-config make nm
unset MAKEFLAGS MFLAGS MAKELEVEL
make -C "$HK_BUILD" -s install DESTDIR="$T/dest" >"$T/log" 2>&1 || fail "make install: $(tail -5 "$T/log")"
prefix=$(sed -n 's/^prefix = //p' "$HK_BUILD/Makefile")
pc=$(find "$T/dest" -name hakmem.pc)
[ -n "$pc" ] || fail "hakmem.pc was not installed"
find "$T/dest" -name hakmem.3 | grep -q . || fail "hakmem.3 was not installed"
export PKG_CONFIG_PATH=${pc%/*}
package() { pkg-config "--define-variable=prefix=$T/dest$prefix" "$@" hakmem; }
libdir=$(package --variable=libdir)
[ "$(package --modversion)" = "$(sed -n 's/#define HAKMEM_VERSION "\(.*\)"/\1/p' "$HK_SRC/include/hakmem.h")" ] ||
    fail "hakmem.pc has version $(package --modversion)"

export HAKMEM_CONF=$T/hakmem.ini HAKMEM_CONTROL_DIR=$T/run
mkdir -m 0755 "$HAKMEM_CONTROL_DIR"
printf '[hakmem]\npurge_delay = 700ms\n' >"$HAKMEM_CONF"
warn=(-Wall -Wextra -Wpedantic -Werror -O1 -D_GNU_SOURCE -pthread)
build() { # WHAT COMMAND…
    local what=$1
    shift
    "$@" >"$T/log" 2>&1 || fail "$what does not build: $(head -5 "$T/log")"
}
try() { # WHAT MODE PROGRAM
    local got
    got=$(HK_TIMEOUT=120 in_mode "$2" "$3" 2>"$T/log") || fail "$1: status $?: $(head -3 "$T/log")"
    [ "$got" = "in use" ] || fail "$1: '$got'"
    say "$1"
}
# shellcheck disable=SC2046 # words are wanted
{
    c=(gcc -std=c99 "${warn[@]}" $(package --cflags) "$HK_SRC/tests/preload/api.c")
    cxx=(g++ -std=c++11 "${warn[@]}" $(package --cflags) -x c++ "$HK_SRC/tests/preload/api.c" -x none)
    shared=($(package --libs) "-Wl,-rpath,$libdir")
    static=(-static $(package --libs --static))
}
build "C, shared" "${c[@]}" -o "$T/c" "${shared[@]}"
try "C, shared" bare "$T/c"
build "C++, shared" "${cxx[@]}" -o "$T/cxx" "${shared[@]}"
try "C++, shared" bare "$T/cxx"
build "found by name" "${c[@]}" -DBY_NAME -o "$T/named" -ldl
try "found by name, preloaded" balanced "$T/named"
! in_mode bare "$T/named" 2>"$T/log" || fail "without the library the names cannot be there"
if [ -e "$libdir/libhakmem.a" ]; then
    build "C, static" "${c[@]}" -o "$T/c-static" "${static[@]}"
    try "C, wholly static" bare "$T/c-static"
    build "C++, static" "${cxx[@]}" -o "$T/cxx-static" "${static[@]}"
    try "C++, wholly static" bare "$T/cxx-static"
    # A static program that uses nothing of it starts under its configuration all the same.
    printf '#include <stdlib.h>\n#include <unistd.h>\nint main(void) { free(malloc(10)); return pause(); }\n' >"$T/plain.c"
    build "plain, static" gcc "$T/plain.c" -o "$T/plain" "${static[@]}"
    HAKMEM_CONTROL=on start bare "$T/plain.log" "$T/plain"
    wait_for 30 eval "ls '$HAKMEM_CONTROL_DIR/$PID.'*.sock" || fail "a static program has no control socket: it did not start"
    "$HK_CTL" get "$PID" purge_delay --json >"$T/out" || fail "hakmemctl cannot ask it"
    grep -q '"value": "700ms"' "$T/out" || fail "the file does not hold in a static program: $(cat "$T/out")"
    stop "$PID"
fi

# hakmemctl sees what the program has set, and takes it back.
HAKMEM_CONTROL=on start bare "$T/wait.log" "$T/c" wait
pid=$PID
wait_for 60 grep -q 'in use' "$T/wait.log" || fail "it does not come to its end: $(cat "$T/wait.log")"
"$HK_CTL" get "$pid" purge_delay >"$T/out" || fail "hakmemctl cannot ask it"
grep -q '^purge_delay  *1234ms  *set ' "$T/out" || fail "hakmemctl does not see what was set: $(cat "$T/out")"
"$HK_CTL" stats "$pid" --json | sed -n 's/^    "\([a-z_]*\)": [0-9]*,\{0,1\}$/\1/p' | grep -vxE 'pid|door|.*_rate' | sort >"$T/names"
cat >"$T/each.c" <<'END'
#include <hakmem.h>
#include <stdio.h>
static int print(const char *name, uint64_t value, void *data)
{
	(void) value;
	return fprintf((FILE *) data, "%s\n", name) < 0;
}
int main(void)
{
	return hakmem_stats_each(print, stdout);
}
END
# shellcheck disable=SC2046 # words are wanted
build "each" gcc -Wall -Werror $(package --cflags) "$T/each.c" -o "$T/each" "${shared[@]}"
"$T/each" | sort >"$T/each.names"
[ "$(wc -l <"$T/names")" -gt 30 ] || fail "hakmemctl stats has few numbers: $(cat "$T/names")"
diff "$T/names" "$T/each.names" >"$T/diff" || fail "names differ (< hakmemctl stats, > hakmem_stats_each): $(cat "$T/diff")"

# Nothing allocates.
object=$(find "$HK_BUILD/src/shim" -name '*shim_rare*api.o' | head -1)
[ -n "$object" ] || fail "api.o is not there"
! nm -u "$object" | grep -E ' (malloc|calloc|realloc|free|strdup|asprintf|hk_malloc|hk_calloc)$' || fail "api.c allocates (above)"
say "set by the program, seen by hakmemctl; the same counters; no allocation"
