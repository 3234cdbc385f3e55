#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh PROGRAM: one test program, first on the C library alone (which proves the test), then
# preloaded in the modes, and with security = sampled and full (HK_MODES: in these). hakmem must stay silent except in the modes that log.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
HK_TEST=preload/$(basename "$program" .t)
cd "$HK_BUILD" || exit 99

witness_on "$T/witness"
# fast is balanced without the engine, research learning without an end: some tests are enough for these.
case $HK_TEST in
*/sizes | */processes | */operators | */start_and_end) more="fast learning research sampled full" ;;
*) more="learning sampled full" ;;
esac
modes=${HK_MODES:-bare balanced minimal $more}
for mode in $modes; do
    # Closed pages take addresses, and a block that grows is copied: with limits on addresses, or 30 times 300 MB, that is much.
    [[ $mode =~ full|sampled ]] && [[ $HK_TEST =~ /(limited|errno_kept)$ ]] && continue
    in_mode "$mode" "$program" >"$T/out" 2>"$T/err"
    status=$?
    [ $status -eq 77 ] && skip "$mode: what it tests with is not permitted here"
    [ $status -eq 124 ] && fail "$mode: not done after 120 s"
    [ $status -eq 0 ] || fail "$mode: status $status: $(tail -c 2000 "$T/err")"
    case $mode in learning | research) grep -v '^hakmem\[' "$T/err" ;; *) cat "$T/err" ;; esac >"$T/noise"
    [ ! -s "$T/noise" ] || fail "$mode: unexpected output on stderr: $(head -5 "$T/noise")"
    [ ! -s "$T/out" ] || fail "$mode: unexpected output: $(head -5 "$T/out")"
done
saw "$(basename "$program" | cut -c1-15)"
say "in $modes"
