#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# stats --prometheus: what it says is what stats says, in a form that Prometheus' own linter accepts; names
# cannot break out of their quotes; the file for node_exporter is replaced as a whole.
. "$(dirname "$0")/ctl-lib.sh" || exit 99

# Nothing runs: that is a number, too.
ctl 0 stats --prometheus
quiet
[ "$(grep -v '^#' "$T/out")" = "hakmem_services 0" ] || fail "nothing runs, and it says: $(cat "$T/out")"

target control=on "control_dir=$HAKMEM_CONTROL_DIR" && first=$PID
door2_works "$first" || skip "process_vm_readv is not permitted here"
# A name that would end the label, the line, and is no UTF-8.
odd=$'q"b\\s\nn\xff'
cp "$(readlink -f "$PYTHON")" "$T/$odd" || exit 99
PYTHON=$T/$odd target && second=$PID

ctl 0 stats --prometheus
quiet
cp "$T/out" "$T/metrics"
ctl 0 stats "$first" --json
python3 - "$T/metrics" "$T/out" "$first" "$second" <<'PY' || fail "the text is wrong (above): $(head -c 3000 "$T/metrics")"
import json, re, sys
text, stats, pids = open(sys.argv[1], encoding="utf-8").read(), json.load(open(sys.argv[2]))[0], set(sys.argv[3:])
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+)')
types, helps, seen, last, values = {}, {}, set(), None, {}
for line in text.splitlines():
    if line.startswith("# "):
        _, what, name, rest = line.split(" ", 3)
        table = {"HELP": helps, "TYPE": types}[what]
        assert name not in table, f"{what} of {name} twice"
        table[name] = rest
        continue
    m = SAMPLE.fullmatch(line)
    assert m, f"no sample: {line}"
    name = m[1]
    assert name in types and name in helps, f"{name} has no HELP or TYPE"
    assert name == last or name not in seen, f"{name} is not together"
    assert (types[name] == "counter") == name.endswith("_total"), name
    seen.add(name)
    last = name
    if name != "hakmem_services":
        labels = dict(re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', m[2]))
        assert labels["pid"] in pids and "unit" in labels and labels["program"], line
        key = (name, labels["pid"], labels.get("call", labels.get("phase", "")))
        assert key not in values, f"{key} twice"
        values[key] = float(m[3])
        if labels["pid"] == sys.argv[4] and name == "hakmem_up":
            assert labels["program"] == r'q\"b\\s?n?', labels["program"]
assert all(helps.values()), f"nothing behind HELP: {[name for name in helps if not helps[name]]}"
assert values[("hakmem_up", sys.argv[3], "")] == 1
assert sum(values[("hakmem_phase", sys.argv[3], p)] for p in ("OFF", "LEARN", "FROZEN", "CANARY")) == 1
# Every number of stats must be there: a new counter belongs into the table of src/ctl/prometheus.c.
source = open(f"{__import__('os').environ['HK_SRC']}/src/ctl/prometheus.c").read()
fields = set(re.findall(r'^\s*(?:GAUGE\(|COUNTER\(|\{)"(\w+)"', source, re.M)) | {"sys_" + c for c in re.findall(r'CALL\("(\w+)"\)', source)}
numbers = {k for k, v in stats.items() if isinstance(v, (int, float)) and not isinstance(v, bool)} - {"pid", "door"}
assert numbers <= fields, f"not in src/ctl/prometheus.c: {numbers - fields}"
assert fields <= numbers, f"in src/ctl/prometheus.c, but not in stats: {fields - numbers}"
assert stats["large_allocs"] >= values[("hakmem_large_allocs_total", sys.argv[3], "")] > 0
assert 0 <= values[("hakmem_purge_seconds_total", sys.argv[3], "")] <= stats["purge_ns"] / 1e9 + 1e-9
PY

if command -v promtool >/dev/null; then
    promtool check metrics <"$T/metrics" >"$T/lint" 2>&1 || fail "promtool: $(cat "$T/lint")"
    [ ! -s "$T/lint" ] || fail "promtool: $(cat "$T/lint")"
    linted="promtool agrees"
else
    linted="promtool is not installed: not linted"
fi

# One that cannot be asked is told, and does not hide the others.
kill -STOP "$first"
ctl 1 stats --prometheus --door=1 --timeout=300ms
out "^hakmem_up\{.*pid=\"$first\"\} 0"
kill -CONT "$first"

# The file: whole, readable by others, and nothing is left of the way there.
mkdir "$T/textfile"
ctl 0 stats --prometheus "--output=$T/textfile/hakmem.prom"
[ ! -s "$T/out" ] || fail "it was printed, too"
grep -q "^hakmem_up{.*pid=\"$first\"} 1" "$T/textfile/hakmem.prom" || fail "the file says: $(head "$T/textfile/hakmem.prom")"
[ "$(stat -c %a "$T/textfile/hakmem.prom")" = 644 ] || fail "its mode is $(stat -c %a "$T/textfile/hakmem.prom")"
(for i in {1..30}; do "$HK_CTL" stats "$second" --prometheus "--output=$T/textfile/hakmem.prom" || exit 1; done) &
writer=$!
while kill -0 "$writer" 2>/dev/null; do
    tail -1 "$T/textfile/hakmem.prom" | grep -q '^hakmem_system_calls_total{.*} [0-9]*$' || fail "a part of the file was seen"
done
wait "$writer" || fail "some writing failed"
[ "$(ls -A "$T/textfile")" = hakmem.prom ] || fail "left over: $(ls -A "$T/textfile")"
ctl 1 stats --prometheus "--output=$T/nowhere/hakmem.prom"
err 'nowhere/hakmem\.prom cannot be written: No such file'
ctl 2 stats "--output=$T/x"
err 'belongs to stats --prometheus'
say "two services, every number of stats, odd names, the file; $linted"
