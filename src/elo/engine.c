/* SPDX-License-Identifier: MIT
 *
 * The engine's one impure file: clocks, counters, the try-lock, the core's window counter.
 *
 * The core calls on_window after every quarter of a window (in large allocations), from any
 * thread, no lock held. The first quarter under a strategy is not measured: what the one before it left
 * behind is settled there. A window belongs to the process that began it. Other processes run under the
 * same strategy and ignore it; when the owner shows no sign of life for a second, whoever comes next begins
 * the match afresh. Both windows of a match are thus measured in one process, on one heap.
 * In OFF and FROZEN the core counts nothing and nothing here runs, but under learn-frozen the sizes of large allocations
 * are looked at once in 256: they tell of a workload that has changed (shift.h).
 */
#include "elo/lifecycle.h"
#include "elo/rating.h"
#include "elo/shift.h"

#include "base/sys.h"
#include "core/knobs.h"
#include "core/stats.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICKS 4         /* calls of on_window a window */
#define STALE_MS 1000U  /* age at which a lock or a window is up for taking */
#define LOCK_SPINS 2000 /* a holder needs some microseconds */
/* CPU time has the fault itself; this is for what it does to caches and TLB after it. */
#define FAULT_NS 200U

/* Weight of resident bytes against time, both as logarithms, by elo_objective: cost = time^(1 − w) ×
   bytes^w. So halving the memory pays for 4 %, 19 % and 183 % more time. */
static const float memory_weight[] = {0.05F, 0.2F, 0.6F};

/* This process's settings; words, so that a reader sees each whole. */
static struct {
	struct hk_elo_state *_Atomic state;
	_Atomic uint32_t enabled, policy, objective, k, window, canary_percent, canary_guard;
	_Atomic uint64_t budget;
} local;

/* The window this process measures. Only touched with the state's lock held. */
static struct {
	uint32_t pid, serial, tick, samples;
	uint64_t cpu_ns, faults, allocs, resident;
} flight;

static uint32_t now_ms(void)
{
	return (uint32_t) (hk_sys_precise_ns() / 1000000);
}

/* ---- the try-lock: pid and time in one word; a killed holder loses it by age ---- */

static bool lock_try(struct hk_elo_state *state, uint64_t *ret_word)
{
	uint32_t now = now_ms();
	uint64_t seen = atomic_load_explicit(&state->lock, memory_order_relaxed);
	if (seen != 0 && now - (uint32_t) seen < STALE_MS)
		return false;
	*ret_word = (uint64_t) (uint32_t) getpid() << 32 | now;
	return atomic_compare_exchange_strong_explicit(&state->lock, &seen, *ret_word, memory_order_acquire,
	                                               memory_order_relaxed);
}

/* Drops the lock unless it was stolen meanwhile. */
static void lock_drop(struct hk_elo_state *state, uint64_t word)
{
	atomic_compare_exchange_strong_explicit(&state->lock, &word, 0, memory_order_release,
	                                        memory_order_relaxed);
}

/* For the rare changes by an operator: wait a little, then go ahead. A copy may have been taken from a locked
   state, and what a race can garble at worst is one match. Returns 0 when the lock was not got. */
static uint64_t lock_insist(struct hk_elo_state *state)
{
	uint64_t word;
	for (int i = 0; i < LOCK_SPINS; i++) {
		if (lock_try(state, &word))
			return word;
		hk_sys_pause();
	}
	return 0;
}

static void bump_pulse(void)
{
	_Atomic uint64_t *pulse = atomic_load_explicit(&hk_hooks.pulse, memory_order_acquire);
	if (pulse != NULL)
		atomic_fetch_add_explicit(&pulse[1], 1, memory_order_release);
}

/* ---- settings ---- */

static void read_params(const struct hk_config *config, struct hk_elo_params *ret)
{
	ret->policy = (uint8_t) hk_config_num(config, HK_KEY_EVO_POLICY);
	ret->enabled = hk_config_num(config, HK_KEY_ELO) != 0 && ret->policy != HK_EVO_OFF;
	ret->objective = (uint8_t) hk_config_num(config, HK_KEY_ELO_OBJECTIVE);
	ret->k = (uint32_t) hk_config_num(config, HK_KEY_ELO_K);
	ret->window = (uint32_t) hk_config_num(config, HK_KEY_ELO_WINDOW);
	ret->budget = hk_config_num(config, HK_KEY_ELO_BUDGET);
	ret->canary_percent = (uint32_t) hk_config_num(config, HK_KEY_CANARY_PERCENT);
	ret->canary_guard = (uint32_t) hk_config_num(config, HK_KEY_CANARY_GUARD);
}

#define PUT(field, v) atomic_store_explicit(&local.field, (v), memory_order_relaxed)
#define GET(field) atomic_load_explicit(&local.field, memory_order_relaxed)

static void keep_params(const struct hk_elo_params *params)
{
	PUT(enabled, params->enabled);
	PUT(policy, params->policy);
	PUT(objective, params->objective);
	PUT(k, params->k);
	PUT(window, params->window);
	PUT(budget, params->budget);
	PUT(canary_percent, params->canary_percent);
	PUT(canary_guard, params->canary_guard);
}

static struct hk_elo_params kept_params(void)
{
	return (struct hk_elo_params){
	        .enabled = GET(enabled) != 0,
	        .policy = (uint8_t) GET(policy),
	        .objective = (uint8_t) GET(objective),
	        .k = GET(k),
	        .window = GET(window),
	        .budget = GET(budget),
	        .canary_percent = GET(canary_percent),
	        .canary_guard = GET(canary_guard),
	};
}

static uint32_t tick_allocations(uint32_t window)
{
	return window >= TICKS ? window / TICKS : 1;
}

static bool playing(const struct hk_elo_state *state)
{
	uint32_t phase = atomic_load_explicit(&state->phase, memory_order_acquire);
	return phase == HK_PHASE_LEARN || phase == HK_PHASE_CANARY;
}

/* Frozen, but a change of the workload is to be noticed. */
static bool watching(const struct hk_elo_state *state)
{
	return atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_FROZEN &&
	       GET(policy) == HK_EVO_LEARN_FROZEN;
}

static void set_window(const struct hk_elo_state *state)
{
	uint32_t window = playing(state) ? tick_allocations(GET(window)) : watching(state) ? HK_SHIFT_WINDOW : 0;
	atomic_store_explicit(&hk_hooks.window, window, memory_order_relaxed);
}

/* ---- measuring ---- */

/* Heap bytes that may be resident, from counters. slab_bytes is what slabs span. */
static uint64_t resident_bytes(void)
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
	uint64_t time = hk_sys_cpu_ns() - flight.cpu_ns + FAULT_NS * (faults() - flight.faults);
	uint64_t allocs = HK_STAT_GET(large_allocs) - flight.allocs;
	if (allocs == 0)
		allocs = (TICKS - 1) * (uint64_t) tick_allocations(params->window);
	float weight = memory_weight[params->objective < HK_COUNT(memory_weight) ? params->objective : 0];
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
		atomic_fetch_add_explicit(&state->allocations, tick_allocations(params->window),
		                          memory_order_relaxed);
}

static void window_begin(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t before = atomic_load_explicit(&state->strategy, memory_order_relaxed);
	uint32_t strategy = hk_lifecycle_next(state, params, now_ns);
	if (playing(state)) {
		flight.pid = (uint32_t) getpid();
		flight.serial = ++scratch->serial;
		flight.tick = 0;
		scratch->owner = flight.pid;
		scratch->since_ms = (uint32_t) (now_ns / 1000000);
	}
	if (strategy != before || !playing(state))
		bump_pulse();
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
	flight.resident += resident_bytes();
	flight.samples++;
	if (flight.tick < TICKS)
		return;
	struct hk_elo_cost cost = measure_end(params);
	HK_STAT_ADD(windows, 1);
	hk_lifecycle_report(state, params, cost, now_ns);
	window_begin(state, params, now_ns);
}

/* ---- shifts of the workload ---- */

/* This process's own view, one thread at a time. */
static struct {
	_Atomic uint32_t busy; /* pid of the process whose thread is looking: it means nothing to a child */
	_Atomic bool pending;  /* a shift that the state's lock kept us from telling */
	uint32_t pid;
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

static void look_for_shift(struct hk_elo_state *state)
{
	uint64_t counts[HK_SIZE_BANDS], word;
	uint32_t pid = (uint32_t) getpid();
	if (atomic_exchange_explicit(&watch.busy, pid, memory_order_acquire) == pid)
		return;
	count_sizes(counts, pid);
	if (hk_shift_look(&watch.shift, counts))
		atomic_store_explicit(&watch.pending, true, memory_order_relaxed);
	atomic_store_explicit(&watch.busy, 0, memory_order_release);
	if (!atomic_load_explicit(&watch.pending, memory_order_relaxed) || !lock_try(state, &word))
		return;
	atomic_store_explicit(&watch.pending, false, memory_order_relaxed);
	struct hk_elo_params params = kept_params();
	if (hk_lifecycle_shift(state, &params, hk_sys_precise_ns()))
		bump_pulse();
	lock_drop(state, word);
	set_window(state);
}

static void on_window(void)
{
	struct hk_elo_state *state = atomic_load_explicit(&local.state, memory_order_acquire);
	uint64_t word;
	if (state != NULL && watching(state)) {
		set_window(state);
		look_for_shift(state);
		return;
	}
	if (state == NULL || !playing(state)) {
		atomic_store_explicit(&hk_hooks.window, 0, memory_order_relaxed);
		return;
	}
	if (!lock_try(state, &word))
		return;
	struct hk_elo_params params = kept_params();
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint64_t now_ns = hk_sys_precise_ns();
	uint32_t pid = (uint32_t) getpid();
	if (scratch->owner == pid && flight.pid == pid && flight.serial == scratch->serial) {
		spend(state, &params);
		window_tick(state, &params, now_ns);
	} else if (scratch->owner == 0 || scratch->owner == pid ||
	           (uint32_t) (now_ns / 1000000) - scratch->since_ms >= STALE_MS) {
		if (scratch->half != 0)
			scratch->half = 0; /* the first window was measured elsewhere: play both again */
		spend(state, &params);
		window_begin(state, &params, now_ns);
	}
	lock_drop(state, word);
	set_window(state);
}

/* ---- the interface ---- */

void hk_engine_start(struct hk_elo_state *state, const struct hk_config *config)
{
	uint64_t word = lock_insist(state);
	if (state->random == 0)
		hk_lifecycle_init(state, hk_sys_random());
	if (word != 0)
		lock_drop(state, word);
	atomic_store_explicit(&local.state, state, memory_order_release);
	atomic_store_explicit(&hk_hooks.on_window, on_window, memory_order_release);
	hk_engine_configure(state, config);
}

void hk_engine_configure(struct hk_elo_state *state, const struct hk_config *config)
{
	struct hk_elo_params params;
	read_params(config, &params);
	keep_params(&params);
	if (hk_lifecycle_differs(state, &params)) {
		uint64_t word = lock_insist(state);
		if (hk_lifecycle_follow(state, &params, hk_sys_precise_ns()))
			bump_pulse();
		if (word != 0)
			lock_drop(state, word);
	}
	set_window(state);
}

int hk_engine_command(struct hk_elo_state *state, const struct hk_config *config, enum hk_phase phase,
                      char *why, size_t why_size)
{
	struct hk_elo_params params;
	read_params(config, &params);
	uint64_t word = lock_insist(state);
	int error = hk_lifecycle_command(state, &params, phase, hk_sys_precise_ns(), why, why_size);
	if (word != 0)
		lock_drop(state, word);
	return error;
}

int hk_engine_request(struct hk_elo_state *state, const struct hk_config *config, enum hk_phase phase,
                      uint32_t seq, char *why, size_t why_size)
{
	_Atomic uint32_t *requests = &hk_elo_scratch(state)->requests;
	uint32_t seen = atomic_load_explicit(requests, memory_order_relaxed);
	if ((int32_t) (seq - seen) <= 0 ||
	    !atomic_compare_exchange_strong_explicit(requests, &seen, seq, memory_order_acq_rel,
	                                             memory_order_relaxed))
		return 0;
	int error = hk_engine_command(state, config, phase, why, why_size);
	set_window(state);
	bump_pulse();
	return error;
}

uint32_t hk_engine_strategy(const struct hk_elo_state *state)
{
	uint32_t strategy = state->leader;
	if (playing(state))
		strategy = atomic_load_explicit(&state->strategy, memory_order_relaxed);
	return hk_elo_bound(strategy);
}

static void lay(const struct hk_config *config, enum hk_key_id key, uint64_t num, struct hk_overlay *ret)
{
	if (config->origin[key] != HK_ORIGIN_PRESET)
		return;
	ret->mask |= (uint64_t) 1 << key;
	ret->values.num[key] = num;
}

void hk_engine_overlay(const struct hk_elo_state *state, const struct hk_config *config,
                       struct hk_overlay *ret)
{
	struct hk_elo_params params;
	uint32_t strategy = hk_engine_strategy(state);
	*ret = (struct hk_overlay){.mask = 0};
	read_params(config, &params);
	if (!params.enabled || strategy == 0 ||
	    atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_OFF)
		return;
	const struct hk_strategy *s = &hk_strategies[strategy];
	lay(config, HK_KEY_PURGE_DELAY, s->purge_delay_ns, ret);
	lay(config, HK_KEY_BIGCACHE_LIMIT, s->bigcache_limit, ret);
	lay(config, HK_KEY_BIGCACHE_MAX_BLOCK, s->bigcache_max_block, ret);
	lay(config, HK_KEY_BATCH_MAX, s->batch_max, ret);
	lay(config, HK_KEY_THP, s->thp, ret);
}
