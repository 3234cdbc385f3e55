#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The benchmark and its report: a tiny matrix is really run, what its CSV says makes sense, mistakes are refused; the report
# of a made-up CSV has the verdicts that its numbers give, and a browser shows all of it.
. "${HK_SRC:-$(dirname "$0")/../..}/tests/lib/lib.sh" || exit 99
need strace chromium python3
python3 -c 'import matplotlib' 2>/dev/null || skip "python3-matplotlib is not installed"
BENCH=$HK_SRC/tools/bench
MADE_UP=$HK_SRC/tests/policy/bench
export HAKMEM_CONTROL_DIR=$T PYTHONDONTWRITEBYTECODE=1 HK_BUILD MPLCONFIGDIR=$T

# ---- a tiny matrix
"$BENCH/bench_modes.sh" --allocator system,hakmem-balanced --scenario vm-40m --runs 1 --warmup 0 --output "$T/large.csv" \
    --report "$T/real" -- --iterations 6 >"$T/out" 2>"$T/err" || fail "bench_modes.sh: $(tail -5 "$T/err")"
"$BENCH/bench_allocators" --allocator system,hakmem-balanced,hakmem-learning --scenario vm --iterations 4000 --runs 1 --warmup 0 \
    --output "$T/middle.csv" >"$T/out" 2>"$T/err" || fail "bench_allocators: $(tail -5 "$T/err")"
"$BENCH/bench_allocators" --allocator system,hakmem-balanced --scenario tiny-hot --iterations 400000 --runs 2 --warmup 1 --output "$T/small.csv" \
    >"$T/out" 2>"$T/err" || fail "bench_allocators: $(tail -5 "$T/err")"
python3 "$MADE_UP/rows.py" "$BENCH" "$T/large.csv" "$T/middle.csv" "$T/small.csv" || fail "what the benchmark wrote makes no sense"
grep -q 'id="latency0-t".*system malloc' "$T/real/report.html" || fail "the report has no latency of what was run"
grep -q 'fewer than two steps of the ladder' "$T/real/report.html" || fail "a ladder of one step is not said to be missing"
[ -s "$T/real/latency.png" ] && [ ! -e "$T/real/ladder.png" ] || fail "PNGs should be of what there is data for, and of that alone"

# ---- a run that does not end is ended, and told
"$BENCH/bench_allocators" --allocator system --scenario tiny-hot --iterations 98765432100 --runs 1 --warmup 0 --timeout 1 --no-syscalls \
    --output "$T/slow.csv" >/dev/null 2>&1 && fail "a run that was not done in time counts as done"
grep -q '^0,system,tiny-hot,,.*,not done after 1 s' "$T/slow.csv" || fail "a run that was not done is not in the CSV: $(tail -1 "$T/slow.csv")"
! pgrep -f -- '--iterations 98765432100' >/dev/null || fail "a run that was not done in time goes on"

# ---- mistakes, with what to do about them
refused() { # PATTERN COMMAND…
    local pattern=$1
    shift
    "$@" >"$T/out" 2>&1 && fail "accepted: $*"
    grep -q -- "$pattern" "$T/out" || fail "$*: '$(tail -1 "$T/out")' should match '$pattern'"
}
refused "unknown mode: did you mean 'balanced'" "$BENCH/bench_allocators" --allocator hakmem-balancd
refused "did you mean 'bigcache'" "$BENCH/bench_allocators" --allocator hakmem-minimal+bigcahe=on
refused "unknown: did you mean 'vm'" "$BENCH/bench_allocators" --scenario vmm
refused "argument --runs: '0' should be a whole number from 1" "$BENCH/bench_allocators" --runs 0
refused "output.*name a file in a folder" "$BENCH/bench_allocators" --scenario vm --output "$T/none/x.csv"
refused "unknown argument '--bad': see --help" "$BENCH/bench_modes.sh" --bad
printf 'allocator,scenario,wall_ns,peak_kb\nsystem,vm,fast,3\n' >"$T/bad.csv"
refused "bad.csv:2: wall_ns is 'fast', not a number" "$BENCH/analyze_modes.py" "$T/bad.csv" --output "$T/x.html"
mkdir "$T/without" && printf '#!/bin/sh\nexit 1\n' >"$T/without/python3" && chmod 0755 "$T/without/python3"
PATH=$T/without:$PATH refused "install Debian's python3-matplotlib" "$BENCH/bench_modes.sh" --report "$T/never"
[ ! -e "$T/never" ] || fail "a report without matplotlib was begun"
refused "none.csv: .*No such file" "$BENCH/bench_learning" --report --output "$T/none.csv"
printf 'a,b\n1,2\n' >"$T/bad.csv"
refused "bad.csv:1: give a file that bench_learning --output wrote" "$BENCH/bench_learning" --report --output "$T/bad.csv"
cp "$MADE_UP/learning.csv" "$T/torn.csv"
printf '0,growth,fixed' >>"$T/torn.csv"
refused "torn.csv:[0-9]*: a line that is torn or no number" "$BENCH/bench_learning" --report --output "$T/torn.csv"
head -3 "$MADE_UP/learning.csv" >"$T/begun.csv"
refused "is left out: no run of" "$BENCH/bench_learning" --report --output "$T/begun.csv"
grep -q "begun.csv: no workload has run under every strategy" "$T/out" || fail "an unfinished file: $(cat "$T/out")"
refused "bad.csv:1: no column 'allocator'; give a file that" "$BENCH/analyze_modes.py" "$T/bad.csv" --output "$T/x.html"

# ---- the report of numbers that are known
"$BENCH/analyze_modes.py" "$MADE_UP/modes.csv" --learning "$MADE_UP/learning.csv" --ratings "$MADE_UP/ratings.csv" \
    --output "$T/report.html" --png "$T/png" >"$T/verdicts" 2>"$T/err" || fail "analyze_modes.py: $(tail -5 "$T/err")"
[ ! -s "$T/err" ] || fail "analyze_modes.py complains: $(head -3 "$T/err")"
verdict() { grep -qE -- "^$1 .*$2" "$T/verdicts" || fail "no verdict '$1 $2': $(cat "$T/verdicts")"; }
verdict met "fast .*tiny-hot, median: 9 to 15 ns: 12.0 ns"
verdict met "5,000 ns less than minimal: -7,000 ns"
verdict met "fewer calls of mmap than minimal: 31, minimal 10,030"
verdict missed "minimal .bigcache .batch .*1 to 10 batches purged in a run: 0"
verdict missed "balanced .*mimalloc's . 40 %: ×1.49"
verdict met "after 1,024 \(vm\)"
[ "$(grep -cE '^(met|missed|no data) ' "$T/verdicts")" -eq 23 ] || fail "there should be 23 verdicts"
! grep -q '^not drawn' "$T/verdicts" || fail "a figure is not drawn: $(grep '^not drawn' "$T/verdicts")"
for name in latency ladder memory calls ratings regret; do
    [ -s "$T/png/$name.png" ] || fail "there is no $name.png"
done
grep -q 'growth +29 % (default +0 %)' "$T/report.html" || fail "the regret of growth is not told"
grep -q 'exit 134: a made-up failure' "$T/report.html" || fail "a run that failed is not in the report"
! grep -qiE '(src|href)="?(https?:|//)|<script' "$T/report.html" || fail "the report wants something from elsewhere"

# ---- in a browser
browse() { # FILE OPTION…
    local file=$1
    shift
    timeout -k 5 150 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars --user-data-dir="$T/profile" \
        --enable-logging=stderr --virtual-time-budget=2000 "$@" "file://$file" 2>>"$T/browser" || fail "chromium: $(tail -3 "$T/browser")"
}
python3 "$MADE_UP/measured.py" probe "$T/report.html" "$T/probe.html" "$T/frame.html" || fail "the report could not be prepared"
browse "$T/frame.html" --window-size=1000,3000 --dump-dom >"$T/dom.html"
browse "$T/report.html" --window-size=1280,2000 --blink-settings=preferredColorScheme=0 --screenshot="$T/dark.png"
! grep CONSOLE "$T/browser" || fail "the browser's console has errors (above)"
python3 "$MADE_UP/measured.py" check "$T/dom.html" "$T/dark.png" || fail "the browser does not show all of the report"
say "a matrix was run, its report drawn and shown"
