#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The units as make makes them: systemd takes them, they are sandboxed, what they start is there; and they are
# installed where systemd looks, below DESTDIR.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need systemd-analyze make
cd "$HK_BUILD" || exit 99
make -s install DESTDIR="$T/root" >"$T/install.log" 2>&1 || fail "make install: $(tail -n 5 "$T/install.log")"
dir=$(sed -n 's/^systemdsystemunitdir = //p' Makefile)
[ "$dir" != no ] || skip "configured without units"
dir=$(make -s --no-print-directory -f - hk-print <<<$'include Makefile\nhk-print:\n\t@echo $(systemdsystemunitdir)')
case $dir in
/lib/systemd/system | */lib/systemd/system) ;;
*) fail "units go to $dir" ;;
esac
for unit in hakmemd.service hakmem-textfile.service hakmem-textfile.timer; do
    [ -f "$T/root$dir/$unit" ] || fail "$unit is not in $dir"
    ! grep -n '@' "$T/root$dir/$unit" | grep -v '@system-service\|@resources' || fail "$unit has a place that was not filled"
done
for program in $(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$T/root$dir"/*.service); do
    [ -x "$T/root$program" ] || fail "$program is not installed"
    # verify looks for the programs on this host
    sed -i "s,^ExecStart=$program,ExecStart=$T/root$program," "$T/root$dir"/*.service
done
systemd-analyze verify --man=no --recursive-errors=no "$T/root$dir"/hakmem*.service "$T/root$dir"/hakmem*.timer >"$T/verify" 2>&1 ||
    fail "systemd-analyze verify: $(cat "$T/verify")"
! grep -i hakmem "$T/verify" || fail "systemd-analyze verify complains (above)"
exposures=
for unit in hakmemd hakmem-textfile; do
    systemd-analyze security --offline=true --no-pager "$T/root$dir/$unit.service" >"$T/security" 2>&1 ||
        fail "systemd-analyze security: $(tail -n 3 "$T/security")"
    level=$(sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p' "$T/security")
    awk -v level="${level:-10}" 'BEGIN { exit !(level < 3.5) }' || fail "$unit: exposure $level: $(grep '✗' "$T/security" | head -n 20)"
    exposures+=" $unit $level"
done
say "three units in $dir; exposure:$exposures"
