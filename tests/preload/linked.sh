#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Instead of being preloaded the library can be linked, shared or static, from C and C++: a test program
# of each language is built against it and must run on it.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need gcc g++ nm
archive=$HK_BUILD/.libs/libhakmem.a
# shellcheck disable=SC2207 # words
static=("$archive" $(sed -n 's/^Libs.private: //p' "$HK_BUILD/hakmem.pc")) # the shared library has libinih inside
cp "$HK_PRELOAD" "$T/lib/libhakmem.so.0" # the name in DT_NEEDED

cat >"$T/which.c" <<'END'
#include "hakmem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{
	char *volatile p = malloc(300);
	size_t trimmed;

	memset(p, 1, 300);
	free(p);
	p = malloc(8 << 20);
	memset(p, 1, 8 << 20);
	free(p);
	trimmed = hakmem_trim(); /* the eight megabytes at least lay in this allocator's cache */
	printf("%s %s\n", hakmem_version(), trimmed >= 8 << 20 ? "in use" : "not in use");
	return 0;
}
END
version=$(sed -n 's/#define HAKMEM_VERSION "\(.*\)"/\1/p' "$HK_SRC/include/hakmem.h")
try() { # WHAT COMMAND…: build $T/a.out, run it
    local what=$1 got
    shift
    "$@" -o "$T/a.out" >"$T/log" 2>&1 || fail "$what: does not link: $(head -5 "$T/log")"
    got=$(HK_TIMEOUT=300 in_mode bare "$T/a.out" 2>"$T/log") || fail "$what: status $?: $(head -3 "$T/log")"
    [ -z "$got" ] || [ "$got" = "$version in use" ] || fail "$what: '$got'"
    say "$what: runs"
}
c=(gcc -I"$HK_SRC/include" -pthread -O1 -fno-builtin)
cxx=(g++ -std=c++17 -I"$HK_SRC/tests/preload" -pthread -O1 -fno-builtin)
shared=(-L"$T/lib" -Wl,--no-as-needed -lhakmem -Wl,-rpath,"$T/lib")

try "C, shared" "${c[@]}" "$T/which.c" "${shared[@]}"
try "C, torture, shared" "${c[@]}" "$HK_SRC/tests/preload/torture.c" "${shared[@]}"
try "C++, operators, shared" "${cxx[@]}" "$HK_SRC/tests/preload/operators.cc" "${shared[@]}"
[ -e "$archive" ] || { say "no static library was built"; exit 0; }
try "C, static library" "${c[@]}" "$T/which.c" "${static[@]}"
try "C++, operators, static library" "${cxx[@]}" "$HK_SRC/tests/preload/operators.cc" "${static[@]}"
try "C, wholly static" "${c[@]}" -static "$T/which.c" "${static[@]}"
try "C, fork and threads, wholly static" "${c[@]}" -static "$HK_SRC/tests/preload/fork_threads.c" "${static[@]}"
cat >"$T/few.c" <<'END'
#include "hakmem.h"
#include <stdio.h>
int main(void)
{
	char value[HAKMEM_VALUE_MAX];

	/* it calls no malloc: libc's would come in, with nobody to set anything up */
	printf("%s %s\n", hakmem_version(), hakmem_get("mode", value, sizeof value) > 0 ? "in use" : "not in use");
	return 0;
}
END
try "C, no call of malloc, wholly static" "${c[@]}" -static "$T/few.c" "${static[@]}"
# Without a dynamic loader operator new cannot find the throwing part of the C++ runtime: see hakmem(7), CAVEATS.
try "C++, containers, wholly static" "${cxx[@]}" -static "$HK_SRC/tests/preload/containers.cc" "${static[@]}"
