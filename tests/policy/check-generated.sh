#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shipped hakmem.ini and the manual's key reference are what the key table says, and lint clean.
set -euo pipefail

status=0
fail() {
    echo "FAIL: $1" >&2
    status=1
}

diff -u "$HK_SRC/conf/hakmem.ini" <("$HK_BUILD/gen-conf" ini) || fail 'conf/hakmem.ini: run "make regen"'
diff -u "$HK_SRC/man/hakmem.ini.5" <("$HK_BUILD/gen-conf" man "$HK_SRC/man/hakmem.ini.5.in") ||
    fail 'man/hakmem.ini.5: run "make regen"'
if command -v mandoc >/dev/null; then
    # Pages that are not installed here cannot be looked up.
    complaints=$(mandoc -T lint "$HK_SRC/man/hakmem.ini.5" 2>&1 | grep -v 'manual not found\|outdated mandoc.db' || true)
    [ -z "$complaints" ] || fail "$complaints"
fi
exit $status
