# SPDX-License-Identifier: MIT
"""What the plan of the five modes promised, against what was measured. Times of the plan are of another machine; its ratios
and differences are what can be compared."""

from modes_data import (
    BALANCED, BATCH, BIGCACHE, FAST, LADDER, LEARNING, MIMALLOC, MINIMAL, SYSTEM, geometric_mean, is_hakmem, label,
)  # fmt: skip

MET, MISSED, UNKNOWN = "met", "missed", "no data"
# The plan's estimates of the median, in ns, by step of the ladder.
ESTIMATES = {"vm": [45000, 40000, 39000, 39500, 39500, 39600], "tiny-hot": [50, 50, 50, 50, 12, 52]}
NOISE = 1.05  # where the plan says "no regression"


class Target:
    """About whom, what was promised, what was measured, and whether that is enough: good is None without a measurement."""

    def __init__(self, who, promise, measured, good):
        self.who, self.promise = who, promise
        self.measured = measured if good is not None else measured or "not measured"
        self.state = UNKNOWN if good is None else MET if good else MISSED


def at_most(who, promise, value, limit, text):
    return Target(who, promise, text.format(value) if value is not None else "", None if value is None else value <= limit)


def difference(data, scenario, allocator, to):
    one, other = data.value(scenario, allocator, "p50_ns"), data.value(scenario, to, "p50_ns")
    return None if one is None or other is None else one - other


def against_mimalloc(data):
    for allocator, limit in ((FAST, 1.2), (BALANCED, 1.4), (LEARNING, 1.6)):
        mean, of = data.mean(allocator, MIMALLOC), len(data.ratios(allocator, MIMALLOC))
        promise = f"elapsed time at most mimalloc's + {limit * 100 - 100:.0f} %"
        yield at_most(allocator, promise, mean, limit, f"×{{:.2f}} of mimalloc, geometric mean of {of}")


def minimal(data):
    mean = data.mean(MINIMAL, SYSTEM)
    yield at_most(MINIMAL, "about what the system's malloc costs (to 10 % more)", mean, 1.10, "×{:.2f} of it, geometric mean")


def bigcache(data):
    rate = data.value("vm", BIGCACHE, "hit_rate_big")
    text = f"{rate:.2%}" if rate is not None else ""
    yield Target(BIGCACHE, "BigCache serves 99 % or more of vm's blocks", text, None if rate is None else rate >= 0.99)
    less = difference(data, "vm", BIGCACHE, MINIMAL)
    yield at_most(BIGCACHE, "vm, median: 5,000 ns less than minimal", less, -5000, "{:+,.0f} ns")
    calls = [data.value("vm", a, "mmap_calls") for a in (MINIMAL, BIGCACHE)]
    known = None not in calls
    yield Target(BIGCACHE, "vm: fewer calls of mmap than minimal", "{:,.0f}, minimal {:,.0f}".format(*calls[::-1]) if known else
                 "", calls[1] < calls[0] if known else None)  # fmt: skip


def batch(data):
    less = difference(data, "vm", BATCH, BIGCACHE)
    yield at_most(BATCH, "vm, median: 500 to 1,000 ns less than without", less, -500, "{:+,.0f} ns")
    flushes = data.value("vm", BATCH, "purge_batches")
    text = f"{flushes:.0f}" if flushes is not None else ""
    yield Target(BATCH, "vm: 1 to 10 batches purged in a run", text, None if flushes is None else 1 <= flushes <= 10)


def steps(data):
    """Judged by the mean; the worst scenario is told, too."""
    for step, before in zip(LADDER[1:], LADDER):
        ratios = data.ratios(step, before)
        promise = f"less than 10 % slower than {label(before)}"
        if not ratios:
            yield Target(step, promise, "", None)
            continue
        worst = max(ratios, key=ratios.get)
        mean = geometric_mean(list(ratios.values()))
        yield Target(step, promise, f"×{mean:.2f}, geometric mean of {len(ratios)}; worst: {worst} ×{ratios[worst]:.2f}", mean < 1.1)


def elo(data):
    without = BALANCED + "+elo=off" if BALANCED + "+elo=off" in data.allocators else FAST
    more = difference(data, "vm", BALANCED, without)
    promise = f"the frozen engine costs at most 200 ns an allocation (vm, against {label(without)})"
    yield at_most(BALANCED, promise, more, 200, "{:+,.0f} ns")


def fast(data):
    yield at_most(FAST, "tiny-hot: at most mimalloc's + 20 %", data.ratio("tiny-hot", FAST, MIMALLOC), 1.2, "×{:.2f} of mimalloc")
    yield at_most(FAST, "tiny-hot, median: 9 to 15 ns", data.value("tiny-hot", FAST, "p50_ns"), 15, "{:.1f} ns")
    rate = data.value("tiny-hot", FAST, "hit_rate_tiny")
    text = f"{rate:.2%}" if rate is not None else ""
    yield Target(FAST, "tiny-hot: TinyPool serves 90 % or more", text, None if rate is None else rate >= 0.9)
    yield at_most(FAST, f"vm: not slower than balanced (by more than noise, {NOISE:.2f})", data.ratio("vm", FAST, BALANCED),
                  NOISE, "×{:.2f} of balanced")  # fmt: skip


def learning(data, learned):
    after, phases = data.value("vm", LEARNING, "learned_after"), {row.get("phase") for row in data.of("vm", LEARNING)}
    if after is None and "LEARN" in phases:
        yield Target(LEARNING, "converges within 2,048 large allocations", "still learning at the end of vm", False)
    else:
        yield at_most(LEARNING, "converges within 2,048 large allocations", after, 2048, "after {:,.0f} (vm)")
    mean = data.mean(LEARNING, BALANCED)
    yield at_most(LEARNING, "learning included, less than 5 % slower than balanced", mean, 1.05, "×{:.2f}, geometric mean")
    more = difference(data, "vm", LEARNING, BALANCED)
    yield at_most(LEARNING, "vm, median: at most 100 ns more than balanced", more, 100, "{:+,.0f} ns")
    frozen, of = learned.frozen_against_hand() if learned else (None, 0)
    yield at_most(LEARNING, f"frozen, as fast as its strategy set by hand (noise {NOISE:.2f})", frozen, NOISE,
                  f"×{{:.2f}}, geometric mean of {of}")  # fmt: skip


def targets(data, learned):
    groups = [against_mimalloc(data), minimal(data), bigcache(data), batch(data), elo(data), fast(data),
              learning(data, learned), steps(data)]  # fmt: skip
    return [target for group in groups for target in group]


def behind_peers(data, limit=1.05):
    """(ratio, scenario, allocator, peer) of the ladder's modes where the best peer is faster by more, the worst first."""
    found = []
    for scenario in data.scenarios:
        times = {peer: data.value(scenario, peer, "wall_ns") for peer in data.peers}
        times = {peer: time for peer, time in times.items() if time}
        if not times:
            continue
        best = min(times, key=times.get)
        for allocator in (a for a in data.allocators if is_hakmem(a) and a in (BALANCED, FAST, LEARNING)):
            ratio = data.ratio(scenario, allocator, best)
            if ratio and ratio > limit:
                found.append((ratio, scenario, allocator, best))
    return sorted(found, reverse=True)
