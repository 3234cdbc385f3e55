#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Where another malloc is about: a second allocator preloaded before or behind ours, one in the program itself, a static
# program, one for musl. Whoever comes first serves everything; nobody's block reaches the other.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need gcc
cc=(gcc -g -O1 -pthread -fno-builtin)
ran=0
done_in() { # WHAT COMMAND…
    local what=$1
    shift
    timeout 60 "$@" >"$T/out" 2>"$T/err" || fail "$what: status $?: $(tail -c 1000 "$T/err")"
    [ "$(cat "$T/out")" = done ] && [ ! -s "$T/err" ] || fail "$what said: $(cat "$T/out" "$T/err" | head -5)"
    ran=$((ran + 1))
}

"${cc[@]}" -o "$T/own" "$HK_SRC/tests/preload/own_malloc.c" || fail "gcc"
"${cc[@]}" -o "$T/p" "$HK_SRC/tests/preload/steady.c" || fail "gcc"
# The least that replaces malloc, as a library.
"${cc[@]}" -shared -fPIC -Dmain=unused_main -o "$T/lib/other.so" "$HK_SRC/tests/preload/own_malloc.c" || fail "gcc -shared"
done_in "a program with its own malloc, bare" "$T/own"
for security in basic full; do
    done_in "a program with its own malloc" env LD_PRELOAD="$HK_PRELOAD" HAKMEM_SECURITY=$security "$T/own"
    for other in "$T/lib/other.so" $(find /usr/lib /usr/local/lib -name 'libjemalloc.so.2' -o -name 'libtcmalloc_minimal.so.4' -o -name 'libmimalloc.so.2' 2>/dev/null); do
        [ "$other" = "$T/lib/other.so" ] || done_in "$other alone" env LD_PRELOAD="$other" "$T/p"
        for order in "$other:$HK_PRELOAD" "$HK_PRELOAD:$other"; do
            # The little one is for one thread, and has no aligned blocks.
            [ "$order" = "$T/lib/other.so:$HK_PRELOAD" ] || done_in "$order" env LD_PRELOAD="$order" HAKMEM_SECURITY=$security "$T/p"
            LD_PRELOAD=$order HAKMEM_SECURITY=$security ls / >"$T/out" 2>"$T/err" || fail "$order ls: status $?: $(head -3 "$T/err")"
            [ ! -s "$T/err" ] && cmp -s "$T/out" <(ls /) || fail "$order: ls says something else: $(head -3 "$T/err")"
            ran=$((ran + 1))
        done
    done
done
if "${cc[@]}" -static -o "$T/static" "$HK_SRC/tests/preload/steady.c" 2>"$T/cc"; then
    done_in "a static program" env LD_PRELOAD="$HK_PRELOAD" "$T/static"
    ! timeout 60 "$HK_CTL" doctor "$T/static" >"$T/out" 2>&1 && grep -q 'PROBLEM.*linked statically' "$T/out" || fail "doctor: $(cat "$T/out")"
fi
if command -v musl-gcc >/dev/null && musl-gcc -O1 -o "$T/musl" "$HK_SRC/tests/preload/steady.c" 2>"$T/cc" && "$T/musl" >"$T/out"; then
    ! timeout 60 "$HK_CTL" doctor "$T/musl" >"$T/out" 2>&1 && grep -q 'PROBLEM.*linked with musl' "$T/out" || fail "doctor: $(cat "$T/out")"
fi
say "$ran programs beside another malloc"
