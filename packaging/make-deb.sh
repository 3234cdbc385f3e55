#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# make-deb.sh TREE OUT [OPTION…]: Debian packages of the unpacked tarball TREE (make distdir), into the folder OUT.
# OPTIONs are dpkg-buildpackage's, instead of -b. See packaging/README.md.
set -euo pipefail
tree=$(cd "$1" && pwd) out=$2
shift 2
[ $# -gt 0 ] || set -- -b
# Neither the caller's make nor his taste may show in what is built.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CFLAGS CXXFLAGS CPPFLAGS LDFLAGS DESTDIR XZ_OPT XZ_DEFAULTS LD_PRELOAD SOURCE_DATE_EPOCH
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
version=$(sed -n 's/^AC_INIT(\[hakmem\], \[\([^]]*\)\].*/\1/p' "$tree/configure.ac")

cp -R "$tree/packaging/debian" "$tree/debian"
sed -i "s/@VERSION@/$version/" "$tree/debian/changelog"
sed -i -e "/^@PRELOADED@$/{r $tree/packaging/preloaded.sh" -e 'd}' "$tree"/debian/*.prerm
sed '1,/^$/d; s/^$/./; s/^/ /' "$tree/LICENSE" >"$tree/debian/licence" # without its title
sed -i -e "/^@LICENSE@$/{r $tree/debian/licence" -e 'd}' "$tree/debian/copyright"
rm "$tree/debian/licence"
(cd "$tree" && dpkg-buildpackage -us -uc "$@")
mkdir -p "$out"
mv "$tree"/../*_"$version"-* "$out/"
