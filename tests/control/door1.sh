#!/bin/bash
# SPDX-License-Identifier: MIT
# The control thread and its socket, in live processes.
command -v python3 >/dev/null || { echo "SKIP python3 is missing"; exit 77; }
[[ -e $HK_BUILD/.libs/libhakmem.so ]] || { echo "SKIP no shared library was built"; exit 77; }
exec timeout -k 5 400 python3 "$HK_SRC/tests/control/door1.py" "$@"
