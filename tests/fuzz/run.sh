#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh [NAME...] [SECONDS]: build the fuzz harnesses with clang's libFuzzer (with AFL++'s afl-clang-fast if HK_FUZZ_AFL is
# set), and run them, or all, in turn, for SECONDS (60) each. NAME: calls, calls-off, calls-sampled, calls-full, ini,
# values, protocol, reply, foreign. Exit status 0: nothing was found. What was found is left in HK_FUZZ_BUILD/found-NAME.
#
#   HK_FUZZ_BUILD    where to build (build/fuzz); a tree of ours that was configured for it is used as it is
#   HK_FUZZ_CORPUS   a folder for the inputs that grow (HK_FUZZ_BUILD/corpus); those in tests/fuzz/corpus are only read
#   HK_FUZZ_MERGE=1  put what adds coverage into tests/fuzz/corpus instead of running
set -u
src=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${HK_FUZZ_BUILD:-$src/build/fuzz}
grown=${HK_FUZZ_CORPUS:-$build/corpus}
cc=clang cxx=clang++
[ -z "${HK_FUZZ_AFL:-}" ] || cc=afl-clang-fast cxx=afl-clang-fast++
all=(calls calls-off calls-sampled calls-full ini values protocol reply foreign)
names=() seconds=60
for word in "$@"; do
    case $word in [0-9]*) seconds=$word ;; *) names+=("$word") ;; esac
done
[ ${#names[@]} -gt 0 ] || names=("${all[@]}")

make_harness() { # NAME
    local instrument=-fsanitize=fuzzer-no-link
    [ "$cc" = clang ] || instrument=
    mkdir -p "$build" && cd "$build" || return 1
    [ -e Makefile ] || "$src/configure" -q CC=$cc CXX=$cxx --enable-sanitizer=address,undefined --disable-shared --disable-hakmemd \
        CFLAGS="-g -O1 $instrument" || return 1
    # One that make check has built replays its corpus and nothing else.
    [ "$cc" != clang ] || [ ! -e "fuzz_$1" ] || grep -qa max_total_time "fuzz_$1" || rm -f "fuzz_$1" tests/fuzz/fuzz_"$1"-*.o
    make -s -j"$(nproc)" HK_FUZZ_DEFINE=-DHK_LIBFUZZER HK_FUZZ_LINK=-fsanitize=fuzzer "fuzz_$1"
}

# A block's whole life is one process's: what it keeps is no leak. hakmemctl ends soon, and frees little.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_abort=1 UBSAN_OPTIONS=print_stacktrace=1
# AFL++ wants to see the signal.
[ "$cc" = clang ] || export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1:symbolize=0 UBSAN_OPTIONS=

fuzz() { # NAME: of a harness, and maybe of one of its ways
    local harness=${1%-*} own=$src/tests/fuzz/corpus/${1%-*} dict=$src/tests/fuzz/dict/${1%-*}.dict options
    make_harness "$harness" || { echo "$1: cannot be built"; return 1; }
    [ "$harness" = "$1" ] || export HK_FUZZ_SECURITY=${1#*-}
    mkdir -p "$own" "$grown/$1" "$build/found-$1"
    if [ "$cc" != clang ]; then
        AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 timeout -s INT $((seconds + 60)) afl-fuzz -V "$seconds" -m none \
            -i "$own" -o "$build/found-$1" $([ ! -e "$dict" ] || echo "-x $dict") -- "$build/fuzz_$harness" || return 1
        [ -z "$(find "$build/found-$1" -path '*/crashes/id*' -o -path '*/hangs/id*')" ]
        return
    fi
    options=(-max_len=8192 -timeout=30 -rss_limit_mb=4096 -artifact_prefix="$build/found-$1/" -print_final_stats=1)
    [ ! -e "$dict" ] || options+=(-dict="$dict")
    if [ -n "${HK_FUZZ_MERGE:-}" ]; then
        "$build/fuzz_$harness" "${options[@]}" -merge=1 "$own" "$grown/$1"
    else
        "$build/fuzz_$harness" "${options[@]}" -max_total_time="$seconds" "$grown/$1" "$own"
    fi
}

bad=0
for name in "${names[@]}"; do
    echo "fuzz_$name: $seconds s"
    (fuzz "$name") || { echo "FOUND: fuzz_$name (see $build/found-$name)"; bad=1; }
done
[ $bad -eq 0 ] && echo "clean: ${names[*]}"
exit $bad
