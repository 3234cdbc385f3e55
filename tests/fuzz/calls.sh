#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fuzz_calls once more with the other levels of security, which a process has from start to end.
HK_BUILD=${HK_BUILD:-$PWD}
for security in off sampled full; do
    HK_FUZZ_SECURITY=$security "$HK_BUILD/fuzz_calls" || { echo "FAIL: fuzz_calls with security = $security"; exit 1; }
done
