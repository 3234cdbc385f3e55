# SPDX-License-Identifier: MIT
"""What analyze_modes.py draws: the CSVs of bench_allocators and bench_learning and the engine's decisions, read and
checked. A figure is the median of the rounds."""

import csv
import importlib.machinery
import importlib.util
import json
import math
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM, MIMALLOC = "system", "mimalloc"
MINIMAL, BALANCED, FAST, LEARNING = "hakmem-minimal", "hakmem-balanced", "hakmem-fast", "hakmem-learning"
BIGCACHE, BATCH = MINIMAL + "+bigcache=on", MINIMAL + "+bigcache=on+batch=on"
LADDER = [MINIMAL, BIGCACHE, BATCH, BALANCED, FAST, LEARNING]
TEXT = {"allocator", "scenario", "phase", "error"}
NEEDED = ["allocator", "scenario", "wall_ns", "peak_kb"]


class Refused(Exception):
    """Of a file, with the place and what to do."""


def bench_learning():
    """The program, as a module: what a cost is stands there."""
    loader = importlib.machinery.SourceFileLoader("bench_learning", os.path.join(HERE, "bench_learning"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_learning", loader))
    loader.exec_module(module)
    return module


def read_csv(path, needed, text, made_by):
    """Rows as dictionaries of numbers and texts, without what is empty."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or [])]
            if missing:
                raise Refused(f"{path}:1: no column '{missing[0]}'; give a file that {made_by} wrote")
            rows = [numbers(row, text, f"{path}:{reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path}: {getattr(error, 'strerror', None) or error}; give a file that {made_by} wrote") from error
    if not rows:
        raise Refused(f"{path}: no row; give a file that {made_by} wrote to its end")
    return rows


def numbers(row, text, place):
    if None in row or None in row.values():
        raise Refused(f"{place}: not as many fields as the first line has; take the line out, or measure again")
    kept = {}
    for name, value in row.items():
        if value == "":
            continue
        try:
            kept[name] = value if name in text else float(value)
        except ValueError:
            raise Refused(f"{place}: {name} is '{value}', not a number; take the line out, or measure again") from None
        if name not in text and not math.isfinite(kept[name]):
            raise Refused(f"{place}: {name} is '{value}'; take the line out, or measure again")
    return kept


def label(allocator):
    """minimal +bigcache, for hakmem-minimal+bigcache=on."""
    base, *features = allocator.split("+")
    if base == SYSTEM:
        return "system malloc"
    signs = {"on": "+{}", "off": "−{}"}
    words = [signs.get(f.partition("=")[2], "+{}=" + f.partition("=")[2]).format(f.partition("=")[0]) for f in features]
    return " ".join([base.removeprefix("hakmem-"), *words])


def is_hakmem(allocator):
    return allocator.startswith("hakmem-")


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values)) if values else None


class Data:
    """The runs of bench_allocators."""

    def __init__(self, paths):
        self.rows = [row for path in paths for row in read_csv(path, NEEDED, TEXT, "bench_allocators --output")]
        self.files = [os.path.basename(path) for path in paths]
        self.scenarios = list(dict.fromkeys(row["scenario"] for row in self.rows))
        found = list(dict.fromkeys(row["allocator"] for row in self.rows))
        peers = sorted((a for a in found if not is_hakmem(a)), key=lambda a: (a != SYSTEM, a != MIMALLOC))
        ladder = [a for a in LADDER if a in found]
        self.allocators = peers + ladder + [a for a in found if is_hakmem(a) and a not in ladder]
        self.ladder, self.peers = ladder, peers
        self.reference = SYSTEM if SYSTEM in found else self.allocators[0]
        self.cells = {}
        for row in self.rows:
            self.cells.setdefault((row["scenario"], row["allocator"]), []).append(row)

    def of(self, scenario, allocator):
        return self.cells.get((scenario, allocator), [])

    def value(self, scenario, allocator, metric):
        """None when it was not measured, or any run failed: then it is no median of the same work."""
        rows = self.of(scenario, allocator)
        values = [row[metric] for row in rows if metric in row]
        return statistics.median(values) if values and not any("error" in row for row in rows) else None

    def ratio(self, scenario, allocator, to, metric="wall_ns"):
        value, base = self.value(scenario, allocator, metric), self.value(scenario, to, metric)
        return max(value, 1e-9) / base if value is not None and base else None

    def ratios(self, allocator, to, metric="wall_ns"):
        """By scenario, where both were measured."""
        found = {scenario: self.ratio(scenario, allocator, to, metric) for scenario in self.scenarios}
        return {scenario: ratio for scenario, ratio in found.items() if ratio is not None}

    def mean(self, allocator, to, metric="wall_ns", among=None):
        ratios = self.ratios(allocator, to, metric)
        return geometric_mean([ratio for scenario, ratio in ratios.items() if among is None or scenario in among])

    def complete(self, allocators):
        """The scenarios that all of these have done: only means of the same ones can be compared."""
        return [s for s in self.scenarios if all(self.value(s, a, "wall_ns") is not None for a in allocators)]

    def has(self, metric, scenario=None):
        return any(metric in row for row in self.rows if scenario in (None, row["scenario"]))

    def failures(self):
        return [(row["scenario"], row["allocator"], row["error"]) for row in self.rows if "error" in row]

    def rounds(self):
        counts = [len(self.of(s, a)) for s in self.scenarios for a in self.allocators]
        counts = [count for count in counts if count > 0]
        return (min(counts), max(counts))


class Learning:
    """The runs of bench_learning: what learning settled on, against the best fixed strategy (the oracle) and the default."""

    def __init__(self, path):
        self.bench = bench_learning()
        text = {"workload", "kind", "config", "settled"}
        needed = ["workload", "kind", "config", "time_ns", "mean_kb", "settled"]
        self.rows = read_csv(path, needed, text, "bench_learning --output")
        self.workloads = list(dict.fromkeys(row["workload"] for row in self.rows))

    def cost(self, workload, kind, config, objective):
        there = any((r["workload"], r["kind"], r["config"]) == (workload, kind, config) for r in self.rows)
        return self.bench.cost(self.rows, workload, kind, config, objective) if there else None

    def settled(self, workload, objective):
        chosen = [r["settled"] for r in self.rows if (r["workload"], r["kind"], r["config"]) == (workload, "learned", objective)]
        return statistics.mode(chosen) if chosen else None

    def regrets(self, objective):
        """By workload: how much more than the oracle's the cost is (0.05: five per cent) of learning and of the default,
        and the names of the oracle and of what learning settled on."""
        found = {}
        for workload in self.workloads:
            fixed = dict.fromkeys(r["config"] for r in self.rows if (r["workload"], r["kind"]) == (workload, "fixed"))
            costs = {name: self.cost(workload, "fixed", name, objective) for name in fixed}
            learned = self.cost(workload, "learned", objective, objective)
            if len(costs) < 2 or "default" not in costs or learned is None:
                continue
            oracle = min(costs, key=costs.get)
            found[workload] = (learned / costs[oracle] - 1, costs["default"] / costs[oracle] - 1, oracle,
                               self.settled(workload, objective))  # fmt: skip
        return found

    def frozen_against_hand(self):
        """Geometric mean of time after freezing over that of the same strategy set by hand; how many it is of."""
        ratios = []
        for workload in self.workloads:
            for objective in self.bench.WEIGHTS:
                settled = self.settled(workload, objective)
                hand = [r["time_ns"] for r in self.rows if (r["workload"], r["kind"], r["config"]) == (workload, "fixed", settled)]
                mine = [r["time_ns"] for r in self.rows if (r["workload"], r["kind"], r["config"], r["settled"]) ==
                        (workload, "learned", objective, settled)]  # fmt: skip
                if hand and mine:
                    ratios.append(statistics.median(mine) / statistics.median(hand))
        return geometric_mean(ratios), len(ratios)


class Ratings:
    """Ratings after each decision: {title: {strategy: [(number, rating), …]}}, and where freezing was."""

    def __init__(self, path):
        self.runs, self.frozen, self.left_out = {}, {}, 0
        entries = self.of_json(path) if path.endswith(".json") else self.of_csv(path)
        for title, number, event, strategy, rating in entries:
            if rating is not None:
                self.runs.setdefault(title, {}).setdefault(strategy, []).append((number, rating))
            if event == "freeze":
                self.frozen.setdefault(title, number)

    def of_csv(self, path):
        """Of each workload the first round, for the balanced objective if that was run."""
        text = {"workload", "objective", "event", "strategy"}
        rows = read_csv(path, [*text, "round", "number"], text, "bench_learning --ratings")
        objectives = [row["objective"] for row in rows]
        shown = "balanced" if "balanced" in objectives else next(iter(objectives), None)
        first = min((row["round"] for row in rows), default=0)
        kept = [row for row in rows if (row["objective"], row["round"]) == (shown, first)]
        runs = {(row["workload"], row["objective"], row["round"]) for row in rows}
        self.left_out = len(runs) - len({row["workload"] for row in kept})
        return [(f"{r['workload']}, objective {shown}", int(r["number"]), r["event"], r["strategy"], r.get("rating")) for r in kept]

    @staticmethod
    def of_json(path):
        """What hakmemctl log --json prints."""
        try:
            with open(path, encoding="utf-8") as file:
                services = json.load(file)
            return [(f"{s.get('program', 'service')}, pid {s['pid']}", number, e["event"], e[side],
                     e["rating_" + side] if e["a"] != e["b"] else None)
                    for s in services for number, e in enumerate(s["log"]) for side in "ab"]  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Refused(f"{path}: {error!r}; give a file that hakmemctl log --json wrote") from error


def refuse(message):
    sys.exit(f"analyze_modes.py: {message}")
