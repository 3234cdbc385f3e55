#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Programs that have to be single-threaded, that drop rights, go into the background, close all that is open, filter their
# calls: they fare alike on the C library alone, and preloaded with control off and on. And the library that is opened, not preloaded.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
program=$HK_BUILD/tests/preload/guest
export HAKMEM_CONTROL_DIR=$T/run HK_TIMEOUT=60
mkdir "$HAKMEM_CONTROL_DIR"
cp "$program" "$T/guest" && chmod 0755 "$T/guest"

# guest WHAT MODE KIND THREADS
guest() {
    in_mode "$2" "$T/guest" "$3" "$4" >"$T/out" 2>&1
    local status=$?
    [ $status -eq 0 ] || [ "$2 $status" = "bare 77" ] || fail "$3, $1: status $status: $(tail -c 2000 "$T/out")"
    [ $status -eq 77 ] || [ ! -s "$T/out" ] || fail "$3, $1: output: $(head -5 "$T/out")"
    return $status
}

done=()
for kind in user pid join raw drop root daemonize strict; do
    guest alone bare $kind 1 || continue
    guest off balanced $kind 1
    HAKMEM_CONTROL=on guest on balanced $kind 2
    HAKMEM_CONTROL=on guest full full $kind 2
    done+=("$kind")
done
HK_LIBRARY=$HK_PRELOAD guest opened bare load 1
[ ${#done[@]} -gt 3 ] || fail "hardly anything is permitted here: ${done[*]}"
say "alike with control off and on: ${done[*]}; opened and closed"
