#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The fast paths stay as short as they are: instructions of a malloc and free pair in a C loop through the
# PLT, loop included, counted by callgrind (repeatable, whatever the machine is doing) and held to a ceiling.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
HK_TEST=policy/instructions
need valgrind
[ "$(uname -m)" = x86_64 ] || skip "ceilings are known for x86_64 only"

# The loop with sized delete passes one argument more, and compares the size with the block's.
# size, live blocks, how, ceiling in thousandths of an instruction
ceilings=(
    16 64 malloc 50200
    48 64 malloc 50000
    256 64 malloc 50200
    1024 64 malloc 50900
    16 1 malloc 50000
    48 1 malloc 49300
    4096 64 malloc 61200
    48 64 new 57500
    1024 64 new 59500
    4096 64 new 70800
)

count() { # SIZE LIVE ROUNDS [new]
    HAKMEM_CONF=/dev/null LD_PRELOAD=$HK_LIB timeout 120 valgrind --tool=callgrind \
        --callgrind-out-file=/dev/null "$HK_BUILD/tests/policy/pair" "$@" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

bad=0
for ((i = 0; i < ${#ceilings[@]}; i += 4)); do
    size=${ceilings[i]} live=${ceilings[i + 1]} how=${ceilings[i + 2]} ceiling=${ceilings[i + 3]}
    [ "$how" = malloc ] && how=
    # shellcheck disable=SC2086 # no word for malloc
    few=$(count "$size" "$live" 50000 $how)
    # shellcheck disable=SC2086
    many=$(count "$size" "$live" 150000 $how)
    [ -n "$few" ] && [ -n "$many" ] || fail "callgrind counted nothing"
    each=$(((many - few) / 100))
    say "$size bytes, $live live${how:+, $how}: $((each / 1000)).$((each % 1000 / 100)) instructions a pair (ceiling $((ceiling / 1000)))"
    [ "$each" -gt 10000 ] || fail "a pair of $each thousandths: nothing was measured"
    [ "$each" -le "$ceiling" ] || bad=1
done

# The engine, on and FROZEN, adds nothing to a pair: two runs with it and two without differ by the same.
with=$(($(count 48 64 150000) - $(count 48 64 50000)))
export HAKMEM_ELO=off
without=$(($(count 48 64 150000) - $(count 48 64 50000)))
say "100,000 pairs: $with instructions with elo = on, $without with elo = off"
[ $((with - without)) -lt 1000 ] && [ $((without - with)) -lt 1000 ] || fail "elo = on costs a pair something"
[ $bad -eq 0 ] || fail "a ceiling is exceeded"
