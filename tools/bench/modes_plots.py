# SPDX-License-Identifier: MIT
"""The figures. Each is made of panels, one a scenario or workload: in the page every panel is an SVG of its own, so that it
stays readable on a narrow screen, in a PNG they are on one sheet. Colours have names: the page puts variables in their
place, so that one drawing serves light and dark. Nothing is told by colour alone."""

import io
import re
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter  # noqa: E402

COLORS = {
    "ink": "#1b1f24", "muted": "#59636e", "grid": "#d5dbe1", "blue": "#0072b2", "orange": "#b87400", "green": "#00835f",
    "red": "#c84d01", "purple": "#a8487f", "paper": "#fefefe",
}  # fmt: skip
INK, MUTED, GRID, BLUE, ORANGE, GREEN, RED, PURPLE, PAPER = COLORS.values()
START = 1500  # the rating that every strategy begins with
WIDTH = 4.4  # inches of a panel
STYLE = {
    "font.family": "sans-serif", "font.size": 9, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": MUTED, "ytick.color": INK, "axes.edgecolor": GRID,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.6,
    "axes.axisbelow": True, "axes.facecolor": "none", "figure.facecolor": "none", "legend.frameon": False,
    "svg.fonttype": "none", "text.parse_math": False, "axes.titlecolor": INK, "hatch.linewidth": 0.6,
}  # fmt: skip


class Panel:
    """draw(ax) draws it; alt tells in words what it shows, for those who do not see it."""

    def __init__(self, title, height, draw, alt):
        self.title, self.height, self.draw, self.alt = title, height, draw, alt


class Figure:
    """missing: what to do to get it, when there are no panels. table: (head, rows), the figures in numbers."""

    def __init__(self, name, title, text, legend, panels, missing, table=None):
        self.name, self.title, self.text, self.legend = name, title, text, legend
        self.panels, self.missing, self.table = panels, missing, table


def drawn(panel, ax):
    ax.set_title(panel.title)
    panel.draw(ax)
    ax.tick_params(length=0, which="both")


def svg(panel, name, number):
    """For the page: text as text, colours as variables, no names that another SVG may have."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": f"{name}{number}"}):
        fig, ax = plt.subplots(figsize=(WIDTH, panel.height), layout="constrained")
        drawn(panel, ax)
        out = io.StringIO()
        fig.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        plt.close(fig)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r' (id)="(?!p|m|h|C)[^"]*"', "", text)
    text = re.sub(r'id="([^"]+)"', rf'id="{name}{number}-\1"', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}{number}-", text)
    text = re.sub(r"font: ([^;\"]*?[0-9.]+px)[^;\"]*", r"font: \1 var(--font)", text)
    for color, value in COLORS.items():
        text = text.replace(value, f"var(--{color})")
    return re.sub(r' version="1.1"', f' role="img" aria-labelledby="{name}{number}-t"', text, count=1)


def png(figure, path):
    """All panels of a figure on a sheet."""
    columns = min(3, len(figure.panels))
    lines = [figure.panels[i : i + columns] for i in range(0, len(figure.panels), columns)]
    heights = [max(panel.height for panel in line) for line in lines]
    # No sign alone at the end of a line.
    legend = textwrap.wrap("   ".join(f"{sign}\xa0" + name.replace(" ", "\xa0") for sign, name in figure.legend), 52 * columns)
    with matplotlib.rc_context({**STYLE, "figure.facecolor": PAPER, "figure.dpi": 110}):
        fig, axes = plt.subplots(len(lines), columns, figsize=(WIDTH * columns, sum(heights) + 0.4 + 0.2 * len(legend)), squeeze=False,
                                 gridspec_kw={"height_ratios": heights}, layout="constrained")  # fmt: skip
        for ax in axes.flat[len(figure.panels) :]:
            ax.axis("off")
        for panel, ax in zip(figure.panels, axes.flat):
            drawn(panel, ax)
        title = textwrap.wrap(figure.title, 52 * columns) + legend
        fig.suptitle("\n".join(title), x=0.01, ha="left", fontsize=10, fontfamily="DejaVu Sans")
        fig.savefig(path)
        plt.close(fig)


def nanoseconds(value, _=None):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} ns"


def short(value, _=None):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def log_axis(ax, values, text):
    """Whole decades when there are two or more, with those between labelled when there are fewer."""
    low, high = min(values), max(values)
    ax.set_xscale("log")
    low, high = low / 1.4, high * 1.4
    if high / low < 8:
        low, high = low / 2, high * 2
    ax.set_xlim(low, high)
    few = high / low < 300
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 3) if few else (1,), numticks=7))
    ax.xaxis.set_major_formatter(FuncFormatter(text))
    ax.xaxis.set_minor_formatter(NullFormatter())


def ratio_axis(axis, set_scale, values):
    """Of ratios: by doublings where they differ much."""
    low, high = min([*values, 1]), max([*values, 1])
    if high / low > 4:
        set_scale("log")
        axis.set_major_locator(LogLocator(base=10 if high / low > 50 else 2, numticks=6))
        axis.set_minor_formatter(NullFormatter())
        low, high = low / 1.3, high * 1.3
    else:
        axis.set_major_locator(MaxNLocator(5))
        room = max(high - low, 0.05) * 0.12
        low, high = low - room, high + room
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
    (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(low, high)


def rows_axis(ax, names):
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(False, axis="y")


def say_missing(ax, row, text):
    ax.text(0.01, row, text, transform=ax.get_yaxis_transform(), color=RED, va="center", fontsize=8)


def dots(ax, names, series, missing, log, unit):
    """A row a name; series: (marker, filled, values by row or None). missing: row → why there is nothing."""
    known = [v for _, _, values in series for v in values if v is not None]
    rows_axis(ax, names)
    for row in range(len(names)):
        line = [values[row] for _, _, values in series if values[row] is not None]
        if len(line) > 1:
            ax.plot([min(line), max(line)], [row, row], color=MUTED, linewidth=1.2, zorder=2)
    for marker, filled, values in series:
        at = [(v, row) for row, v in enumerate(values) if v is not None]
        if at:
            ax.scatter(*zip(*at), marker=marker, s=34, zorder=3, linewidths=1.3, color=BLUE if filled else None,
                       facecolors=None if filled else "none", edgecolors=BLUE)  # fmt: skip
    for row, why in missing.items():
        say_missing(ax, row, why)
    if log and known:
        log_axis(ax, [max(v, 0.1) for v in known], nanoseconds)
    elif known:
        ax.set_xscale("symlog", linthresh=1)
        ax.set_xlim(-0.5, max(known) * 3 + 2)
        ax.xaxis.set_major_locator(matplotlib.ticker.SymmetricalLogLocator(base=10, linthresh=1))
        ax.set_xticks([0] + [10**n for n in range(0, 10, 1 if max(known) < 2000 else 2) if 10**n <= max(known) * 3 + 2])
        ax.xaxis.set_major_formatter(FuncFormatter(short))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(unit)


def bars(ax, names, ratios, flags, lines, unit):
    """Bars of ratios, each with its figure; flags: row → a word for a bar that is worse than it should be; lines: (value, dash)."""
    rows_axis(ax, names)
    known = [r for r in ratios if r is not None] + [value for value, _ in lines]
    top = max([*known, 1]) * 1.06
    for row, ratio in enumerate(ratios):
        if ratio is None:
            say_missing(ax, row, flags.get(row, "no data"))
            continue
        bad = row in flags
        ax.barh(row, ratio, height=0.62, color="none" if bad else BLUE, edgecolor=RED if bad else BLUE, hatch="////" if bad else None)
        ax.text(1.02, row, f"×{ratio:.3g}" + (f"  {flags[row]}" if bad else ""), transform=ax.get_yaxis_transform(), va="center",
                fontsize=8, color=RED if bad else INK)  # fmt: skip
    for value, dash in lines:
        ax.axvline(value, color=INK, linestyle=dash, linewidth=1.1, zorder=4)
    ax.set_xlim(0, top)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel(unit)


def spread(wanted, least):
    """Heights for labels, from 0 to 1: as near to the wanted ones as this distance between them allows. Of two that want the
    same the first comes above."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], -i))
    placed, floor, ceiling = list(wanted), -1.0, 1.0
    for i in order:
        placed[i] = max(placed[i], floor)
        floor = placed[i] + least
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - least
    return placed


def scatter(ax, points, labelled):
    """points: (marker, color, x, y, name). labelled: with their names beside the frame, where there is room."""
    for marker, color, x, y, _ in points:
        ax.scatter([x], [y], marker=marker, s=46, color=color, linewidths=1.4, zorder=3)
    ax.axvline(1, color=MUTED, linewidth=0.8, zorder=1)
    ax.axhline(1, color=MUTED, linewidth=0.8, zorder=1)
    ratio_axis(ax.xaxis, ax.set_xscale, [p[2] for p in points])
    ratio_axis(ax.yaxis, ax.set_yscale, [p[3] for p in points])
    ax.set_xlabel("elapsed time ÷ reference")
    ax.set_ylabel("peak RSS ÷ reference")
    if labelled:
        flat = [ax.transAxes.inverted().transform(ax.transData.transform((p[2], p[3]))) for p in points]
        heights = spread([y for _, y in flat], 0.065)
        for (_, color, x, y, name), height in zip(points, heights):
            ax.annotate(name, (x, y), xytext=(1.03, height), textcoords="axes fraction", fontsize=8, va="center",
                        arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.6, "shrinkB": 4})  # fmt: skip


def ratings(ax, strategies, frozen):
    """The three that end highest have colour and dashes, all of them a name."""
    ends = sorted(strategies, key=lambda name: -strategies[name][-1][1])
    styles = [(BLUE, "-", 2.0), (RED, (0, (5, 1.5)), 1.6), (GREEN, (0, (1.5, 1.2)), 1.6)]
    last = max(points[-1][0] for points in strategies.values())
    for name in reversed(ends):
        color, dash, width = styles[ends.index(name)] if ends.index(name) < 3 else (MUTED, "-", 0.7)
        points = [(0, START), *strategies[name], (last, strategies[name][-1][1])]
        ax.step(*zip(*points), where="post", color=color, linestyle=dash, linewidth=width)
    low, high = ax.get_ylim()
    heights = spread([(strategies[name][-1][1] - low) / (high - low) for name in ends], 0.075)
    for name, height in zip(ends, heights):
        rank = ends.index(name)
        ax.text(1.02, height, name, transform=ax.transAxes, fontsize=8, va="center", color=styles[rank][0] if rank < 3 else MUTED,
                fontweight="bold" if rank == 0 else None)  # fmt: skip
    if frozen is not None:
        ax.axvline(frozen, color=INK, linewidth=1, linestyle=(0, (2, 2)))
        ax.annotate("frozen", (frozen, 1), xycoords=("data", "axes fraction"), xytext=(-3, -3), textcoords="offset points",
                    ha="right", va="top", fontsize=8)  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel("decisions of the engine")
    ax.set_ylabel("ELO rating")


def regret(ax, names, learned, default):
    """In per cent above the oracle."""
    rows_axis(ax, names)
    for row, (a, b) in enumerate(zip(learned, default)):
        ax.plot([a, b], [row, row], color=MUTED, linewidth=1.2, zorder=2)
    ax.scatter(default, range(len(names)), marker="s", s=34, facecolors="none", edgecolors=INK, linewidths=1.3, zorder=3)
    for row, value in enumerate(learned):
        ax.scatter([value], [row], marker="X" if value > 5 else "o", s=40, color=RED if value > 5 else BLUE, zorder=4)
    ax.axvline(0, color=INK, linewidth=0.9)
    ax.axvline(5, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
    high = max([*learned, *default, 10])
    if high > 60:
        ax.set_xscale("symlog", linthresh=10)
        ax.set_xticks([t for t in (0, 5, 10, 30, 100, 300, 1000, 3000) if t <= high * 1.3])
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlim(min([*learned, *default, 0]) - high * 0.03, high * 1.3)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    ax.set_xlabel("cost above that of the best fixed strategy")
