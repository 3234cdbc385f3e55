#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A worker of a forking server has no thread of ours. What a burst took goes back when it ends, as with the C library; after that the
# worker only waits. By large, middling and small blocks.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need /usr/bin/python3

cat >"$T/burst.py" <<'END'
import os, sys, time

def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

def burst(size):
    blocks = [b"%0*d" % (size, i) for i in range(100_000_000 // (size + 40))]
    top = resident()
    del blocks
    return top

warm_up = [b"%0*d" % (300000, i) for i in range(4)]
del warm_up
if os.fork() == 0:
    before = resident()
    for size in 30_000_000, 50_000, 100:
        time.sleep(1.1) # longer than purge_delay: what was freed before has nothing to do with it
        top = burst(size)
        print(size, top - before, resident() - before)
    sys.stdout.flush()
    os._exit(0)
os.wait()
END

witness_on "$T/witness"
for mode in bare balanced; do
    PYTHONMALLOC=malloc in_mode "$mode" /usr/bin/python3 "$T/burst.py" >"$T/$mode" 2>"$T/err" || fail "$mode: status $?: $(tail -5 "$T/err")"
    [ "$(wc -l <"$T/$mode")" -eq 3 ] || fail "$mode: $(cat "$T/$mode")"
    # The C library keeps what small and middling blocks took, which proves that there is something to keep.
    while read -r size top left; do
        [ "$top" -ge 80 ] || fail "$mode: blocks of $size took $top MiB only: is this a burst?"
        [ "$mode" = bare ] || [ "$left" -le 20 ] || fail "$mode: blocks of $size: $left of $top MiB stay when the burst is over"
    done <"$T/$mode"
done
grep -q ' [89][0-9]$' "$T/bare" || fail "the C library gives everything back at once, too: $(cat "$T/bare")"
saw python3
say "$(tr '\n' ';' <"$T/balanced")"
