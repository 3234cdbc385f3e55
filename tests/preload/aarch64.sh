#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# aarch64.sh BUILD: the library built for aarch64 in the folder BUILD, and test programs of it in an emulator, with pages of 4, 16 and 64 KiB.
# Of ./quickstart aarch64, which installs what this needs. What the emulator does not know (limits of addresses,
# memory that is locked, openat2) is not tried.
set -eu
src=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:?where to build?}
programs=(align sizes calloc_zero realloc introspect containers signals fork_threads torture)

mkdir -p "$build"
cd "$build"
[ -e Makefile ] || PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig \
    "$src/configure" -q --host=aarch64-linux-gnu --disable-hakmemd --enable-werror
# shellcheck disable=SC2046 # words are wanted
make -s -j"$(nproc)" libhakmem.la hakmemctl test_core_stress $(printf 'tests/preload/%s.t ' "${programs[@]}")

bad=0 n=0
for page in 4096 16384 65536; do
    for security in basic sampled full; do
        for program in "${programs[@]}"; do
            n=$((n + 1))
            timeout 300 qemu-aarch64-static -p $page -L / -E HAKMEM_CONF=/dev/null -E HAKMEM_SECURITY=$security -E HAKMEM_SAMPLE_RATE=100 \
                -E LD_PRELOAD="$build/.libs/libhakmem.so.0" "tests/preload/$program.t" >out 2>&1 && [ ! -s out ] ||
                { echo "FAIL: $program, security = $security, pages of $page: $(tail -3 out)"; bad=$((bad + 1)); }
        done
    done
    timeout 600 qemu-aarch64-static -p $page -L / ./test_core_stress >out 2>&1 || { echo "FAIL: test_core_stress, pages of $page: $(tail -5 out)"; bad=$((bad + 1)); }
    n=$((n + 1))
done
echo "aarch64: $((n - bad)) of $n runs are fine"
[ $bad -eq 0 ]
