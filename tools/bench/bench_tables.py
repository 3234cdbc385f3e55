# SPDX-License-Identifier: MIT
"""The tables that bench_allocators prints: medians as ratios, by scenario and as geometric means."""

import math

# Scenarios whose RSS at the end says something: what is still allocated then is a small part of what was.
AFTER = ["heap-1g", "fragmentation"]


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else math.nan


class Comparison:
    """One metric of all: ratios to the reference, to the best peer of each scenario, and to the best peer overall."""

    def __init__(self, title, metric, unit, scale, limit, best_word, record, scenarios, allocators):
        self.title, self.unit, self.scale, self.limit, self.best_word = title, unit, scale, limit, best_word
        self.value = record.medians(metric)
        self.names = [a.name for a in allocators]
        self.peers = [a.name for a in allocators if a.is_peer]
        self.ours = [a.name for a in allocators if a.is_hakmem]
        self.reference = "system" if "system" in self.names else self.names[0]
        self.scenarios = [s for s in scenarios if (s, self.reference) in self.value]

    def ratio(self, scenario, name, to):
        value, base = self.value.get((scenario, name)), self.value.get((scenario, to))
        return value / base if value and base else None

    def best(self, scenario):
        """The best peer of a scenario."""
        return min((p for p in self.peers if (scenario, p) in self.value), key=lambda p: self.value[(scenario, p)],
                   default=None)  # fmt: skip

    def against_best(self, scenario, name):
        best = self.best(scenario)
        return self.ratio(scenario, name, best) if best else None

    def complete(self, among=None):
        """The scenarios that every allocator has done: others do not enter a mean."""
        return [s for s in self.scenarios if (among is None or s in among)
                and all((s, n) in self.value for n in self.names)]  # fmt: skip

    def mean(self, name, scenarios):
        return geometric_mean([self.ratio(s, name, self.reference) for s in scenarios])

    def above(self, name):
        return [s for s in self.scenarios if (self.against_best(s, name) or 0) > self.limit]

    def print_table(self):
        others = [n for n in self.names if n != self.reference]
        ours = self.ours if self.peers else []
        head = ["scenario", f"{self.reference}, {self.unit}", *others]
        if ours:
            head += [f"{self.best_word} peer", *(f"{n} / {self.best_word}" for n in ours), "worst"]
        lines = [head, ["---"] + ["---:"] * (len(head) - 1)]
        for s in self.scenarios:
            against = [self.against_best(s, n) for n in ours]
            cells = [f"{self.value[(s, self.reference)] / self.scale:.1f}"]
            cells += [shown(self.ratio(s, n, self.reference)) for n in others]
            if ours:
                worst = max((a for a in against if a), default=0)
                flag = f"**{worst:.2f}**" if worst > self.limit else ""
                cells += [self.best(s) or "", *map(shown, against), flag]
            lines.append([s, *cells])
        if len(self.scenarios) > 1:
            complete = self.complete()
            cells = [f"{self.mean(n, complete):.2f}" for n in others]
            if ours:
                means = [geometric_mean([self.against_best(s, n) for s in complete]) for n in ours]
                cells += ["", *(f"{m:.2f}" for m in means), ""]
            lines.append(["geometric mean", "", *cells])
        print(f"\n{self.title}\n")
        print_lines(lines)

    def print_verdict(self):
        """The one peer that would be the best choice for everything, and ours against it."""
        scenarios = self.complete()
        if not self.peers or not self.ours or not scenarios:
            return
        best = min(self.peers, key=lambda p: self.mean(p, scenarios))
        mean = self.mean(best, scenarios)
        print(f"\n{self.title.split(',')[0]}: best single peer {best}, {mean:.3f} of {self.reference}")
        for n in self.ours:
            ratio = self.mean(n, scenarios) / self.mean(best, scenarios)
            above = self.above(n)
            rows = f": {', '.join(above)}" if above else ""
            print(f"  {n}: {ratio:.3f} of {best}; {len(above)} of {len(self.scenarios)} scenarios above "
                  f"{self.limit} of their {self.best_word} peer{rows}")  # fmt: skip


def shown(ratio):
    return "failed" if ratio is None else f"{ratio:.2f}"


def print_lines(lines):
    for line in lines:
        print("| " + " | ".join(line) + " |")


def print_means(comparisons, groups):
    """Geometric means of every allocator, by group of scenarios."""
    columns = [(c, label, among) for c in comparisons for label, among in groups.items() if c.complete(among)]
    names = comparisons[0].names
    lines = [["geometric mean of ratios"] + [f"{c.title.split(',')[0]}, {label}" for c, label, _ in columns]]
    lines.append(["---"] + ["---:"] * len(columns))
    lines += [[n] + [f"{c.mean(n, c.complete(among)):.3f}" for c, _, among in columns] for n in names]
    print()
    print_lines(lines)


def report(record, suite, scenarios, allocators):
    common = (record, scenarios, allocators)
    metrics = [
        Comparison("Elapsed time, ratio of medians", "wall_ns", "ms", 1e6, 1.05, "best", *common),
        Comparison("CPU time of all threads, ratio of medians", "cpu_ns", "ms", 1e6, 1.05, "best", *common),
        Comparison("Peak RSS, ratio of medians", "peak_kb", "MB", 1024, 1.3, "leanest", *common),
    ]
    after = [s for s in AFTER if s in scenarios]
    common = (record, after, allocators)
    end = Comparison("RSS at the end, ratio of medians", "after_kb", "MB", 1024, 1.3, "leanest", *common)
    for metric in metrics + ([end] if after else []):
        metric.print_table()
    print_means(metrics, {name: suite.groups[name] for name in ("synthetic", "programs")})
    for metric in metrics:
        metric.print_verdict()
    left_out = [s for s in metrics[0].scenarios if s not in metrics[0].complete()]
    if left_out:
        print("\nIn no mean, because not everybody did them:", ", ".join(left_out))
    for failure in dict.fromkeys(record.failures):
        print(f"failed: {failure}")
