#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The library as a file: it exports exactly tests/policy/symbols.list, needs nothing but libc and the
# loader, has no text relocation and no executable stack, is fully bound and sealed at start, and its
# thread-locals need no call. And what each start runs fits into the first 64 KiB of its text, which is what the
# kernel maps at the first fault: the rest then stays out of a small process.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need readelf nm
list=$HK_SRC/tests/policy/symbols.list

nm -D --defined-only "$HK_LIB" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort -u >"$T/exported"
grep -v '^#' "$list" | grep . | sort -u >"$T/expected"
diff "$T/expected" "$T/exported" >"$T/diff" || fail "exported symbols differ from symbols.list (< missing, > too many):
$(grep '^[<>]' "$T/diff")"
# What include/hakmem.h declares carries a version, and nothing else does: it would no longer be found in glibc's place.
sed -n 's/^[a-z].*[ *]\(hakmem_[a-z_]*\)(.*/\1/p' "$HK_SRC/include/hakmem.h" | sort -u >"$T/api"
[ -s "$T/api" ] || fail "no function found in include/hakmem.h"
nm -D --defined-only "$HK_LIB" | sed -n 's/.* [TD] \(.*\)@@HAKMEM_0$/\1/p' | sort -u >"$T/versioned"
diff "$T/api" "$T/versioned" >"$T/diff" || fail "versioned symbols differ from hakmem.h (< missing, > too many; src/shim/libhakmem.map):
$(grep '^[<>]' "$T/diff")"
! nm -D --defined-only "$HK_LIB" | grep '@' | grep -v '@@HAKMEM_0$' || fail "a symbol has another version"

readelf -dW "$HK_LIB" >"$T/dynamic"
readelf -lW "$HK_LIB" >"$T/segments"
readelf -rW "$HK_LIB" >"$T/relocations"
needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$T/dynamic" | grep -vE '^(libc\.so\.6|ld-linux.*)$' | tr '\n' ' ')
[ -z "$needed" ] || fail "it needs more than libc: $needed"
! grep -q TEXTREL "$T/dynamic" || fail "it has text relocations"
grep -qE 'GNU_STACK.*RW ' "$T/segments" || fail "its stack is executable"
grep -q GNU_RELRO "$T/segments" || fail "it is not linked with -z relro"
grep -qE 'BIND_NOW|FLAGS.* NOW' "$T/dynamic" || fail "it is not linked with -z now"
grep -q STATIC_TLS "$T/dynamic" || fail "it does not use initial-exec thread-locals"
! grep -qE 'DTPMOD64|DTPOFF64|TLSDESC' "$T/relocations" || fail "some thread-local needs a call"
! grep -E 'LOAD.* (RWE|R WE) ' "$T/segments" || fail "a segment is writable and executable"
if grep -q '^HK_SIZE = .' "$HK_BUILD/Makefile" && [ "$(uname -m)" = x86_64 ]; then
	text=$((16#$(awk '/LOAD.* R E / { print substr($3, 3) }' "$T/segments")))
	for name in hk_config_resolve hk_process_start hk_pulse_visit pthread_atfork hk_engine_start hk_lifecycle_follow; do
		at=$(nm "$HK_LIB" | awk -v name=$name '$3 == name { print $1 }')
		[ -n "$at" ] && [ $((16#$at - text)) -lt 65000 ] ||
			fail "$name is not in the first 64 KiB of the text (order: src/shim/local.mk)"
	done
fi
say "$(wc -l <"$T/expected") symbols, needs libc only"
