#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The fast paths stay as short as they are: instructions of a malloc and free pair in a C loop through the
# PLT, loop included, counted by callgrind (repeatable, whatever the machine is doing) and held to a ceiling.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
HK_TEST=policy/instructions
need valgrind
[ "$(uname -m)" = x86_64 ] || skip "ceilings are known for x86_64 only"

# size, live blocks, ceiling in thousandths of an instruction
ceilings=(
    16 64 48500
    48 64 48500
    256 64 49000
    1024 64 51000
    48 1 48500
    4096 64 66000
)

count() {
    HAKMEM_CONF=/dev/null LD_PRELOAD=$HK_LIB timeout 120 valgrind --tool=callgrind \
        --callgrind-out-file=/dev/null "$HK_BUILD/tests/policy/pair" "$@" 2>&1 |
        sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p'
}

bad=0
for ((i = 0; i < ${#ceilings[@]}; i += 3)); do
    size=${ceilings[i]} live=${ceilings[i + 1]} ceiling=${ceilings[i + 2]}
    few=$(count "$size" "$live" 50000)
    many=$(count "$size" "$live" 150000)
    [ -n "$few" ] && [ -n "$many" ] || fail "callgrind counted nothing"
    each=$(((many - few) / 100))
    say "$size bytes, $live live: $((each / 1000)).$((each % 1000 / 100)) instructions a pair (ceiling $((ceiling / 1000)))"
    [ "$each" -gt 10000 ] || fail "a pair of $each thousandths: nothing was measured"
    [ "$each" -le "$ceiling" ] || bad=1
done
[ $bad -eq 0 ] || fail "a ceiling is exceeded"
