/* SPDX-License-Identifier: MIT
 *
 * CANARY: one challenger against the leader at little risk. Windows come in rounds of
 * 100 / canary_percent; one of each round, at a random place but never the first, is the
 * challenger's. The margin of a round is the challenger's log cost less the mean of the leader's in
 * the same round, so a drift of the workload cancels. Promotion is a one-sided paired t-test (Student
 * 1908) of the margins after 8, 16 and 24 rounds, each at 0.33 % (Bonferroni), so at most 1 % of
 * equal challengers are promoted; after 24 rounds without it the challenger is dismissed.
 */
#include "elo/lifecycle.h"
#include "elo/rating.h"

#include <string.h>

#define WORTH 0.0286F      /* promotion needs a mean margin better than 2 % (log2), too */
#define SPREAD_START 0.02F /* variance of a window's cost (log2) assumed before enough were seen */
#define SURE 2.0F          /* standard deviations beyond the guard that need no second window */

/* Looks and their critical values: t of 0.9967 with 7, 15 and 23 degrees of freedom. */
static const struct {
	uint32_t rounds;
	float critical;
} looks[] = {{8, 3.806F}, {16, 3.146F}, {24, 2.982F}};

static void begin_round(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t length = scratch->length < 2 ? 2 : scratch->length;
	scratch->position = 0;
	scratch->turn = 1 + hk_match_random(state, length - 1);
	scratch->challenger_seen = 0;
	memset(&scratch->round, 0, sizeof scratch->round);
}

/* The best rated of those that had the fewest canaries. */
static uint32_t choose(struct hk_elo_state *state, uint32_t leader)
{
	const struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t best = leader == 0 ? 1 : 0;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		if (i == leader || i == best)
			continue;
		if (scratch->tried[i] < scratch->tried[best] ||
		    (scratch->tried[i] == scratch->tried[best] && state->rating[i] > state->rating[best]))
			best = i;
	}
	return best;
}

void hk_canary_begin(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t leader = hk_elo_bound(state->leader), challenger = choose(state, leader);
	state->challenger = challenger;
	scratch->tried[challenger]++;
	scratch->length = 100 / (params->canary_percent != 0 ? params->canary_percent : 1);
	scratch->strikes = 0;
	memset(&scratch->leader_cost, 0, sizeof scratch->leader_cost);
	memset(&scratch->leader_resident, 0, sizeof scratch->leader_resident);
	memset(&scratch->margin, 0, sizeof scratch->margin);
	begin_round(state);
	hk_match_log(state, now_ns, HK_ELO_CANARY, leader, challenger, 0, 0);
}

uint32_t hk_canary_strategy(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	return hk_elo_bound(scratch->position == scratch->turn ? state->challenger : state->leader);
}

/* How far x lies above the guard: 0 within, 1 beyond it, 2 beyond it by more than the noise explains. */
static unsigned breach(const struct hk_elo_sum *leader, float x, uint32_t guard_percent)
{
	float excess = x - hk_elo_sum_mean(leader) - hk_rating_log2(1.0F + (float) guard_percent / 100);
	float variance = leader->n >= 4 ? hk_elo_sum_variance(leader) : SPREAD_START;
	if (!(excess > 0))
		return 0;
	return excess > SURE * hk_rating_sqrt(variance) ? 2 : 1;
}

/* A clear breach, or a second one in a row, sends the challenger home. */
static bool guarded(struct hk_elo_scratch *scratch, const struct hk_elo_params *params,
                    struct hk_elo_cost cost)
{
	unsigned by_cost = breach(&scratch->leader_cost, cost.cost, params->canary_guard);
	unsigned by_memory = breach(&scratch->leader_resident, cost.resident, params->canary_guard);
	unsigned worst = by_cost > by_memory ? by_cost : by_memory;
	scratch->strikes = worst != 0 ? scratch->strikes + 1 : 0;
	return worst == 2 || scratch->strikes >= 2;
}

static enum hk_verdict judge(const struct hk_elo_sum *margin)
{
	for (size_t i = 0; i < HK_COUNT(looks); i++) {
		if (margin->n != looks[i].rounds)
			continue;
		float error = hk_rating_sqrt(hk_elo_sum_variance(margin) / (float) margin->n);
		float mean = hk_elo_sum_mean(margin);
		if (mean < -WORTH && -mean > looks[i].critical * error)
			return HK_VERDICT_PROMOTE;
	}
	return margin->n >= looks[HK_COUNT(looks) - 1].rounds ? HK_VERDICT_ROLLBACK : HK_VERDICT_OPEN;
}

static enum hk_verdict end_round(struct hk_elo_state *state, const struct hk_elo_params *params,
                                 uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t leader = hk_elo_bound(state->leader), challenger = hk_elo_bound(state->challenger);
	enum hk_verdict verdict = HK_VERDICT_OPEN;
	if (scratch->challenger_seen && scratch->round.n != 0) {
		float ours = hk_elo_sum_mean(&scratch->round), theirs = scratch->challenger_cost.cost;
		hk_elo_sum_add(&scratch->margin, theirs - ours);
		hk_field_rate(state, params->k, leader, challenger, ours, theirs);
		hk_match_log(state, now_ns, HK_ELO_MATCH, leader, challenger, hk_rating_exp2(ours),
		             hk_rating_exp2(theirs));
		verdict = judge(&scratch->margin);
	}
	begin_round(state);
	return verdict;
}

enum hk_verdict hk_canary_report(struct hk_elo_state *state, const struct hk_elo_params *params,
                                 struct hk_elo_cost cost, uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	if (scratch->position == scratch->turn) {
		scratch->challenger_cost = cost;
		scratch->challenger_seen = 1;
		if (guarded(scratch, params, cost))
			return HK_VERDICT_ROLLBACK;
	} else {
		hk_elo_sum_add(&scratch->round, cost.cost);
		hk_elo_sum_add(&scratch->leader_cost, cost.cost);
		hk_elo_sum_add(&scratch->leader_resident, cost.resident);
	}
	if (++scratch->position < scratch->length)
		return HK_VERDICT_OPEN;
	return end_round(state, params, now_ns);
}
