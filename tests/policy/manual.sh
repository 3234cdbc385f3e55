#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The manual: hakmem(3) has every function of hakmem.h with what belongs to it; examples compile, run, are clean; commands,
# options and keys that it and README name exist; pages lint clean.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need python3 cc
python3 "$HK_SRC/tests/policy/manual.py" "$HK_SRC" "$HK_CTL" "$HK_LIB" "$T" || fail "see above"
command -v mandoc >/dev/null || { say "mandoc is not installed: not linted"; exit 0; }
for page in "$HK_SRC"/man/*.[1-8]; do
    # Pages that are not installed here cannot be looked up.
    complaints=$(mandoc -T lint "$page" 2>&1 | grep -v 'manual not found\|outdated mandoc.db' || true)
    [ -z "$complaints" ] || fail "$complaints"
done
