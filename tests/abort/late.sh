#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# security = full sees what shows late or little: writes into blocks that have left the quarantine, up to the end of the process; zeros, which are what
# free memory holds; and a size of delete within the block's class. And it says nothing of the same without a mistake.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
HK_TEST=abort/late
ulimit -c 0
n=0

# WHAT NUMBER EXPECTED
full() {
    local status=0
    { HAKMEM_CONF=/dev/null HAKMEM_SECURITY=full LD_PRELOAD=$HK_LIB timeout 60 "$HK_BUILD/tests/abort/late" "$1" "$2" 2>"$T/err" || status=$?; } 2>/dev/null
    if [ -z "$3" ]; then
        [ $status -eq 0 ] && [ ! -s "$T/err" ] || fail "$1 $2: status $status: $(cat "$T/err")"
    else
        [ $status -eq 134 ] && grep -q "^hakmem: $3: 0x" "$T/err" || fail "$1 $2: status $status, not '$3': $(cat "$T/err")"
    fi
    n=$((n + 1))
}

for at in 0 8 15 16 50 104; do full write-late $at 'write after free'; done
for off in -1 1 4 9; do full delete-near $off "free with a size that is not the block's"; done
full delete-near 0 ''
for more in 1 8 16 40; do full zeros-beyond $more 'write beyond the end of a block'; done
full zeros-beyond 0 ''
for bytes in 8 16; do full zeros-before $bytes 'write before the beginning of a block'; done
full zeros-before 0 ''
say "$n cases"
