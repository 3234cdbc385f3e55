#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every number that stats gives is explained: beside the figure and in its help, in the same words, from which hakmemctl(1) is
# made. And "applied" means one thing.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

ctl 0 stats --help
sed -n 's/^  \([a-z_]*\)  *\([A-Z].*\.\)$/\1 \2/p' "$T/out" >"$T/help"
grep -q '^processes ' "$T/help" || fail "stats --help explains nothing: $(cat "$T/out")"

target control=on
one=$PID
wait_for 10 has_socket "$one" || fail "no control socket"
for door in 1 2; do
    [ $door = 1 ] || door2_works "$one" || continue
    ctl 0 --door=$door stats "$one" --json
    python3 - "$T/out" "$T/help" <<'PY' || fail "door $door: see above"
import json, sys
reply = json.load(open(sys.argv[1]))[0]
given = {k for k, v in reply.items() if isinstance(v, (int, float)) and not isinstance(v, bool)} - {"pid"}
known = {line.split()[0] for line in open(sys.argv[2])}
assert len(given) > 40, "this test is broken"
assert given == known, f"not explained: {given - known}, explained, but not given: {known - given}"
assert all(isinstance(v, (int, float, str, list)) for v in reply.values()), "something nested that is not explained"
# One meaning of "applied": a number of processes.
assert reply["applied"] in (0, 1) and reply["processes"] == 1
assert all("applied" not in p and p["generation"] >= 2 for p in reply["per_process"]), reply["per_process"]
PY
    ctl 0 --door=$door stats "$one"
    out '^rss_bytes +[0-9]+ \([0-9.]+M\)  Resident, as the kernel counts'
    [ "$(grep -cE '^[a-z_]+ +[-0-9.e]+( \([0-9.]+[A-Z]\))?  [A-Z].*\.$' "$T/out")" -eq "$(wc -l <"$T/help")" ] ||
        fail "a figure without its line: $(cat "$T/out")"
done
# After a change each process runs the generation that is the newest.
ctl 0 set "$one" purge_delay=900ms --json
json 'j[0]["applied"] <= j[0]["processes"] == 1'
wait_for 20 sh -c "'$HK_CTL' stats $one --json | grep -q '\"applied\": 1'" || fail "the change was not applied"
ctl 0 stats "$one" --json
generation=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[0]["per_process"][0]["generation"])' "$T/out")
ctl 0 status "$one" --json
json "j[0]['generation'] == $generation and j[0]['applied'] == 1"
say "$(wc -l <"$T/help") numbers are explained"

# What is no regular file keeps its place.
mkfifo "$T/pipe"
ctl 1 stats --prometheus "--output=$T/pipe"
err 'is no regular file: leave out --output'
[ -p "$T/pipe" ] || fail "the pipe was replaced"
# A mode is not taken from a file that is gone: what it said would be lost.
printf '[hakmem]\npurge_delay = 7s\n' >"$T/gone.ini"
HAKMEM_CONF=$T/gone.ini target control=on
wait_for 20 has_socket "$PID" || fail "no control socket"
rm "$T/gone.ini"
ctl 1 set "$PID" mode=fast
err 'was read before and cannot be read now'
ctl 0 get "$PID" purge_delay
out '7s'
say "files that are no files, files that are gone"
