# SPDX-License-Identifier: MIT
"""What bench_allocators keeps while it runs: the rows, in memory and in the file, and how long it will still take."""

import csv
import os
import statistics
import sys
import time

import bench_syscalls

# Figures that a run has not are left empty: latencies of real programs, hit rates of other allocators.
COLUMNS = [
    "round", "allocator", "scenario", "iterations", "wall_ns", "cpu_ns", "user_ns", "sys_ns", "per_second",
    "p50_ns", "p95_ns", "p99_ns", "minor_faults", "major_faults", "peak_kb", "after_kb", "mean_kb",
    *bench_syscalls.COLUMNS, "hit_rate_tiny", "hit_rate_big", "purge_batches", "learned_after", "phase", "error",
]  # fmt: skip


def duration(seconds):
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours > 0:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {int(seconds) % 60} s" if minutes > 0 else f"{seconds:.0f} s"


class Progress:
    """One line on a terminal, with the time left; nothing elsewhere. Scenarios differ by a hundred times, so each that is
    still to come counts as long as it took before: under this allocator, else under the others, else as all do."""

    def __init__(self, jobs):
        self.left, self.spent = {}, {}
        for job in jobs:
            self.left[job] = self.left.get(job, 0) + 1
        self.total, self.done = len(jobs), 0
        self.shown = sys.stderr.isatty()
        self.last = time.monotonic()

    def expected(self, job):
        own = self.spent.get(job)
        same = own or [s for other, times in self.spent.items() if other[0] == job[0] for s in times]
        return statistics.mean(same or [s for times in self.spent.values() for s in times])

    def seconds_left(self):
        return sum(count * self.expected(job) for job, count in self.left.items() if count > 0)

    def step(self, scenario, allocator):
        now = time.monotonic()
        job = (scenario, allocator)
        self.spent.setdefault(job, []).append(now - self.last)
        self.last = now
        self.left[job] -= 1
        self.done += 1
        if self.shown:
            bar = "#" * (30 * self.done // self.total)
            end = "\n" if self.done == self.total else ""
            left = duration(self.seconds_left())
            text = f"[{bar:<30}] {self.done}/{self.total}, {left} left: {scenario}, {allocator}"
            sys.stderr.write(f"\r{text[:119]:<119}{end}")
            sys.stderr.flush()


class Record:
    """The runs that count, in memory and in the file as they come, and those that failed."""

    def __init__(self, path):
        self.rows, self.failures = [], []
        try:
            self.file = open(path or os.devnull, "w", newline="", encoding="utf-8")
        except OSError as error:
            sys.exit(f"bench_allocators: --output {path}: {error.strerror}; name a file in a folder that can be written")
        self.writer = csv.DictWriter(self.file, COLUMNS, extrasaction="ignore")
        self.writer.writeheader()

    def write(self, row):
        self.writer.writerow(row)
        self.file.flush()

    def add(self, row):
        self.rows.append(row)
        self.write(row)

    def failed(self, number, scenario, allocator, why):
        print(f"bench_allocators: {scenario} under {allocator.name}: {why}", file=sys.stderr)
        last = why.splitlines()[-1]
        self.failures.append(f"{scenario} under {allocator.name}: {last}")
        self.write({"round": number, "allocator": allocator.name, "scenario": scenario, "error": last})

    def medians(self, metric):
        """By scenario and allocator. One that failed in any round has none."""
        cells = {}
        for row in self.rows:
            if metric in row:
                cells.setdefault((row["scenario"], row["allocator"]), []).append(float(row[metric]))
        most = max(map(len, cells.values()), default=0)
        return {key: max(statistics.median(values), 1e-9) for key, values in cells.items() if len(values) == most}
