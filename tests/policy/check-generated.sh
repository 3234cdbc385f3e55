#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shipped hakmem.ini and what the manual says of keys, verbs, options and counters are what the tables say.
set -euo pipefail

status=0
fail() {
    echo "FAIL: $1" >&2
    status=1
}

diff -u "$HK_SRC/conf/hakmem.ini" <("$HK_BUILD/gen-conf" ini) || fail 'conf/hakmem.ini: run "make regen"'
diff -u "$HK_SRC/man/hakmem.ini.5" <("$HK_BUILD/gen-conf" man "$HK_SRC/man/hakmem.ini.5.in") ||
    fail 'man/hakmem.ini.5: run "make regen"'
diff -u "$HK_SRC/man/hakmemctl.1" <("$HK_BUILD/gen-man" "$HK_SRC/man/hakmemctl.1.in") || fail 'man/hakmemctl.1: run "make regen"'
# A verb without its line, or a line without its verb, does not get that far.
for change in '/@VERB log@/d' 's/@VERB log@/@VERB lag@/' '/@OPTION --door@/p' '/@OPTION --json@/d'; do
    ! "$HK_BUILD/gen-man" <(sed "$change" "$HK_SRC/man/hakmemctl.1.in") >/dev/null 2>&1 || fail "gen-man does not see $change"
done
exit $status
