#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The modes of hakmem and its single features side by side, with the system's malloc and mimalloc to compare with.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Each step of the ladder adds one thing; then the last mode, and single features of the others.
LADDER=(hakmem-minimal hakmem-minimal+bigcache=on hakmem-minimal+bigcache=on+batch=on
    hakmem-balanced hakmem-fast hakmem-learning)
SINGLE=(hakmem-research hakmem-minimal+batch=on hakmem-minimal+tinypool=on hakmem-minimal+free_policy=adaptive
    hakmem-minimal+thp=auto hakmem-balanced+elo=off)
SCENARIOS=vm,mir,tiny-hot,cold-churn,json-parse,larson,producer-consumer,realloc-growth,fragmentation,lua,python
QUICK_SCENARIOS=vm,mir,tiny-hot,cold-churn

usage() {
    cat <<END
usage: bench_modes.sh [OPTION]... [-- OPTION-OF-BENCH_ALLOCATORS...]

Runs the matrix of modes and scenarios by bench_allocators, interleaved, and draws it by analyze_modes.py.

  --quick           the ladder of modes only, four scenarios, two rounds: a minute or so on an idle machine
  --runs N          recorded rounds (default 9; quick: 2)
  --warmup N        rounds before them (default 1; quick: 0)
  --scenario LIST   a comma list of bench_allocators' scenarios and groups
                    (default $SCENARIOS;
                    quick: $QUICK_SCENARIOS)
  --allocator LIST  these instead of the modes, single features and peers
  --output FILE     the CSV of every run (default modes.csv)
  --report DIR      write DIR/report.html and DIR/*.png from it
  --learning FILE   with --report: a CSV of bench_learning --output
  --ratings FILE    with --report: a CSV of bench_learning --ratings, or what hakmemctl log --json printed
  --list            print the allocators and scenarios that would run, and end
  -h, --help        this

On a terminal there is a line with what runs now and the time left. The exit status is that of bench_allocators: 1 when
any run failed. Nobody else should use the machine meanwhile.
END
}
die() { printf 'bench_modes.sh: %s\n' "$*" >&2; exit 2; }

quick='' runs='' warmup='' scenarios='' allocators='' output=modes.csv report='' list='' more=()
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=1 ;;
    --list) list=1 ;;
    -h | --help) usage; exit 0 ;;
    --) shift; break ;;
    --runs | --warmup | --scenario | --allocator | --output | --report | --learning | --ratings)
        [ $# -ge 2 ] || die "$1 wants a value: see --help"
        case $1 in
        --runs) runs=$2 ;;
        --warmup) warmup=$2 ;;
        --scenario) scenarios=$2 ;;
        --allocator) allocators=$2 ;;
        --output) output=$2 ;;
        --report) report=$2 ;;
        *) [ -r "$2" ] || die "$1 $2: no such file, or it cannot be read"; more+=("$1" "$2") ;;
        esac
        shift ;;
    *) die "unknown argument '$1': see --help" ;;
    esac
    shift
done
[ ${#more[@]} -eq 0 ] || [ -n "$report" ] || die "${more[0]} is for the report: say --report DIR, too"

if [ -z "$allocators" ]; then
    names=(system)
    ! "$HERE/bench_allocators" --list | grep -q '^allocators:.* mimalloc ' || names+=(mimalloc)
    names+=("${LADDER[@]}")
    [ -n "$quick" ] || names+=("${SINGLE[@]}")
    allocators=$(IFS=,; echo "${names[*]}")
fi
if [ -n "$quick" ]; then
    : "${scenarios:=$QUICK_SCENARIOS}" "${runs:=2}" "${warmup:=0}"
else
    : "${scenarios:=$SCENARIOS}" "${runs:=9}" "${warmup:=1}"
fi
if [ -n "$list" ]; then
    printf '%s\n' "allocators: $allocators" "scenarios: $scenarios" "rounds: $warmup not recorded, $runs recorded"
    exit 0
fi

# What the report lacks should be known now, not after an hour.
[ -z "$report" ] || python3 -c 'import matplotlib' 2>/dev/null ||
    die "--report needs matplotlib for $(command -v python3 || echo python3): install Debian's python3-matplotlib, with /usr/bin first in PATH"
[ -z "$report" ] || mkdir -p "$report" || die "--report $report: give a folder that can be made"
status=0
"$HERE/bench_allocators" --allocator "$allocators" --scenario "$scenarios" --runs "$runs" --warmup "$warmup" \
    --output "$output" "$@" || status=$?
[ -z "$report" ] || [ ! -s "$output" ] ||
    "$HERE/analyze_modes.py" "$output" "${more[@]}" --output "$report/report.html" --png "$report" || status=1
exit $status
