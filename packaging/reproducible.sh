#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# reproducible.sh: the tarball and Debian's packages are built twice, in folders, under a umask, language, time zone, user and
# number of jobs that differ, and compared byte by byte. As root for the second user. Takes minutes; not part of make check.
set -euo pipefail
src=$(cd "$(dirname "$0")/.." && pwd)
T=$(mktemp -d /var/tmp/hakmem-reproducible.XXXXXX)
trap 'rm -rf "$T"' EXIT
chmod 0755 "$T"
fail() { echo "FAIL: reproducible: $*"; exit 1; }

# One of the two: FOLDER COMMAND… (a prefix under which all is run)
build() {
    local dir=$1
    shift
    (umask 022 && mkdir -p "$dir/home") # whoever builds has to come there
    tar -C "$src" --exclude=./build --exclude=./.git -cf - . | tar -C "$dir" -xf -
    [ "$(id -u)" -ne 0 ] || [ $# -eq 0 ] || chown -R 65534:65534 "$dir"
    (cd "$dir" && HOME=$dir/home "$@" bash -c '
        autoreconf -fi && mkdir build && cd build && ../configure -q && make -s dist-xz && make -s deb
    ' >"$dir.log" 2>&1) || { tail -20 "$dir.log"; fail "the build in $dir failed"; }
}
echo "first build"
(umask 022; LC_ALL=C.UTF-8 TZ=UTC DEB_BUILD_OPTIONS="nocheck parallel=2 noautodbgsym" build "$T/one")
echo "second build"
other=()
[ "$(id -u)" -ne 0 ] || other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
(umask 027; LC_ALL=de_DE.UTF-8 LANG=tr_TR TZ=Pacific/Chatham DEB_BUILD_OPTIONS="nocheck parallel=1 noautodbgsym" \
    build "$T/another/of/a/longer/name" env "${other[@]+"${other[@]}"}")
n=0
for file in "$T"/one/build/*.tar.xz "$T"/one/build/packages/*.deb; do
    twin=$T/another/of/a/longer/name/${file#"$T/one/"}
    cmp "$file" "$twin" || fail "$(basename "$file") differs"
    n=$((n + 1))
done
[ $n -eq 4 ] || fail "$n files compared, not 4"
echo "reproducible: the tarball and three packages are the same, byte by byte"
