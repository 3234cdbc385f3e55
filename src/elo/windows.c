/* SPDX-License-Identifier: MIT
 *
 * The engine's turns: clocks, counters, windows that are measured, sizes that are watched.
 *
 * While LEARN observes, the core calls hk_engine_on_window once a window (in large allocations), from any thread, no lock
 * held; while strategies play, after every quarter of one. The first quarter under a strategy is not measured: what the one
 * before it left behind is settled there. A window belongs to the process that began it. Other processes run under the
 * same strategy and ignore it; when the owner shows no sign of life for a second, whoever comes next begins
 * the match afresh. Both windows of a match are thus measured in one process, on one heap.
 * In OFF and FROZEN the core counts nothing and nothing here runs, but under learn-frozen the sizes of large allocations
 * are looked at once in 256: they tell of a workload that has changed (shift.h).
 */
#include "elo/engine.h"

#include "base/sys.h"
#include "core/knobs.h"
#include "core/purge.h"
#include "core/stats.h"
#include "elo/lifecycle.h"
#include "elo/observe.h"
#include "elo/rating.h"
#include "elo/shift.h"

#include <sys/resource.h>
#include <unistd.h>

/* Weight of resident bytes against time, both as logarithms, by elo_objective: cost = time^(1 − w) ×
   bytes^w. So halving the memory pays for 4 %, 19 % and 183 % more time. */
static const float memory_weight[] = {0.05F, 0.2F, 0.6F};

/* The window this process measures. Only touched with the state's lock held, or by who lost it by age. */
static struct {
	uint32_t pid, serial, tick, samples;
	uint64_t cpu_ns, faults, allocs, resident;
} flight;

/* ---- measuring ---- */

static float weight_of(const struct hk_elo_params *params)
{
	return memory_weight[params->objective < HK_COUNT(memory_weight) ? params->objective : 0];
}

/* Heap bytes that may be resident, from counters. slab_bytes is what slabs span. */
static uint64_t heap_bytes(void)
{
	uint64_t bytes =
	        HK_STAT_GET(large_live_bytes) + HK_STAT_GET(bigcache_bytes) + HK_STAT_GET(dirty_bytes);
	for (unsigned i = 0; i < HK_SHARDS_MAX; i++)
		bytes += HK_STAT_GET(shard[i].slab_bytes);
	return bytes;
}

static uint64_t faults(void)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage) != 0)
		return 0;
	return (uint64_t) usage.ru_minflt + (uint64_t) usage.ru_majflt;
}

static void measure_begin(void)
{
	flight.faults = faults();
	flight.allocs = HK_STAT_GET(large_allocs);
	flight.resident = 0;
	flight.samples = 0;
	flight.cpu_ns = hk_sys_cpu_ns();
}

/* Allocations are counted, not assumed: a quarter may have gone by while the lock was busy. */
static struct hk_elo_cost measure_end(const struct hk_elo_params *params)
{
	uint64_t time = hk_sys_cpu_ns() - flight.cpu_ns + HK_FAULT_NS * (faults() - flight.faults);
	uint64_t allocs = HK_STAT_GET(large_allocs) - flight.allocs;
	if (allocs == 0)
		allocs = (HK_TICKS - 1) * (uint64_t) hk_engine_tick(params->window);
	float weight = weight_of(params);
	float resident = hk_rating_log2(
	        (float) (flight.resident / (flight.samples | (flight.samples == 0)) + HK_PAGE));
	float each = hk_rating_log2((float) (time + 1) / (float) allocs);
	return (struct hk_elo_cost){
	        .cost = (1.0F - weight) * each +
	                weight * (resident - 20.0F), /* bytes in MiB, for readable figures */
	        .resident = resident,
	};
}

/* ---- windows ---- */

/* Only the player's allocations are spent on learning: the others' tell nothing. */
static void spend(struct hk_elo_state *state, const struct hk_elo_params *params)
{
	if (atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_LEARN)
		atomic_fetch_add_explicit(&state->allocations, hk_engine_tick(params->window),
		                          memory_order_relaxed);
}

/* What decides on the values in force (hk_engine_overlay), in one word. */
static uint64_t in_force(const struct hk_elo_state *state)
{
	return (uint64_t) atomic_load_explicit(&state->phase, memory_order_relaxed) << 32 |
	       atomic_load_explicit(&state->strategy, memory_order_relaxed);
}

/* before: what was in force until now; a report on the window before this one may have put another there already. */
static void window_begin(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t before, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	(void) hk_lifecycle_next(state, params, now_ns);
	if (hk_engine_playing(state)) {
		flight.pid = (uint32_t) getpid();
		flight.serial = ++scratch->serial;
		flight.tick = 0;
		scratch->owner = flight.pid;
		scratch->since_ms = (uint32_t) (now_ns / 1000000);
	}
	if (in_force(state) != before || !hk_engine_playing(state))
		hk_engine_bump();
}

/* One quarter of our own window has passed. */
static void window_tick(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	hk_elo_scratch(state)->since_ms = (uint32_t) (now_ns / 1000000);
	flight.tick++;
	if (flight.tick == 1) {
		measure_begin();
		return;
	}
	flight.resident += heap_bytes();
	flight.samples++;
	if (flight.tick < HK_TICKS)
		return;
	struct hk_elo_cost cost = measure_end(params);
	uint64_t before = in_force(state);
	if (atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_LEARN)
		cost.cost += hk_elo_scratch(state)->thp[hk_engine_strategy(state)];
	HK_STAT_ADD(windows, 1);
	hk_lifecycle_report(state, params, cost, now_ns);
	window_begin(state, params, before, now_ns);
}

/* ---- shifts of the workload ---- */

/* This process's own view, one thread at a time. */
static struct {
	_Atomic uint32_t busy; /* pid of the process whose thread is looking: it means nothing to a child */
	bool pending;          /* a shift that the state's lock kept us from telling */
	uint32_t pid, told;    /* told: shifts of the service (hk_elo_scratch.shifts) as we know of them */
	uint64_t before[HK_SIZE_BANDS];
	struct hk_shift shift;
} watch;

/* The counts since the last look. After fork a child goes on with its parent's profiles, but counts from its own zero. */
static void count_sizes(uint64_t *ret, uint32_t pid)
{
	for (size_t i = 0; i < HK_SIZE_BANDS; i++) {
		uint64_t now = HK_STAT_GET(large_sizes[i]);
		ret[i] = watch.pid == pid ? now - watch.before[i] : 0;
		watch.before[i] = now;
	}
	watch.pid = pid;
}

/* One change of the service's work, one series of canaries: whoever sees it after another process has told gets used to it. */
static void tell_shift(struct hk_elo_state *state)
{
	const struct hk_elo_params params = hk_engine_params();
	const struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint64_t word;
	if (!hk_engine_lock_try(state, &word))
		return;
	if (watch.told == scratch->shifts && hk_lifecycle_shift(state, &params, hk_sys_precise_ns()))
		hk_engine_bump();
	watch.told = scratch->shifts;
	watch.pending = false;
	hk_engine_lock_drop(state, word);
	hk_engine_set_window(state);
}

static void look_for_shift(struct hk_elo_state *state)
{
	uint64_t counts[HK_SIZE_BANDS];
	uint32_t pid = (uint32_t) getpid();
	if (atomic_exchange_explicit(&watch.busy, pid, memory_order_acquire) == pid)
		return;
	count_sizes(counts, pid);
	if (watch.shift.nknown == 0) /* it begins with what the service does now */
		watch.told = hk_elo_scratch(state)->shifts;
	if (hk_shift_look(&watch.shift, counts))
		watch.pending = true;
	if (watch.pending)
		tell_shift(state);
	atomic_store_explicit(&watch.busy, 0, memory_order_release);
}

/* ---- observing: LEARN's first half ---- */

static void observe(struct hk_elo_state *state, const struct hk_elo_params *params)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	float costs[HK_ELO_STRATEGIES], thp[HK_ELO_STRATEGIES];
	bool known;

	/* More than a window when another process held the lock, or died with it: that was not spent on learning. */
	if (!hk_lifecycle_observed(state, params, hk_min(hk_observe_collect(&scratch->seen), params->window)))
		return;
	known = hk_observe_costs(&scratch->seen, hk_elo_bound(state->leader), weight_of(params), costs, thp);
	hk_lifecycle_rank(state, params, known ? costs : NULL, thp, hk_shadow_noise(&scratch->seen), hk_sys_precise_ns());
	hk_engine_bump();
}

/* ---- turns ---- */

/* With the lock held. */
static void take_turn(struct hk_elo_state *state)
{
	struct hk_elo_params params = hk_engine_params();
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint64_t now_ns = hk_sys_precise_ns();
	uint32_t pid = (uint32_t) getpid();
	if (hk_lifecycle_observing(state)) {
		observe(state, &params);
	} else if (scratch->owner == pid && flight.pid == pid && flight.serial == scratch->serial) {
		spend(state, &params);
		window_tick(state, &params, now_ns);
	} else if (scratch->owner == 0 || scratch->owner == pid ||
	           (uint32_t) (now_ns / 1000000) - scratch->since_ms >= HK_STALE_MS) {
		if (scratch->half != 0)
			scratch->half = 0; /* the first window was measured elsewhere: play both again */
		spend(state, &params);
		window_begin(state, &params, in_force(state), now_ns);
	}
}

/* LEARN has settled on huge pages, and may. What lies free goes back, to come again as such: a busy service would re-use its
   small pages for ever. */
static void adopt_huge(const struct hk_elo_state *state)
{
	if (atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_FROZEN && HK_KNOB(thp) != HK_THP_ON &&
	    hk_strategies[hk_engine_strategy(state)].thp == HK_THP_ON && !hk_engine_params().thp_pinned)
		(void) hk_purge_all();
}

void hk_engine_on_window(void)
{
	struct hk_elo_state *state = hk_engine_state();
	uint64_t word;
	if (state != NULL && hk_engine_watching(state)) {
		hk_engine_set_window(state);
		look_for_shift(state);
		return;
	}
	if (state == NULL || !hk_engine_playing(state)) {
		atomic_store_explicit(&hk_hooks.window, 0, memory_order_relaxed);
		return;
	}
	if (!hk_engine_lock_try(state, &word))
		return;
	bool learning = atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_LEARN;
	take_turn(state);
	hk_engine_lock_drop(state, word);
	hk_engine_set_window(state);
	if (learning)
		adopt_huge(state);
}
