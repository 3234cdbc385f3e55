/* SPDX-License-Identifier: MIT
 *
 * A process with an engine, for the tests of it: a stand-in for the core, which calls the engine as the core would, and
 * for the pulse.
 */
#ifndef HK_TESTS_ELO_PROCESS_H
#define HK_TESTS_ELO_PROCESS_H

#include "base/sys.h"
#include "core/knobs.h"
#include "core/stats.h"
#include "elo/match.h"
#include "elo/shift.h"

#include <check.h>
#include <string.h>

static struct hk_elo_state *state;
static struct hk_config config;
static _Atomic uint64_t pulse[2];

static inline void put(enum hk_key_id key, uint64_t num)
{
	config.values.num[key] = num;
}

static inline void configure(unsigned policy)
{
	hk_config_defaults(HK_MODE_BALANCED, &config);
	put(HK_KEY_EVO_POLICY, policy);
}

static inline void setup(void)
{
	state = hk_sys_map_shared(hk_align_up(sizeof *state, HK_PAGE));
	ck_assert_ptr_nonnull(state);
	pulse[0] = pulse[1] = 0;
	atomic_store(&hk_hooks.pulse, pulse);
}

static inline void teardown(void)
{
	hk_sys_unmap(state, hk_align_up(sizeof *state, HK_PAGE));
}

static inline uint32_t window(void)
{
	return atomic_load(&hk_hooks.window);
}

static inline uint32_t phase(void)
{
	return atomic_load(&state->phase);
}

static unsigned band = 3; /* of the sizes that the program allocates */

/* A block that comes and goes: one of 40 MB is handled differently by strategies. */
static inline void tell(void)
{
	void (*handler)(size_t, size_t) = atomic_load(&hk_hooks.on_large);
	if (handler == NULL)
		return;
	handler(0, 40 * HK_MIB);
	handler(40 * HK_MIB, 0);
}

/* What this process runs with: it lays over its configuration what it finds at each pulse (control/pulse.c). */
static struct hk_overlay laid;

static inline void follow_pulse(void)
{
	static uint64_t seen;
	if (pulse[1] == seen)
		return;
	seen = pulse[1];
	hk_engine_overlay(state, &config, &laid);
}

/* What n large allocations of a program do, some work apiece; returns how often the engine had its turn. */
static inline unsigned work(unsigned n)
{
	static volatile unsigned sink;
	unsigned turns = 0, since = 0;
	for (unsigned i = 0; i < n; i++) {
		HK_STAT_ADD(large_allocs, 1);
		HK_STAT_ADD(large_sizes[band], 1);
		tell();
		for (unsigned j = 0; j < 200 + 50 * hk_engine_strategy(state); j++)
			sink++;
		if (window() == 0 || ++since < window())
			continue;
		since = 0;
		turns++;
		atomic_load (&hk_hooks.on_window)();
		follow_pulse();
	}
	return turns;
}

/* Window by window. */
static inline void work_until(uint32_t wanted, unsigned most)
{
	unsigned n = 0;
	while (n < most && phase() != wanted) {
		unsigned step = window() > 8 ? window() : 8;
		work(step);
		n += step;
	}
	ck_assert_uint_eq(phase(), wanted);
}

static inline unsigned logged(uint32_t event)
{
	unsigned n = 0;
	for (uint32_t i = state->log_next > HK_ELO_LOG ? state->log_next - HK_ELO_LOG : 0; i < state->log_next; i++)
		n += state->log[i % HK_ELO_LOG].event == event;
	return n;
}

#endif
