/* SPDX-License-Identifier: MIT
 *
 * A simulated service for the tests of the engine's arithmetic: strategies with true costs, windows with
 * noise.
 */
#ifndef HK_TESTS_ELO_SIM_H
#define HK_TESTS_ELO_SIM_H

#include "elo/lifecycle.h"

#include <check.h>
#include <math.h>
#include <string.h>

#define N HK_ELO_STRATEGIES

static struct hk_elo_state state;

static const struct hk_elo_params usual = {
        .enabled = true,
        .policy = HK_EVO_LEARN_FROZEN,
        .objective = HK_OBJECTIVE_BALANCED,
        .k = 32,
        .window = 32,
        .budget = 2048,
        .canary_percent = 5,
        .canary_guard = 10,
};

static inline uint32_t phase(void)
{
	return atomic_load(&state.phase);
}

/* ---- the simulated service: true costs, noise and drift, with a generator of its own ---- */

static uint64_t sim_seed;

static inline double uniform(void)
{
	sim_seed = sim_seed * 6364136223846793005U + 1442695040888963407U;
	return (double) (sim_seed >> 11) / 9007199254740992.0;
}

static inline double normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

struct sim {
	double cost[N], resident[N];
	double noise, drift; /* of a window; of the level between two */
	double jump,
	        wild; /* share of windows where the level jumps by 30 %, that cost thrice what they should */
	double level;
};

static inline struct hk_elo_cost sim_window(struct sim *sim, uint32_t strategy)
{
	sim->level += sim->drift * normal();
	if (sim->jump > 0 && uniform() < sim->jump)
		sim->level += uniform() < 0.5 ? log(1.3) : -log(1.3);
	double noise = fmax(1 + sim->noise * normal(), 0.1);
	if (sim->wild > 0 && uniform() < sim->wild)
		noise *= 3;
	return (struct hk_elo_cost){
	        .cost = (float) log2(1000 * sim->cost[strategy] * exp(sim->level) * noise),
	        .resident = (float) log2(1e8 * sim->resident[strategy]),
	};
}

static inline void sim_make(struct sim *sim, double noise, double drift, double spread)
{
	double best = 1e9;
	*sim = (struct sim){.noise = noise, .drift = drift};
	for (int i = 0; i < N; i++) {
		sim->cost[i] = 1 + spread * uniform();
		sim->resident[i] = 1;
		best = fmin(best, sim->cost[i]);
	}
	for (int i = 0; i < N; i++)
		sim->cost[i] /= best;
}

/* Play windows until the phase changes or the count is out. Returns windows played. */
static inline uint32_t sim_play(struct sim *sim, const struct hk_elo_params *params, uint32_t windows)
{
	uint32_t before = phase(), n = 0;
	while (n < windows) {
		uint32_t strategy = hk_lifecycle_next(&state, params, n);
		if (phase() != before)
			break;
		ck_assert_uint_lt(strategy, N);
		ck_assert_uint_eq(strategy, atomic_load(&state.strategy));
		if (phase() == HK_PHASE_LEARN)
			atomic_fetch_add(&state.allocations, params->window);
		hk_lifecycle_report(&state, params, sim_window(sim, strategy), n);
		n++;
		if (phase() != before)
			break;
	}
	return n;
}

static inline void fresh(uint64_t seed, const struct hk_elo_params *params)
{
	memset(&state, 0, sizeof state);
	sim_seed = seed * 977 + 5;
	hk_lifecycle_init(&state, seed);
	hk_lifecycle_follow(&state, params, 0);
}

/* CANARY begins, all alike but for the challenger's cost. */
static inline void canary(uint64_t seed, struct sim *sim, const struct hk_elo_params *params,
                          double challenger)
{
	char why[128];
	fresh(seed, params);
	*sim = (struct sim){.noise = 0.1};
	for (int i = 0; i < N; i++)
		sim->cost[i] = sim->resident[i] = 1;
	ck_assert_int_eq(hk_lifecycle_command(&state, params, HK_PHASE_CANARY, 0, why, sizeof why), 0);
	ck_assert_uint_ne(state.challenger, state.leader);
	sim->cost[state.challenger] = challenger;
}

#endif
