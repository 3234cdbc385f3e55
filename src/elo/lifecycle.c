/* SPDX-License-Identifier: MIT
 *
 * The phases and what moves between them.
 */
#include "elo/lifecycle.h"
#include "elo/rating.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A leader must beat the configured values by this many rating points (about 0.5 % of cost) to replace
   them: equal cost is no reason to leave what the operator knows. */
#define WORTH 5.0F
/* … and by so many where it leads by its shadow: a model is off by more than long matches are. */
#define WORTH_SHADOW 20.0F
/* log2 variance of windows (30 % of cost) beyond which a dozen matches say less than a shadow does: they would cost the
   service, and tell nothing. */
#define NOISE_MOST 0.15F
/* No more than half of this is observed, whatever the budget: research has none. */
#define OBSERVE_MAX 2048U
/* What a service does at its start is not its life: this part of the budget is looked at, but does not count. */
#define START_PART 8

static enum hk_phase phase_of(const struct hk_elo_state *state)
{
	return (enum hk_phase) atomic_load_explicit(&state->phase, memory_order_relaxed);
}

static void enter(struct hk_elo_state *state, enum hk_phase phase, uint32_t strategy)
{
	hk_elo_scratch(state)->owner = 0; /* whoever plays a window drops it */
	atomic_store_explicit(&state->strategy, strategy, memory_order_relaxed);
	atomic_store_explicit(&state->phase, phase, memory_order_release);
}

static void learn(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	hk_match_reset(state);
	hk_elo_scratch(state)->observing = params->observe;
	hk_elo_scratch(state)->present = hk_elo_bound(state->leader);
	hk_match_log(state, now_ns, HK_ELO_LEARN, hk_elo_bound(state->leader), hk_elo_bound(state->leader), 0,
	             0);
	hk_elo_scratch(state)->position = 0;
	hk_elo_scratch(state)->series = 0;
	enter(state, HK_PHASE_LEARN, hk_elo_bound(state->leader));
}

/* Settle on the leader, or on the configured values where it is not worth leaving them. */
static void freeze(struct hk_elo_state *state, uint64_t now_ns)
{
	uint32_t leader = hk_elo_bound(state->leader);
	if (phase_of(state) == HK_PHASE_LEARN && !hk_lifecycle_observing(state)) {
		bool placed = hk_elo_scratch(state)->placed == 1;
		leader = hk_match_leader(state);
		if ((state->played[0] != 0 || placed) &&
		    state->rating[leader] - state->rating[0] < (placed ? WORTH_SHADOW : WORTH))
			leader = 0;
	}
	hk_match_log(state, now_ns, HK_ELO_FREEZE, leader, leader, 0, 0);
	state->leader = leader;
	hk_elo_scratch(state)->series = 0;
	enter(state, HK_PHASE_FROZEN, leader);
}

static void open_canary(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	hk_canary_begin(state, params, now_ns);
	enter(state, HK_PHASE_CANARY, hk_elo_bound(state->leader));
}

bool hk_lifecycle_shift(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t leader = hk_elo_bound(state->leader);
	if (!params->enabled || params->policy != HK_EVO_LEARN_FROZEN || phase_of(state) != HK_PHASE_FROZEN)
		return false;
	hk_match_log(state, now_ns, HK_ELO_SHIFT, leader, leader, 0, 0);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		scratch->tried[i] = 0;
	scratch->series = HK_ELO_STRATEGIES - 2; /* after this one */
	scratch->shifts++;
	open_canary(state, params, now_ns);
	return true;
}

void hk_lifecycle_init(struct hk_elo_state *state, uint64_t seed)
{
	state->random = seed | 1;
	hk_match_reset(state);
}

/* Settings whose change starts the engine's life over; never 0. */
static uint32_t encode(const struct hk_elo_params *params)
{
	return 1U | (uint32_t) params->enabled << 1 | (uint32_t) params->policy << 4 |
	       (uint32_t) params->objective << 8;
}

bool hk_lifecycle_differs(const struct hk_elo_state *state, const struct hk_elo_params *params)
{
	return ((const struct hk_elo_scratch *) state->scratch)->policy_seen != encode(params);
}

bool hk_lifecycle_follow(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t before = scratch->policy_seen, now = encode(params);
	if (before == now)
		return false;
	scratch->policy_seen = now;
	if (!params->enabled) {
		hk_match_reset(state);
		state->leader = 0;
		hk_match_log(state, now_ns, HK_ELO_OFF, 0, 0, 0, 0);
		enter(state, HK_PHASE_OFF, 0);
	} else if (params->policy == HK_EVO_FROZEN) {
		/* The strategy in force stays; at start-up that is the default. */
		freeze(state, now_ns);
	} else if (before == 0 || phase_of(state) != HK_PHASE_LEARN || (before ^ now) >> 8 != 0) {
		learn(state, params, now_ns);
	}
	return true;
}

int hk_lifecycle_command(struct hk_elo_state *state, const struct hk_elo_params *params, enum hk_phase phase,
                         uint64_t now_ns, char *why, size_t why_size)
{
	if (!params->enabled) {
		snprintf(why, why_size,
		         "the engine is off: set elo = on and evo_policy to other than off first");
		return -EINVAL;
	}
	if (phase == HK_PHASE_OFF || phase > HK_PHASE_CANARY) {
		snprintf(why, why_size, "not a phase to switch to: freeze, learn or canary");
		return -EINVAL;
	}
	if (phase == phase_of(state))
		return 0;
	if (phase == HK_PHASE_LEARN) {
		learn(state, params, now_ns);
		return 0;
	}
	if (phase_of(state) != HK_PHASE_FROZEN)
		freeze(state, now_ns);
	if (phase == HK_PHASE_CANARY)
		open_canary(state, params, now_ns);
	return 0;
}

bool hk_lifecycle_observing(const struct hk_elo_state *state)
{
	return phase_of(state) == HK_PHASE_LEARN && ((const struct hk_elo_scratch *) state->scratch)->observing == 1;
}

bool hk_lifecycle_observed(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t allocations)
{
	uint64_t enough = params->budget < OBSERVE_MAX ? params->budget : OBSERVE_MAX;

	uint64_t seen = atomic_fetch_add_explicit(&state->allocations, allocations, memory_order_relaxed) + allocations;
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);

	if (scratch->started == 0 && seen >= enough / START_PART) {
		scratch->started = 1;
		memset(&scratch->seen, 0, sizeof(scratch->seen));
		return false; /* a window as large as half of the budget: one has to count */
	}
	return seen >= enough / 2;
}

void hk_lifecycle_rank(struct hk_elo_state *state, const struct hk_elo_params *params, const float *costs, const float *thp,
                       float noise, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t present = hk_elo_bound(state->leader);

	scratch->observing = 0;
	if (costs == NULL)
		return;
	hk_match_prior(state, costs, noise);
	memcpy(scratch->thp, thp, sizeof(scratch->thp));
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		hk_match_log(state, now_ns, HK_ELO_SHADOW, i, present, hk_rating_exp2(costs[i]), hk_rating_exp2(costs[present]));
	if (params->policy == HK_EVO_LEARN)
		scratch->out = 0; /* research plays for ever, and everybody */
	else if (hk_match_contenders(state) < 2 || noise > NOISE_MOST)
		freeze(state, now_ns);
}

/* A match takes two windows of the budget; no match is begun that it has no room for. */
static bool spent(const struct hk_elo_state *state, const struct hk_elo_params *params)
{
	uint64_t allocations = atomic_load_explicit(&state->allocations, memory_order_relaxed);
	return params->policy != HK_EVO_LEARN && allocations + 2 * (uint64_t) params->window > params->budget;
}

uint32_t hk_lifecycle_next(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t strategy;
	if (phase_of(state) == HK_PHASE_LEARN && scratch->playing != 1 && spent(state, params))
		freeze(state, now_ns);
	if (phase_of(state) == HK_PHASE_LEARN) {
		if (scratch->playing != 1)
			hk_match_draw(state);
		strategy = hk_match_strategy(state);
	} else if (phase_of(state) == HK_PHASE_CANARY) {
		strategy = hk_canary_strategy(state);
	} else {
		return hk_elo_bound(state->leader);
	}
	atomic_store_explicit(&state->strategy, strategy, memory_order_relaxed);
	return strategy;
}

/* The canary is over: the winner's reign goes on frozen, or with the next canary of a series, or learning
 * goes on for ever. */
static void conclude(struct hk_elo_state *state, const struct hk_elo_params *params, enum hk_verdict verdict,
                     uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t leader = hk_elo_bound(state->leader), challenger = hk_elo_bound(state->challenger);
	bool promoted = verdict == HK_VERDICT_PROMOTE;
	float cost = hk_elo_sum_mean(&scratch->leader_cost);
	hk_match_log(state, now_ns, promoted ? HK_ELO_PROMOTE : HK_ELO_ROLLBACK, leader, challenger,
	             hk_rating_exp2(cost), hk_rating_exp2(scratch->challenger_cost.cost));
	if (promoted)
		state->leader = challenger;
	scratch->playing = 0;
	if (scratch->series > 0 && scratch->series < HK_ELO_STRATEGIES &&
	    params->policy == HK_EVO_LEARN_FROZEN) {
		scratch->series--;
		open_canary(state, params, now_ns);
		return;
	}
	enter(state, params->policy == HK_EVO_LEARN ? HK_PHASE_LEARN : HK_PHASE_FROZEN,
	      hk_elo_bound(state->leader));
}

void hk_lifecycle_report(struct hk_elo_state *state, const struct hk_elo_params *params,
                         struct hk_elo_cost cost, uint64_t now_ns)
{
	if (phase_of(state) == HK_PHASE_CANARY) {
		enum hk_verdict verdict = hk_canary_report(state, params, cost, now_ns);
		if (verdict != HK_VERDICT_OPEN)
			conclude(state, params, verdict, now_ns);
	} else if (phase_of(state) == HK_PHASE_LEARN) {
		bool ended = hk_match_report(state, params, cost, now_ns);
		if (ended && params->policy != HK_EVO_LEARN && hk_match_clear(state))
			freeze(state, now_ns);
	}
}
