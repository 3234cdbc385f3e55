#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The everyday tools: a parallel sort, tar, gzip, xz with threads, awk, sed, find, grep in one shell script.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need xz tar gzip awk

cat >"$T/work.sh" <<'END'
set -e -o pipefail
awk 'BEGIN { x = 12345; for (i = 0; i < 300000; i++) { x = (x * 1103515245 + 12345) % 2147483648; print x, i } }' >numbers
sort --parallel=4 -S 20M -n numbers >sorted && sha256sum sorted
sort -k2 -r numbers | uniq -c | tail -3
mkdir tree && (cd tree && split -l 2000 ../numbers part.)
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf tree.tar tree && sha256sum tree.tar
gzip -n -9 <tree.tar | sha256sum
xz -T2 --block-size=1MiB -3 <tree.tar | xz -d | sha256sum
xz -1 <tree.tar | sha256sum
sed -E 's/([0-9]+) ([0-9]+)/\2-\1/' numbers | grep -E '7-[0-9]*9[0-9]*$' | sort | sha256sum
find tree -type f -print0 | sort -z | xargs -0 -P 4 -n 10 cksum | sort | sha256sum
join <(sort -k1,1 numbers | head -5000) <(sort -k1,1 sorted | head -5000) | sha256sum
END

witness_on "$T/witness"
for mode in ${HK_MODES:-bare balanced minimal}; do
    mkdir "$T/$mode"
    (cd "$T/$mode" && in_mode "$mode" bash "$T/work.sh") >"$T/$mode.out" 2>&1 || fail "$mode: status $?: $(tail -5 "$T/$mode.out")"
    same "$mode" "$T/bare.out" "$T/$mode.out"
done
saw bash sort tar xz gzip sed grep find xargs
say "$(cut -d' ' -f1 "$T/witness" | sort -u | wc -l) different programs"
