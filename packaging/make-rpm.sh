#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# make-rpm.sh TARBALL WORK OUT: binary packages of the tarball, into the folder OUT. On a host whose packages are not
# rpm's, what is needed for building cannot be looked up there; it is then taken on trust.
set -euo pipefail
tarball=$(realpath "$1") work=$2 out=$3
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES CFLAGS CXXFLAGS CPPFLAGS LDFLAGS DESTDIR LD_PRELOAD
export LC_ALL=C.UTF-8 TZ=UTC
name=$(basename "$tarball" .tar.xz)
options=()
rpm -q --quiet filesystem 2>/dev/null || options+=(--nodeps)
rm -rf "$work"
mkdir -p "$work/rpm/SOURCES" "$out"
work=$(cd "$work" && pwd)
cp "$tarball" "$work/rpm/SOURCES/"
tar -C "$work" -xf "$tarball"
sed -e "s/@VERSION@/${name#*-}/" -e "/^@PRELOADED@$/{r $work/$name/packaging/preloaded.sh" -e 'd}' \
    "$work/$name/packaging/rpm/hakmem.spec" >"$work/rpm/hakmem.spec"
# Where they are not rpm's own, as on Debian.
[ "$(rpm --eval '%{?_unitdir}')" != "" ] || options+=(--define "_unitdir /usr/lib/systemd/system")
[ "$(rpm --eval '%{?_tmpfilesdir}')" != "" ] || options+=(--define "_tmpfilesdir /usr/lib/tmpfiles.d")
[ "$(rpm --eval '%{?systemd_post}')" != "" ] || options+=(--define 'systemd_post() %{nil}' --define 'systemd_preun() %{nil}'
    --define 'systemd_postun_with_restart() %{nil}' --define 'tmpfiles_create() %{nil}')
rpmbuild --define "_topdir $work/rpm" "${options[@]+"${options[@]}"}" -bb "$work/rpm/hakmem.spec"
find "$work/rpm/RPMS" -name '*.rpm' -exec mv {} "$out/" \;
