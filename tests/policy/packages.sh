#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Debian's packages are built, as `make deb` does it, and must please lintian; agree with what the sources say elsewhere;
# hold a library that passes elf.sh; and, installed over this host in a mount namespace, serve a real program from there, be removed
# with a word on who still preloads the library, and leave nothing after a purge.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need make python3 readelf
dir=$HK_SRC/packaging/debian
out=${HK_PACKAGES:-} # where the packages are to be left
root=$T/root

# ---- what is said twice ----

words() { sed -n "/^$1=(/,/)/p" "$HK_SRC/quickstart" | tr -d '()' | sed "s/^$1=//" | xargs -n 1 | sort; }
# Those of BUILD_NEEDS that build-essential and debhelper bring are not to be named.
words BUILD_NEEDS | grep -vxE 'gcc|g\+\+|libc6-dev|make|xz-utils|autoconf|automake|libtool' >"$T/needs"
sed -n '/^Build-Depends:/,/^[A-Z]/p' "$dir/control" | sed -n 's/^ \([a-z0-9-]*\).*/\1/p' | grep -v '^debhelper-compat$' | sort >"$T/depends"
diff "$T/needs" "$T/depends" || fail "Build-Depends of packaging/debian/control (>) are not quickstart's BUILD_NEEDS (<)"
grep -v '^#' "$HK_SRC/tests/policy/symbols.list" | grep . | sort -u >"$T/exported"
sed -n 's/^ \(.*\)@.* .*/\1/p' "$dir/libhakmem0.symbols" | grep -v '^HAKMEM_0$' | sort >"$T/symbols"
diff "$T/exported" "$T/symbols" || fail "libhakmem0.symbols (>) is not symbols.list (<)"

# ---- the build ----

[ -n "$out" ] || skip "what is said twice agrees; the packages themselves: ./quickstart packages"
need dh dpkg-buildpackage lintian dpkg-checkbuilddeps
(cd "$HK_SRC/packaging" && dpkg-checkbuilddeps >"$T/log" 2>&1) || skip "$(tail -1 "$T/log")"
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL DEB_BUILD_OPTIONS="nocheck noautodbgsym terse parallel=2" DEB_OPTIONS="-b -nc" \
    make -s -C "$HK_BUILD" deb hk_packages="$out" >"$T/build.log" 2>&1 </dev/null || fail "make deb: $(tail -15 "$T/build.log")"
tree=$(echo "$out"/work/hakmem-*/)
version=$(sed -n 's/^#define VERSION "\(.*\)"/\1/p' "$HK_BUILD/config.h")
for name in libhakmem0 hakmem-tools libhakmem-dev; do
    [ -e "$(echo "$out/${name}_$version-1_"*.deb)" ] || fail "no $name of $version: $(ls "$out")"
    [ "$(dpkg-deb -f "$out/${name}_"*.deb Version)" = "$version-1" ] || fail "$name has version $(dpkg-deb -f "$out/${name}_"*.deb Version)"
done
! grep -E 'dpkg-gensymbols: warning|dpkg-shlibdeps: warning|dh_missing: warning' "$T/build.log" || fail "the build warns (above)"
say "built"
lintian --allow-root --fail-on error \
    "$out"/*.changes >"$T/lintian" 2>&1 || fail "lintian: $(cat "$T/lintian")"
say "lintian: no error, $(grep -c '^W:' "$T/lintian") warnings"
HK_BUILD=$tree bash "$HK_SRC/tests/policy/elf.sh" >"$T/log" 2>&1 || fail "the packaged library: $(cat "$T/log")"

# Neither daemon nor timer is started by an upgrade, nor stays down after one.
dpkg-deb -e "$out"/hakmem-tools_*.deb "$T/scripts" || exit 99
! grep -s 'deb-systemd-invoke \(stop\|start\|restart\)' "$T/scripts/preinst" "$T/scripts/postinst" || fail "an upgrade does more than try-restart (above)"
grep -q "deb-systemd-invoke try-restart .*hakmemd.service" "$T/scripts/postinst" || fail "an upgrade does not restart a daemon that runs"

# ---- what is linked in: as readelf sees it in the packages ----

for name in libhakmem0 hakmem-tools libhakmem-dev; do dpkg-deb -x "$out/${name}_"*.deb "$root" || exit 99; done
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
library=/usr/lib/$triplet/libhakmem.so.0
[ "$(readelf -dW "$root$library" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" = libhakmem.so.0 ] || fail "the soname and the package do not agree"
python3 - "$root" "$library" "$version" "$(pkg-config --modversion inih)" <<'END' || fail "hakmem.spdx: above"
import gzip, re, subprocess, sys
root, library, version, inih = sys.argv[1:]
read = lambda name: gzip.open(f"{root}/usr/share/doc/{name}/hakmem.spdx.gz", "rt", encoding="utf-8").read()
text = read("libhakmem0")
assert text == read("hakmem-tools")
head, *parts = re.split(r"^(?=PackageName: )", text, flags=re.M)
for tag, value in (("SPDXVersion", "SPDX-2.3"), ("DataLicense", "CC0-1.0"), ("SPDXID", "SPDXRef-DOCUMENT"), ("DocumentName", ".+"),
                   ("DocumentNamespace", r"https://\S+"), ("Creator", "Tool: .+"), ("Created", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")):
    assert len(re.findall(f"^{tag}: {value}$", head, re.M)) == 1, tag
versions, ids = {}, {"SPDXRef-DOCUMENT"}
for part in parts:
    one = dict(re.findall(r"^(\w+): (.+)$", part, re.M))
    for tag in ("SPDXID", "PackageVersion", "PackageDownloadLocation", "PackageLicenseConcluded", "PackageLicenseDeclared", "PackageCopyrightText"):
        assert one.get(tag), (one["PackageName"], tag)
    assert one["FilesAnalyzed"] == "false" and re.fullmatch("SPDXRef-[A-Za-z0-9.-]+", one["SPDXID"]) and one["SPDXID"] not in ids
    ids.add(one["SPDXID"])
    versions[one["PackageName"]] = one["PackageVersion"]
links = re.findall(r"^Relationship: (\S+) (\S+) (\S+)$", text, re.M)
assert all(a in ids and b in ids for a, _, b in links)
assert versions["hakmem"] == version and versions["libinih.a"] == inih and versions["libc.so.6"] != "NOASSERTION", versions
for name, path in (("libhakmem.so", library), ("hakmemctl", "/usr/bin/hakmemctl"), ("hakmemd", "/usr/sbin/hakmemd")):
    said = subprocess.run(["readelf", "-dW", root + path], capture_output=True, text=True, check=True).stdout
    real = {"SPDXRef-" + one for one in re.findall(r"\(NEEDED\).*\[(.*)\]", said)}
    listed = {b for a, kind, b in links if a == "SPDXRef-" + name and kind == "DYNAMIC_LINK"}
    assert real and listed == real, (name, listed, real)
    static = {b for a, kind, b in links if a == "SPDXRef-" + name and kind == "STATIC_LINK"}
    assert "SPDXRef-libinih.a" in static, (name, static)
END
say "hakmem.spdx"

# ---- installed ----

[ "$(id -u)" -eq 0 ] || skip "the packages are fine; installing them needs root"
mkdir "$T/over"
cat >"$T/host" <<'HOST'
T=$1
mount -t tmpfs tmpfs "$T/over" && mkdir "$T"/over/{upper,work,root} || exit 77
mount -t overlay overlay -o "lowerdir=/,upperdir=$T/over/upper,workdir=$T/over/work" "$T/over/root" || exit 77
R=$T/over/root
mount -t proc proc "$R/proc" && mount --bind /dev "$R/dev" && mount -t tmpfs -o mode=755 tmpfs "$R/run" && mount -t tmpfs -o mode=1777 tmpfs "$R/tmp" || exit 77
mkdir "$R/tmp/debs" && cp "$3"/*.deb "$T/inside" "$R/tmp/debs/"
rm -rf "$R"/etc/hakmem* "$R"/usr/lib/libhakmem* "$R"/usr/local/lib/libhakmem*
chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root bash /tmp/debs/inside "$2" || exit 1
find "$T/over/upper" -name '*hakmem*' ! -type c | sed "s,^$T/over/upper,," | grep -v '/systemd/system/.*\.service\.d/hakmem.conf$' >"$T/left"
exit 0
HOST
cat >"$T/inside" <<'INSIDE'
set -u
cd /tmp/debs
die() { echo "$*"; exit 1; }
library=$1
installs() { dpkg --force-unsafe-io -i ./*.deb >log 2>&1 || die "dpkg -i: $(cat log)"; }
installs
[ "$(stat -c %a /run/hakmem)" = 1777 ] || die "no /run/hakmem: $(cat log)"
! find /etc/systemd/system -name 'hakmem*' | grep . || die "something is enabled without having been asked for"
hakmemctl check >log 2>&1 || die "hakmemctl check: $(cat log)"
hakmemctl run -- python3 -c 'import os; print(os.environ["LD_PRELOAD"], sum("libhakmem.so.0" in line for line in open("/proc/self/maps")) > 2)' >log 2>&1
grep -qx "$library True" log || die "python3 is not served: $(cat log)"
# C and C++, linked by what the development package says.
printf '#include <hakmem.h>\n#include <stdio.h>\nint main(void) { return puts(hakmem_version()) < 0; }\n' >one.c
printf '#include <hakmem.h>\n#include <vector>\nint main() { std::vector<int> v(100); return hakmem_phase() == nullptr || v.back(); }\n' >two.cc
gcc -o one one.c $(pkg-config --cflags --libs hakmem) && g++ -o two two.cc $(pkg-config --cflags --libs hakmem) || die "it cannot be linked"
gcc -static -o static one.c $(pkg-config --static --cflags --libs hakmem) || die "it cannot be linked statically"
./one | grep -qx "$(hakmemctl --version | awk '{ print $2 }')" && ./two && ./static >log || die "linked programs do not run"
readelf -V one | grep -q 'Name: HAKMEM_0' || die "the API has no version"
# Of the administrator.
echo '; mine' >>/etc/hakmem.ini
write() { mkdir -p "${1%/*}" && printf '%b\n' "$2" >"$1"; }
units=/etc/systemd/system
write $units/one.service.d/hakmem.conf "[Service]\nEnvironment=\"LD_PRELOAD=$library\""
write $units/two.service "[Service]\nEnvironment=A=b LD_PRELOAD=libm.so.6:libhakmem.so.0"
write /etc/postgresql/99/main/environment "LD_PRELOAD = '$library'"
write $units/other.service.d/hakmem.conf "[Service]\nEnvironment=LD_PRELOAD=/usr/local/lib/libhakmem.so"
write $units/comment.service.d/hakmem.conf "[Service]\n# Environment=LD_PRELOAD=$library"
installs
! grep 'still preload' log || die "an upgrade warns"
grep -qx '; mine' /etc/hakmem.ini || die "an upgrade overwrites hakmem.ini"
dpkg --force-unsafe-io -r hakmem-tools libhakmem-dev libhakmem0 >log 2>&1 || die "dpkg -r: $(cat log)"
for file in "$units/one.service.d/hakmem.conf (by hakmemctl enable one.service)" $units/two.service /etc/postgresql/99/main/environment; do
    grep -qxF "    $file" log || die "not named: $file: $(cat log)"
done
! grep -E '^    .*(other|comment)' log || die "a file is named that has not this library"
[ -e $units/one.service.d/hakmem.conf ] || die "the administrator's file is gone"
[ -e /etc/hakmem.ini ] && [ ! -e "$library" ] && [ ! -e /usr/bin/hakmemctl ] || die "removed is not removed: $(ls -l /etc/hakmem.ini "$library")"
dpkg --force-unsafe-io -P hakmem-tools libhakmem-dev libhakmem0 >log 2>&1 || die "dpkg -P: $(cat log)"
[ ! -e /run/hakmem ] || die "/run/hakmem stays"
INSIDE
unshare --mount --propagation private bash "$T/host" "$T" "$library" "$out" >"$T/host.log" 2>&1
case $? in
0) ;;
77) skip "the packages are fine; they cannot be installed in a namespace here: $(tail -1 "$T/host.log")" ;;
*) fail "$(tail -40 "$T/host.log")" ;;
esac
[ ! -s "$T/left" ] || fail "a purge leaves: $(cat "$T/left")"
say "installed, used, removed, purged"
