# SPDX-License-Identifier: MIT
"""Which figures the report has: what the data gives for each, how it is drawn, told in words, and put into a table."""

import modes_plots as plots
from modes_data import BALANCED, BATCH, BIGCACHE, FAST, LADDER, LEARNING, MIMALLOC, MINIMAL, SYSTEM, is_hakmem, label
from modes_plots import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, RED, Figure, Panel
from modes_targets import ESTIMATES

# Marker of matplotlib, filled or not, column, sign for the legend, words.
LATENCIES = [
    ("o", True, "p50_ns", "●", "median"), ("s", False, "p95_ns", "□", "95th percentile"), (">", False, "p99_ns", "▷", "99th percentile"),
]  # fmt: skip
CALLS = [
    ("o", True, "mmap_calls", "●", "mmap"), ("s", False, "munmap_calls", "□", "munmap"), ("^", False, "madvise_calls", "△", "madvise"),
]  # fmt: skip
MEASURE = "tools/bench/bench_modes.sh --output FILE.csv"
# Marker of matplotlib, sign for the legend, color.
MARKS = {
    SYSTEM: ("o", "●", INK), MIMALLOC: ("s", "■", ORANGE), MINIMAL: ("v", "▼", MUTED), BIGCACHE: ("<", "◀", PURPLE),
    BATCH: (">", "▶", PURPLE), BALANCED: ("D", "◆", BLUE), FAST: ("^", "▲", GREEN), LEARNING: ("*", "★", RED),
}  # fmt: skip
MORE_MARKS = [("+", "+"), ("x", "×"), ("1", "Y"), ("|", "|"), ("_", "–"), ("2", "⅄"), ("3", "≺"), ("4", "≻")]


def amount(value):
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def missing_cells(data, scenario, names, metric):
    """Row → why it has no figure."""
    failed = {a: error for s, a, error in data.failures() if s == scenario}
    return {row: f"failed: {failed[a][:40]}" if a in failed else "not measured" for row, a in enumerate(names)
            if data.value(scenario, a, metric) is None}  # fmt: skip


def table(data, scenarios, metrics):
    head = ["scenario", "allocator", *(title for _, title in metrics)]
    rows = [[s, label(a), *(amount(data.value(s, a, metric)) for metric, _ in metrics)] for s in scenarios for a in data.allocators]
    return head, rows


def dot_panels(data, scenarios, kinds, log, unit, words):
    """A panel a scenario, a row an allocator, a sign a metric."""
    panels = []
    names = data.allocators
    for scenario in scenarios:
        series = [(marker, filled, [data.value(scenario, a, metric) for a in names]) for marker, filled, metric, *_ in kinds]
        gone = missing_cells(data, scenario, names, kinds[0][2])
        first = series[0][2]
        told = ", ".join(f"{label(a)} {amount(v)}" for a, v in zip(names, first))

        def draw(ax, series=series, gone=gone):
            plots.dots(ax, [label(a) for a in names], series, gone, log, unit)

        panels.append(Panel(scenario, 0.95 + 0.235 * len(names), draw, f"{words}, {scenario}; {kinds[0][4]}: {told}."))
    return panels


def latency(data):
    scenarios = [s for s in data.scenarios if data.has("p50_ns", s)]
    without = [s for s in data.scenarios if s not in scenarios]
    text = "How long one operation of a scenario takes, by scenario and allocator; further left is faster. Each scale is logarithmic."
    if without:
        text += f" Whole programs have no operations to time, so these are not here: {', '.join(without)}."
    panels = dot_panels(data, scenarios, LATENCIES, True, "time per operation (logarithmic)", "Latency in ns")
    return Figure("latency", "Latency per operation: median, 95th and 99th percentile", text,
                  [(sign, name) for *_, sign, name in LATENCIES], panels,
                  f"There is no scenario with latencies in the data. {MEASURE} --scenario vm,tiny-hot measures some.",
                  table(data, scenarios, [("p50_ns", "median, ns"), ("p95_ns", "p95, ns"), ("p99_ns", "p99, ns"),
                                          ("per_second", "operations a second")]))  # fmt: skip


def calls(data):
    scenarios = [s for s in data.scenarios if data.has("mmap_calls", s)]
    panels = dot_panels(data, scenarios, CALLS, False, "calls in a run (logarithmic, from 0)", "System calls")
    text = ("Calls of the whole process, its start included, counted by strace in a run of its own. madvise counts "
            "process_madvise, too: one call may purge many ranges.")  # fmt: skip
    return Figure("calls", "System calls for memory: mmap, munmap, madvise", text, [(sign, name) for *_, sign, name in CALLS],
                  panels, f"The data has no counts. Install strace, then {MEASURE}.",
                  table(data, scenarios, [("mmap_calls", "mmap"), ("munmap_calls", "munmap"), ("madvise_calls", "madvise"),
                                          ("mremap_calls", "mremap")]))  # fmt: skip


def ladder_panel(title, steps, base, value, told, gone):
    """value(allocator, to): a ratio or None; gone: row → why there is none."""
    ratios = [value(step, base) for step in steps]
    flags = dict(gone)
    for row, step in enumerate(steps[1:], 1):
        change = value(step, steps[row - 1])
        if change is not None and change > 1.1:
            flags[row] = f"▲ +{change * 100 - 100:.0f} %"
    lines = [(value(peer, base), dash) for peer, dash in ((SYSTEM, "--"), (MIMALLOC, ":"))]
    lines = [line for line in lines if line[0] is not None]

    def draw(ax):
        plots.bars(ax, [label(step) for step in steps], ratios, flags, lines, f"elapsed time ÷ {label(base)}")

    words = ", ".join(f"{label(s)} {'×%.3g' % r if r else 'no data'}" for s, r in zip(steps, ratios))
    return Panel(title, 0.95 + 0.29 * len(steps), draw, f"Elapsed time against {label(base)}, {told}: {words}.")


def not_in_means(data, complete):
    left_out = [s for s in data.scenarios if s not in complete]
    return f" In no mean, because not everybody did them: {', '.join(left_out)}." if left_out else ""


def ladder(data):
    steps = data.ladder
    text = ("Elapsed time as one feature after the other is added, against minimal; shorter is faster. Beside each bar "
            "is its ratio; a hatched one, with ▲, took more than 10 % longer than the step above it.")  # fmt: skip
    legend = [("┆", "dashed line: system malloc"), ("┊", "dotted line: mimalloc")]
    missing = f"The data has fewer than two steps of the ladder ({', '.join(map(label, LADDER))}). {MEASURE} measures all."
    if len(steps) < 2:
        return Figure("ladder", "The ladder of features", text, legend, [], missing)
    base, complete = steps[0], data.complete(steps + [p for p in (SYSTEM, MIMALLOC) if p in data.peers])
    text += not_in_means(data, complete)
    panels = []
    if complete:
        panels.append(ladder_panel(f"geometric mean of {len(complete)}", steps, base,
                                   lambda a, to: data.mean(a, to, among=complete), "geometric mean", {}))  # fmt: skip
    for s in data.scenarios:
        gone = missing_cells(data, s, steps, "wall_ns")
        panels.append(ladder_panel(s, steps, base, lambda a, to, s=s: data.ratio(s, a, to), s, gone))
    head = ["scenario", "step", "elapsed, ms", f"÷ {label(base)}", "median, ns", "the plan's estimate, ns"]
    rows = []
    for s in data.scenarios:
        for step in steps:
            wall, ratio = data.value(s, step, "wall_ns"), data.ratio(s, step, base)
            estimate = ESTIMATES[s][LADDER.index(step)] if s in ESTIMATES else None
            rows.append([s, label(step), amount(wall / 1e6 if wall else None), amount(ratio), amount(data.value(s, step, "p50_ns")),
                         amount(estimate)])  # fmt: skip
    return Figure("ladder", "The ladder of features: elapsed time against minimal", text, legend, panels, missing, (head, rows))


def mark(data, allocator):
    if allocator in MARKS:
        return MARKS[allocator]
    others = [a for a in data.allocators if a not in MARKS]
    marker, sign = MORE_MARKS[others.index(allocator) % len(MORE_MARKS)]
    return marker, sign, BLUE if is_hakmem(allocator) else ORANGE


def scatter_panel(data, title, names, time, memory, labelled):
    points = [(mark(data, a)[0], mark(data, a)[2], time(a), memory(a), label(a)) for a in names
              if time(a) is not None and memory(a) is not None]  # fmt: skip
    if not points:
        return None
    told = ", ".join(f"{name} ×{x:.2f} time, ×{y:.2f} memory" for _, _, x, y, name in points)
    return Panel(title, 3.4, lambda ax: plots.scatter(ax, points, labelled), f"Time and memory, {title}: {told}.")


def memory(data):
    ref, complete = data.reference, data.complete(data.allocators)
    text = (f"Each point is an allocator, against {label(ref)} (at ×1 ×1): further left is faster, further down is leaner. Whoever "
            "failed or was not measured has no point." + not_in_means(data, complete))  # fmt: skip
    panels = [scatter_panel(data, f"geometric means of {len(complete)}", data.allocators, lambda a: data.mean(a, ref, among=complete),
                            lambda a: data.mean(a, ref, "peak_kb", complete), True)]  # fmt: skip
    for s in data.scenarios:
        panels.append(scatter_panel(data, s, data.allocators, lambda a, s=s: data.ratio(s, a, ref),
                                    lambda a, s=s: data.ratio(s, a, ref, "peak_kb"), False))  # fmt: skip
    metrics = [("wall_ns", "elapsed, ns"), ("cpu_ns", "CPU, ns"), ("peak_kb", "peak RSS, kB"), ("mean_kb", "mean RSS, kB"),
               ("after_kb", "RSS after, kB"), ("minor_faults", "minor faults"), ("major_faults", "major faults"),
               ("hit_rate_tiny", "TinyPool hit rate"), ("hit_rate_big", "BigCache hit rate")]  # fmt: skip
    return Figure("memory", "Time against memory", text, [(mark(data, a)[1], label(a)) for a in data.allocators],
                  [panel for panel in panels if panel], f"No scenario was done by {label(ref)}. {MEASURE} measures all.",
                  table(data, data.scenarios, metrics))  # fmt: skip


def ratings(given):
    title = "ELO ratings while the engine learns"
    text = ("Every strategy begins at 1500. First a model of each (its shadow) says what it would have cost, then those ahead play matches, "
            "each of which moves two ratings. The three that end highest are drawn in colour, the others grey.")  # fmt: skip
    if not given or not given.runs:
        why = "holds no match that was rated" if given else "was not given"
        return Figure("ratings", title, text, [], [], f"A file of ratings {why}. tools/bench/bench_learning --only learned --ratings "
                      "FILE.csv records one (or save what hakmemctl log --json TARGET prints); then analyze_modes.py --ratings FILE.")  # fmt: skip
    if given.left_out:
        text += f" Of each workload one run is shown; {given.left_out} more are in the file."
    panels, rows = [], []
    for run, strategies in given.runs.items():
        ends = sorted(strategies, key=lambda name: -strategies[name][-1][1])
        told = ", ".join(f"{name} {strategies[name][-1][1]:.0f}" for name in ends)

        def draw(ax, strategies=strategies, frozen=given.frozen.get(run)):
            plots.ratings(ax, strategies, frozen)

        panels.append(Panel(run, 3.0, draw, f"ELO ratings at the end, {run}: {told}."))
        rows += [[run, name, f"{strategies[name][-1][1]:.0f}", str(len(strategies[name]))] for name in ends]
    return Figure("ratings", title, text, [("━", "first"), ("╍", "second"), ("┅", "third"), ("─", "others"), ("┊", "frozen here")],
                  panels, "", (["run", "strategy", "last rating", "decisions about it"], rows))  # fmt: skip


def regret(learned):
    title = "Regret: what learning settles on, against the best fixed strategy"
    text = ("The cost is CPU time, page faults and memory, weighed by elo_objective. 0 % is the best of all strategies set by hand (the "
            "oracle); up to the dashed line, 5 %, counts as found. The worst come first.")  # fmt: skip
    legend = [("●", "learning"), ("✖", "learning, more than 5 % above"), ("□", "the default")]
    missing = ("A CSV of bench_learning with runs under fixed strategies and learned ones was not given. "
               "tools/bench/bench_learning --output FILE.csv makes one; then analyze_modes.py --learning FILE.csv.")  # fmt: skip
    panels, rows = [], []
    for objective in learned.bench.WEIGHTS if learned else []:
        found = learned.regrets(objective)
        names = sorted(found, key=lambda workload: -found[workload][0])
        if not names:
            continue
        mine, default = [100 * found[n][0] for n in names], [100 * found[n][1] for n in names]
        near = sum(value <= 5 for value in mine)
        told = ", ".join(f"{n} {a:+.0f} % (default {b:+.0f} %)" for n, a, b in zip(names, mine, default))
        panels.append(Panel(f"{objective}: {near} of {len(names)} within 5 %", 0.95 + 0.27 * len(names),
                            lambda ax, names=names, mine=mine, default=default: plots.regret(ax, names, mine, default),
                            f"Regret for elo_objective = {objective}: {told}."))  # fmt: skip
        rows += [[objective, n, found[n][2], found[n][3], f"{a:+.1f}", f"{b:+.1f}"] for n, a, b in zip(names, mine, default)]
    head = ["objective", "workload", "oracle", "settled on", "learning, % above", "default, % above"]
    return Figure("regret", title, text, legend, panels, missing, (head, rows))


def figures(data, learned, given_ratings):
    return [latency(data), ladder(data), memory(data), calls(data), ratings(given_ratings), regret(learned)]
