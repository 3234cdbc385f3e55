/* SPDX-License-Identifier: MIT
 *
 * Matches. First everybody plays once, in random pairs. From then on the challenger is whoever could best
 * turn out ahead of the leader: his rating and so many standard errors of the difference, many at first, few
 * in the end. He meets the leader when that one is due, and else the second such challenger: of the windows
 * spent on telling one leader from many others he needs as many as the root of the sum of the others' squares
 * (the optimal allocation of Chen 2000). What a match does to the ratings is in field.c.
 */
#include "elo/match.h"
#include "elo/rating.h"

#include <string.h>

#define OPTIMISM_FIRST 5.0F /* standard errors added to a challenger's rating … */
#define OPTIMISM_LAST 2.0F
#define OPTIMISM_MATCHES 32 /* … falling over so many matches, the budget as it is set by default */
#define NOISE_START 0.02F   /* variance of a window, log2 units, before anything is known: 10 % of cost */
#define NOISE_WEIGHT 10     /* matches that this assumption is worth */
#define DOUBT_START 30.0F   /* variance of an unplayed rating, as a multiple of the noise */
#define CLEAR 4.0F          /* standard errors between a leader and the rest */
#define PRIOR 0.019F        /* variance of what shadows say, log2 units: about 10 % of cost */
#define TWIN 0.007F         /* shadows that cost the same (half a percent): one of them plays, the first in the table */
#define REACH 0.32F         /* shadows that cost so much more than the least (a quarter): a window of them in earnest tells nothing new */

float hk_elo_sum_mean(const struct hk_elo_sum *sum)
{
	return sum->n != 0 ? sum->sum / (float) sum->n : 0;
}

float hk_elo_sum_variance(const struct hk_elo_sum *sum)
{
	if (sum->n < 2)
		return 0;
	float mean = sum->sum / (float) sum->n;
	float variance = (sum->squares - mean * sum->sum) / (float) (sum->n - 1);
	return variance > 0 ? variance : 0;
}

uint32_t hk_match_random(struct hk_elo_state *state, uint32_t n)
{
	state->random += 0x9e3779b97f4a7c15U;
	uint64_t z = state->random;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	z ^= z >> 31;
	return (uint32_t) (((z >> 32) * n) >> 32);
}

void hk_match_log(struct hk_elo_state *state, uint64_t now_ns, enum hk_elo_event event, uint32_t a,
                  uint32_t b, float cost_a, float cost_b)
{
	struct hk_elo_entry *entry = &state->log[state->log_next % HK_ELO_LOG];
	entry->time_ns = now_ns;
	entry->event = event;
	entry->a = (uint16_t) a;
	entry->b = (uint16_t) b;
	entry->cost_a = cost_a;
	entry->cost_b = cost_b;
	entry->rating_a = state->rating[hk_elo_bound(a)];
	entry->rating_b = state->rating[hk_elo_bound(b)];
	state->log_next++;
}

/* Here, not in field.c: every start runs it. */
void hk_field_reset(struct hk_elo_scratch *scratch)
{
	memset(scratch->doubt, 0, sizeof scratch->doubt);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		scratch->doubt[i][i] = DOUBT_START;
	scratch->noise = NOISE_START;
	scratch->noise_n = NOISE_WEIGHT;
	scratch->level = 0;
	scratch->level_known = 0;
}

void hk_match_reset(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		state->rating[i] = HK_RATING_START;
		state->played[i] = 0;
	}
	state->matches = 0;
	atomic_store_explicit(&state->allocations, 0, memory_order_relaxed);
	hk_field_reset(scratch);
	scratch->playing = 0;
	scratch->owner = 0;
	scratch->observing = 0;
	scratch->started = 0;
	scratch->placed = 0;
	scratch->out = 0;
	memset(scratch->thp, 0, sizeof scratch->thp);
	memset(&scratch->seen, 0, sizeof scratch->seen);
}

static bool is_out(const struct hk_elo_state *state, uint32_t strategy)
{
	return (((const struct hk_elo_scratch *) state->scratch)->out >> strategy & 1) != 0;
}

uint32_t hk_match_contenders(const struct hk_elo_state *state)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		n += !is_out(state, i);
	return n;
}

void hk_match_prior(struct hk_elo_state *state, const float *costs, float noise)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	float sum = 0, least = costs[0];
	if (noise > scratch->noise)
		scratch->noise = noise;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		sum += costs[i];
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		least = costs[i] < least ? costs[i] : least;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		state->rating[i] = HK_RATING_START + HK_RATING_SLOPE * (sum / HK_ELO_STRATEGIES - costs[i]);
		scratch->doubt[i][i] = PRIOR / scratch->noise;
		for (uint32_t j = 0; j < i; j++)
			if (costs[i] - costs[j] < TWIN && costs[j] - costs[i] < TWIN && !is_out(state, j))
				scratch->out |= 1U << i;
		if (costs[i] > least + REACH)
			scratch->out |= 1U << i;
	}
	scratch->placed = 1;
	state->leader = hk_match_leader(state);
}

uint32_t hk_match_leader(const struct hk_elo_state *state)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < HK_ELO_STRATEGIES; i++)
		if (state->rating[i] > state->rating[best] && !is_out(state, i))
			best = i;
	return best;
}

/* A random strategy without a game, except that one; HK_ELO_STRATEGIES when there is none. */
static uint32_t newcomer(struct hk_elo_state *state, uint32_t except)
{
	uint32_t found = HK_ELO_STRATEGIES, seen = 0;
	if (hk_elo_scratch(state)->placed == 1) /* their shadows have played */
		return found;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		if (state->played[i] == 0 && i != except && hk_match_random(state, ++seen) == 0)
			found = i;
	return found;
}

static float optimism(const struct hk_elo_state *state)
{
	if (state->matches >= OPTIMISM_MATCHES)
		return OPTIMISM_LAST;
	return OPTIMISM_FIRST -
	       (OPTIMISM_FIRST - OPTIMISM_LAST) * (float) state->matches / (float) OPTIMISM_MATCHES;
}

/* Who could best be ahead of the leader, except that one. */
static uint32_t challenger(struct hk_elo_state *state, uint32_t leader, uint32_t except)
{
	uint32_t best = HK_ELO_STRATEGIES;
	float best_hope = 0, errors = optimism(state);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		if (i == leader || i == except || is_out(state, i))
			continue;
		float hope = state->rating[i] + errors * hk_field_deviation(state, i, leader);
		if (best == HK_ELO_STRATEGIES || hope > best_hope) {
			best_hope = hope;
			best = i;
		}
	}
	return best;
}

static bool due(const struct hk_elo_state *state, uint32_t leader)
{
	float own = (float) state->played[leader], others = 0;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		if (i != leader)
			others += (float) state->played[i] * (float) state->played[i];
	return own * own < others;
}

void hk_match_draw(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	uint32_t leader = hk_match_leader(state);
	uint32_t a = newcomer(state, HK_ELO_STRATEGIES), b;
	if (a < HK_ELO_STRATEGIES) {
		b = newcomer(state, a);
		if (b == HK_ELO_STRATEGIES)
			b = leader != a ? leader : (a + 1) % HK_ELO_STRATEGIES;
	} else {
		a = challenger(state, leader, leader);
		b = due(state, leader) ? leader : challenger(state, leader, a);
		if (a == HK_ELO_STRATEGIES) /* torn: nobody is left */
			a = leader == 0 ? 1 : 0;
		if (b == HK_ELO_STRATEGIES)
			b = leader;
	}
	bool swap = hk_match_random(state, 2) != 0;
	scratch->first = swap ? b : a;
	scratch->second = swap ? a : b;
	scratch->half = 0;
	scratch->playing = 1;
}

uint32_t hk_match_strategy(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	return hk_elo_bound(scratch->half == 0 ? scratch->first : scratch->second);
}

bool hk_match_report(struct hk_elo_state *state, const struct hk_elo_params *params, struct hk_elo_cost cost,
                     uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	if (scratch->half == 0) {
		scratch->first_cost = cost;
		scratch->half = 1;
		return false;
	}
	uint32_t a = hk_elo_bound(scratch->first), b = hk_elo_bound(scratch->second);
	hk_field_rate(state, params->k, a, b, scratch->first_cost.cost, cost.cost);
	state->leader = hk_match_leader(state);
	scratch->playing = 0;
	hk_match_log(state, now_ns, HK_ELO_MATCH, a, b, hk_rating_exp2(scratch->first_cost.cost),
	             hk_rating_exp2(cost.cost));
	return true;
}

bool hk_match_clear(struct hk_elo_state *state)
{
	uint32_t leader = hk_match_leader(state);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		if (i == leader || is_out(state, i))
			continue;
		float lead = state->rating[leader] - state->rating[i];
		if ((state->played[i] == 0 && hk_elo_scratch(state)->placed != 1) || lead < CLEAR * hk_field_deviation(state, i, leader))
			return false;
	}
	return true;
}
