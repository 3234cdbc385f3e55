#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every header compiles alone: as C, and the public one in strict C and C++ too.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need gcc g++
cd "$HK_SRC" || exit 99
bad=0

for header in $(find src include -name '*.h' | sort); do
    flags=(-fsyntax-only -x c -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -Isrc -Iinclude -I"$HK_BUILD/src")
    # shellcheck disable=SC2046 # words are wanted
    printf '#include "%s"\n' "${header#*/}" | gcc "${flags[@]}" $(pkg-config --cflags libuv jansson libmicrohttpd 2>/dev/null) - || { echo "$header does not compile alone"; bad=1; }
done
for how in "gcc -x c -std=c99" "gcc -x c -std=c11" "g++ -x c++ -std=c++98" "g++ -x c++ -std=c++17"; do
    # shellcheck disable=SC2086 # words are wanted
    printf '#include "hakmem.h"\n' | $how -fsyntax-only -Wall -Wextra -Wpedantic -Werror -Iinclude - || { echo "hakmem.h: $how refuses it"; bad=1; }
done
exit $bad
