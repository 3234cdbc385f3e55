# SPDX-License-Identifier: MIT
"""rows.py FOLDER-OF-THE-BENCHMARK LARGE.csv MIDDLE.csv SMALL.csv: what bench.sh measured is complete and makes sense; and so does the
time that the benchmark says is left."""

import csv
import sys

sys.path.insert(0, sys.argv[1])
import bench_record  # noqa: E402
import modes_data  # noqa: E402

BLOCKS = 6  # of 40 MB each, allocated and freed in a run of vm-40m


def check(condition, what):
    if not condition:
        sys.exit(f"rows.py: {what}")


def read(path, cells, rounds):
    with open(path, newline="", encoding="utf-8") as file:
        all_rows = list(csv.DictReader(file))
    rows = {(row["scenario"], row["allocator"]): row for row in all_rows}
    check(set(rows) == cells and len(all_rows) == rounds * len(cells), f"{path}: {len(all_rows)} rows, of {sorted(rows)}")
    for cell, row in rows.items():
        number = {name: float(row[name]) for name in row if row[name] and name not in ("allocator", "scenario", "phase")}
        for name in ("wall_ns", "cpu_ns", "per_second", "p50_ns", "minor_faults", "peak_kb", "after_kb", "mean_kb", "mmap_calls"):
            check(number.get(name, 0) > 0, f"{cell}: {name} is '{row[name]}'")
        check(number["p50_ns"] <= number["p95_ns"] <= number["p99_ns"], f"{cell}: latencies {row}")
        check(number["after_kb"] <= number["peak_kb"], f"{cell}: more memory at the end than at the peak")
        rate = number["iterations"] * 1e9 / number["wall_ns"]
        check(abs(rate - number["per_second"]) < 0.51 + 0.01 * rate, f"{cell}: {number['per_second']} a second, not {rate}")
        check(row["error"] == "" and row["major_faults"] != "", f"{cell}: {row}")
        ours = cell[1] != "system"
        check((row["phase"] != "") == ours and (row["purge_batches"] != "") == ours, f"{cell}: what hakmem says: {row}")
    return {cell: {k: float(v) for k, v in row.items() if v and k.endswith(("calls", "_tiny", "_big", "_after", "_kb"))}
            for cell, row in rows.items()}, rows  # fmt: skip


def matrix(large, middle, small):
    number, rows = read(large, {("vm-40m", "system"), ("vm-40m", "hakmem-balanced")}, 1)
    system = number["vm-40m", "system"]
    check(system["mmap_calls"] > BLOCKS and system["munmap_calls"] >= BLOCKS, f"glibc maps each block of 40 MB: {system}")
    check(system["peak_kb"] > 40 * 1024, f"a block of 40 MB was touched: {system}")
    faults = [int(rows["vm-40m", name]["minor_faults"]) for name in ("system", "hakmem-balanced")]
    check(faults[0] > BLOCKS / 2 * faults[1], f"BigCache keeps a block of 40 MB: {faults} faults")

    number, rows = read(middle, {("vm", name) for name in ("system", "hakmem-balanced", "hakmem-learning")}, 1)
    check(0.5 < number["vm", "hakmem-balanced"]["hit_rate_big"] <= 1, "BigCache serves vm")
    check(rows["vm", "hakmem-learning"]["phase"] == "FROZEN", "4,000 large blocks are enough to learn from")
    check(0 < number["vm", "hakmem-learning"]["learned_after"] < 4000, "when learning had ended is told")

    number, _ = read(small, {("tiny-hot", "system"), ("tiny-hot", "hakmem-balanced")}, 2)
    check(0.5 < number["tiny-hot", "hakmem-balanced"]["hit_rate_tiny"] <= 1, "TinyPool serves tiny-hot")
    check("hit_rate_tiny" not in number["tiny-hot", "system"], "the system's malloc has no hit rate")


def time_left():
    """Ten seconds and one, and not twice the mean of both; who was never run counts as the others of its scenario."""
    progress = bench_record.Progress([("slow", "a"), ("slow", "a"), ("slow", "b"), ("fast", "a"), ("fast", "a")])
    progress.spent = {("slow", "a"): [10.0], ("fast", "a"): [1.0]}
    progress.left.update({("slow", "a"): 1, ("fast", "a"): 1})
    check(progress.seconds_left() == 21, f"the time left is {progress.seconds_left()}, not 21 s")
    check(bench_record.duration(3725) == "1 h 2 min", bench_record.duration(3725))


def decisions():
    """Lines of the engine's log, as bench_learning --ratings reads them."""
    log = ("hakmem[7]: elo learn: default\nhakmem[7]: elo shadow: huge (cost 2.5, rating 1610), default (cost 3.0, rating 1490)\n"
           "hakmem[7]: elo roll back: huge (cost 9, rating 1600), default (cost 3, rating 1500)\nhakmem[7]: elo freeze: huge\n")  # fmt: skip
    found = modes_data.bench_learning().DECISION.findall(log)
    check([event for event, *_ in found] == ["learn", "shadow", "roll back", "freeze"], f"decisions: {found}")
    check(found[1][1:] == ("huge", "2.5", "1610", "default", "3.0", "1490") and found[3][1] == "huge", f"decisions: {found}")


matrix(*sys.argv[2:])
time_left()
decisions()
