/* SPDX-License-Identifier: MIT
 *
 * The engine in a process: settings, the try-lock on the shared state, the overlay of the strategy in force. What happens
 * at each turn of a window is in windows.c, what operators ask for in request.c.
 */
#include "elo/engine.h"

#include "elo/lifecycle.h"
#include "elo/observe.h"
#include "elo/shift.h"

#include "base/sys.h"
#include "core/knobs.h"

#include <unistd.h>

#define LOCK_SPINS 2000 /* a holder needs some microseconds */

/* This process's settings; words, so that a reader sees each whole. */
static struct {
	struct hk_elo_state *_Atomic state;
	_Atomic uint32_t enabled, policy, objective, k, window, canary_percent, canary_guard, thp_pinned;
	_Atomic uint64_t budget;
} local;

static uint32_t now_ms(void)
{
	return (uint32_t) (hk_sys_precise_ns() / 1000000);
}

/* ---- the try-lock: pid and time in one word; a killed holder loses it by age ---- */

bool hk_engine_lock_try(struct hk_elo_state *state, uint64_t *ret_word)
{
	uint32_t now = now_ms();
	uint64_t seen = atomic_load_explicit(&state->lock, memory_order_relaxed);
	if (seen != 0 && now - (uint32_t) seen < HK_STALE_MS)
		return false;
	*ret_word = (uint64_t) (uint32_t) getpid() << 32 | now;
	return atomic_compare_exchange_strong_explicit(&state->lock, &seen, *ret_word, memory_order_acquire,
	                                               memory_order_relaxed);
}

/* Drops the lock unless it was stolen meanwhile. */
void hk_engine_lock_drop(struct hk_elo_state *state, uint64_t word)
{
	atomic_compare_exchange_strong_explicit(&state->lock, &word, 0, memory_order_release,
	                                        memory_order_relaxed);
}

uint64_t hk_engine_lock_insist(struct hk_elo_state *state)
{
	uint64_t word;
	for (int i = 0; i < LOCK_SPINS; i++) {
		if (hk_engine_lock_try(state, &word))
			return word;
		hk_sys_pause();
	}
	return 0;
}

void hk_engine_bump(void)
{
	_Atomic uint64_t *pulse = atomic_load_explicit(&hk_hooks.pulse, memory_order_acquire);
	if (pulse != NULL)
		atomic_fetch_add_explicit(&pulse[1], 1, memory_order_release);
}

/* ---- settings ---- */

void hk_engine_read_params(const struct hk_config *config, struct hk_elo_params *ret)
{
	ret->policy = (uint8_t) hk_config_num(config, HK_KEY_EVO_POLICY);
	ret->enabled = hk_config_num(config, HK_KEY_ELO) != 0 && ret->policy != HK_EVO_OFF;
	ret->objective = (uint8_t) hk_config_num(config, HK_KEY_ELO_OBJECTIVE);
	ret->k = (uint32_t) hk_config_num(config, HK_KEY_ELO_K);
	ret->window = (uint32_t) hk_config_num(config, HK_KEY_ELO_WINDOW);
	ret->budget = hk_config_num(config, HK_KEY_ELO_BUDGET);
	ret->canary_percent = (uint32_t) hk_config_num(config, HK_KEY_CANARY_PERCENT);
	ret->canary_guard = (uint32_t) hk_config_num(config, HK_KEY_CANARY_GUARD);
	ret->thp_pinned = config->origin[HK_KEY_THP] != HK_ORIGIN_PRESET;
	ret->observe = true;
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
	PUT(thp_pinned, params->thp_pinned);
}

struct hk_elo_params hk_engine_params(void)
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
	        .thp_pinned = GET(thp_pinned) != 0,
	        .observe = true,
	};
}

uint32_t hk_engine_tick(uint32_t window)
{
	return window >= HK_TICKS ? window / HK_TICKS : 1;
}

bool hk_engine_playing(const struct hk_elo_state *state)
{
	uint32_t phase = atomic_load_explicit(&state->phase, memory_order_acquire);
	return phase == HK_PHASE_LEARN || phase == HK_PHASE_CANARY;
}

/* Frozen, but a change of the workload is to be noticed. */
bool hk_engine_watching(const struct hk_elo_state *state)
{
	return atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_FROZEN &&
	       GET(policy) == HK_EVO_LEARN_FROZEN;
}

void hk_engine_set_window(const struct hk_elo_state *state)
{
	uint32_t window = hk_engine_watching(state) ? HK_SHIFT_WINDOW : 0;

	if (hk_lifecycle_observing(state)) {
		window = GET(window);
	} else {
		if (atomic_load_explicit(&hk_hooks.on_large, memory_order_relaxed) != NULL)
			hk_observe_end(); /* not at each start: it is far away in the text */
		if (hk_engine_playing(state))
			window = hk_engine_tick(GET(window));
	}
	atomic_store_explicit(&hk_hooks.window, window, memory_order_relaxed);
}

struct hk_elo_state *hk_engine_state(void)
{
	return atomic_load_explicit(&local.state, memory_order_acquire);
}

/* ---- the interface ---- */

void hk_engine_start(struct hk_elo_state *state, const struct hk_config *config)
{
	uint64_t word = hk_engine_lock_insist(state);
	if (state->random == 0)
		hk_lifecycle_init(state, hk_sys_random());
	if (word != 0)
		hk_engine_lock_drop(state, word);
	atomic_store_explicit(&local.state, state, memory_order_release);
	atomic_store_explicit(&hk_hooks.on_window, hk_engine_on_window, memory_order_release);
	hk_engine_configure(state, config);
}

void hk_engine_configure(struct hk_elo_state *state, const struct hk_config *config)
{
	struct hk_elo_params params;
	hk_engine_read_params(config, &params);
	keep_params(&params);
	if (hk_lifecycle_differs(state, &params)) {
		uint64_t word = hk_engine_lock_insist(state);
		if (hk_lifecycle_follow(state, &params, hk_sys_precise_ns()))
			hk_engine_bump();
		if (word != 0)
			hk_engine_lock_drop(state, word);
	}
	if (hk_lifecycle_observing(state))
		hk_observe_begin(config);
	hk_engine_set_window(state);
}

uint32_t hk_engine_strategy(const struct hk_elo_state *state)
{
	uint32_t strategy = state->leader;
	if (hk_engine_playing(state))
		strategy = atomic_load_explicit(&state->strategy, memory_order_relaxed);
	return hk_elo_bound(strategy);
}

static void add(const struct hk_config *config, enum hk_key_id key, uint64_t num, struct hk_overlay *ret)
{
	if (config->origin[key] != HK_ORIGIN_PRESET)
		return;
	ret->mask |= (uint64_t) 1 << key;
	ret->values.num[key] = num;
}

void hk_engine_overlay_of(const struct hk_elo_state *state, const struct hk_config *config, uint32_t strategy, uint32_t thp_of,
                          struct hk_overlay *ret)
{
	const struct hk_strategy *s = &hk_strategies[strategy];
	struct hk_elo_params params;
	*ret = (struct hk_overlay){.mask = 0};
	hk_engine_read_params(config, &params);
	if (!params.enabled ||
	    atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_OFF)
		return;
	if (strategy != 0) {
		add(config, HK_KEY_PURGE_DELAY, s->purge_delay_ns, ret);
		add(config, HK_KEY_BIGCACHE_LIMIT, s->bigcache_limit, ret);
		add(config, HK_KEY_BIGCACHE_MAX_BLOCK, s->bigcache_max_block, ret);
		add(config, HK_KEY_BATCH_MAX, s->batch_max, ret);
	}
	if (thp_of != 0)
		add(config, HK_KEY_THP, hk_strategies[thp_of].thp, ret);
}

void hk_engine_overlay(const struct hk_elo_state *state, const struct hk_config *config,
                       struct hk_overlay *ret)
{
	uint32_t strategy = hk_engine_strategy(state), thp_of = strategy;
	/* LEARN's windows are too short to show what huge pages do, and memory should not change its pages with each. */
	if (atomic_load_explicit(&state->phase, memory_order_relaxed) == HK_PHASE_LEARN)
		thp_of = hk_elo_bound(((const struct hk_elo_scratch *) state->scratch)->present);
	hk_engine_overlay_of(state, config, strategy, thp_of, ret);
}

void hk_engine_lay(struct hk_config *config, const struct hk_overlay *learned)
{
	for (uint64_t mask = learned->mask; mask != 0; mask &= mask - 1) {
		unsigned k = (unsigned) __builtin_ctzll(mask);

		hk_values_lay(&config->values, (enum hk_key_id) k, &learned->values);
		config->origin[k] = HK_ORIGIN_LEARNED;
		config->line[k] = 0;
	}
}
