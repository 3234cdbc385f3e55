#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Programs with a sanitizer's run-time in them, preloaded, alone and with a control thread: the library steps aside (a
# run-time in the program comes first) or works, and the sanitizer still finds what it is for. A shared run-time demands to be the first
# library: behind it all works too, and hakmemctl doctor says so.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need gcc
export HAKMEM_CONTROL_DIR=$T HAKMEM_CONF=/dev/null
# Some kernels' address layout is too random for the older thread sanitizers.
plain=()
! setarch -R true 2>/dev/null || plain=(setarch -R)

ran=0
make_program() { # NAME COMPILER FLAG…: false if the compiler lacks it
    local name=$1
    shift
    command -v "$1" >/dev/null && "$@" -g -O1 -pthread -fno-builtin -o "$T/$name" "$HK_SRC/tests/preload/steady.c" 2>"$T/cc" &&
        "${plain[@]}" "$T/$name" >"$T/out" 2>&1
}
done_in() { # WHAT COMMAND…
    local what=$1
    shift
    timeout 100 "${plain[@]}" "$@" >"$T/out" 2>"$T/err" || fail "$what: status $?: $(tail -c 1500 "$T/err")"
    [ "$(cat "$T/out")" = done ] && [ ! -s "$T/err" ] || fail "$what said: $(cat "$T/out" "$T/err" | head -5)"
    ran=$((ran + 1))
}
for sanitizer in address thread leak undefined; do
    for way in gcc:static gcc:shared clang:static; do
        cc=${way%:*} flags=(-fsanitize=$sanitizer)
        case $way:$sanitizer in
        gcc:static:address) flags+=(-static-libasan) ;;
        gcc:static:* | clang:static:undefined) continue ;;
        esac
        make_program p "$cc" "${flags[@]}" || { echo "no $way $sanitizer"; continue; }
        case $way:$sanitizer in
        gcc:shared:address | gcc:shared:thread)
            first=$(gcc -print-file-name="lib${sanitizer:0:1}san.so")
            case $(head -c 4 "$first") in *ELF) ;; *) first=$(grep -o '/[^ ]*san\.so[.0-9]*' "$first" | head -1) ;; esac
            done_in "$way $sanitizer, its run-time first" env LD_PRELOAD="$first:$HK_PRELOAD" HAKMEM_CONTROL=on "$T/p"
            "$HK_CTL" doctor "$T/p" >"$T/out" 2>&1
            grep -q "PROBLEM.*malloc.*lib${sanitizer:0:1}san.so.*must be the first library" "$T/out" ||
                fail "doctor about $way $sanitizer: $(cat "$T/out")"
            ;;
        *)
            done_in "$way $sanitizer" env LD_PRELOAD="$HK_PRELOAD" HAKMEM_SECURITY=full "$T/p"
            done_in "$way $sanitizer with control" "$HK_CTL" run control=on -- "$T/p"
            ;;
        esac
        [ "$way:$sanitizer" = gcc:static:address ] || [ "$way:$sanitizer" = clang:static:address ] || continue
        ! LD_PRELOAD="$HK_PRELOAD" "$T/p" bugs >"$T/out" 2>&1 && grep -q heap-buffer-overflow "$T/out" ||
            fail "$way $sanitizer misses an overflow when preloaded: $(head -5 "$T/out")"
    done
done
[ $ran -ge 6 ] || skip "no compiler with sanitizers here (only $ran programs)"
say "$ran programs with sanitizers"
