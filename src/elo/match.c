/* SPDX-License-Identifier: MIT
 *
 * Matches. First everybody plays once, in random pairs; from then on the leader plays whoever could
 * still be better: the highest rating plus what its few games leave uncertain. A player is measured
 * against the other window of the match and, as far as the workload is steady, against the field.
 */
#include "elo/match.h"
#include "elo/rating.h"

#include <string.h>

#define NOISE_START 0.04F /* variance before anything is known: two windows of about 10 % noise each */
#define NOISE_WEIGHT 4    /* games that this assumption is worth */
#define OPTIMISM 1.8F     /* standard errors added to a challenger's rating */
#define LEVEL_GAIN 0.25F  /* share of the newest match in the field's level */
#define FIELD_BEST 0.25F  /* the field's level is never trusted more than four windows */
#define CLEAR 3.0F        /* standard errors between a leader and the rest */
#define PRIOR 0.019F      /* variance of what shadows say (log2): about 10 % */
#define TWIN 0.007F       /* shadows that cost the same (log2, half a percent): one of them plays, the first in the table */
#define PLAYED_KNOWN 64   /* games beyond this do not make a rating more certain: workloads change */

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

static bool is_out(const struct hk_elo_scratch *scratch, uint32_t strategy)
{
	return (scratch->out >> strategy & 1) != 0;
}

void hk_match_reset(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		state->rating[i] = HK_RATING_START;
		state->played[i] = 0;
	}
	state->matches = 0;
	state->windows = 0;
	atomic_store_explicit(&state->allocations, 0, memory_order_relaxed);
	scratch->noise = NOISE_START;
	scratch->noise_n = NOISE_WEIGHT;
	scratch->shock = NOISE_START / 2;
	scratch->shock_n = NOISE_WEIGHT;
	scratch->level_n = 0;
	scratch->playing = 0;
	scratch->owner = 0;
	scratch->observing = 0;
	scratch->prior = 0;
	scratch->out = 0;
	scratch->started = 0;
	memset(scratch->thp, 0, sizeof scratch->thp);
	memset(&scratch->seen, 0, sizeof scratch->seen);
}

uint32_t hk_match_contenders(const struct hk_elo_state *state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		n += !is_out((const struct hk_elo_scratch *) state->scratch, i);
	return n;
}

void hk_match_prior(struct hk_elo_state *state, const float *costs, float noise)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	float sum = 0;

	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		sum += costs[i];
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		state->rating[i] = HK_RATING_START + HK_RATING_SLOPE * (sum / HK_ELO_STRATEGIES - costs[i]);
		for (uint32_t j = 0; j < i; j++)
			if (costs[i] - costs[j] < TWIN && costs[j] - costs[i] < TWIN && !is_out(scratch, j))
				scratch->out |= 1U << i;
	}
	scratch->prior = PRIOR;
	if (2 * noise > scratch->noise) /* a margin is the difference of two windows */
		scratch->noise = 2 * noise;
	state->leader = hk_match_leader(state);
}

/* Games that a rating rests on. What the shadows said counts as so many as it takes to know as much by windows that are as
   noisy as these. */
static uint32_t known(const struct hk_elo_state *state, uint32_t strategy)
{
	const struct hk_elo_scratch *scratch = (const struct hk_elo_scratch *) state->scratch;
	float games = scratch->prior > 0 && scratch->noise > 0 ? scratch->noise / scratch->prior : 0;

	return state->played[strategy] + (uint32_t) (games < 1000 ? games + 0.5F : 1000);
}

uint32_t hk_match_leader(const struct hk_elo_state *state)
{
	uint32_t best = 0;
	for (uint32_t i = 1; i < HK_ELO_STRATEGIES; i++)
		if (state->rating[i] > state->rating[best] && !is_out((const struct hk_elo_scratch *) state->scratch, i))
			best = i;
	return best;
}

/* Standard error of a rating, in points. */
static float uncertainty(struct hk_elo_state *state, uint32_t strategy)
{
	uint32_t played = known(state, strategy);
	if (played < 1)
		played = 1;
	if (played > PLAYED_KNOWN)
		played = PLAYED_KNOWN;
	return HK_RATING_SLOPE * hk_rating_sqrt(hk_elo_scratch(state)->noise / (float) played);
}

/* A random strategy without a game, other than not; HK_ELO_STRATEGIES when there is none. */
static uint32_t newcomer(struct hk_elo_state *state, uint32_t not )
{
	uint32_t found = HK_ELO_STRATEGIES, seen = 0;
	if (hk_elo_scratch(state)->prior > 0) /* all are known from their shadows */
		return found;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		if (state->played[i] == 0 && i != not &&hk_match_random(state, ++seen) == 0)
			found = i;
	return found;
}

static uint32_t contender(struct hk_elo_state *state, uint32_t leader)
{
	uint32_t best = leader == 0 ? 1 : 0;
	float best_hope = -1e9F;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		if (i == leader || is_out(hk_elo_scratch(state), i))
			continue;
		float hope = state->rating[i] + OPTIMISM * uncertainty(state, i);
		if (hope > best_hope) {
			best_hope = hope;
			best = i;
		}
	}
	return best;
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
		a = leader;
		b = contender(state, leader);
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

/* The cost that a strategy of this rating has when a strategy rated 1500 costs level. */
static float cost_at(float level, float rating)
{
	return level - (rating - HK_RATING_START) / HK_RATING_SLOPE;
}

static void learn_variance(float *variance, uint32_t *n, float surprise)
{
	uint32_t now = *n < PLAYED_KNOWN ? *n + 1 : PLAYED_KNOWN;
	*n = now;
	*variance += (surprise * surprise - *variance) / (float) now;
}

/*
 * How much of a player's opponent is the field. The other window of the match is off by its own
 * noise, half of a margin's variance; the field's level, an average over many matches, by how badly it
 * foresees the next match, of which that match's own noise makes up a quarter. Weights go by the inverse
 * variances: a workload that is steady in the long run gets nearly twice the evidence out of a window, one
 * that drifts or jumps is judged by neighbouring windows alone.
 */
static float field_weight(const struct hk_elo_scratch *scratch)
{
	float other = scratch->noise / 2, field = scratch->shock - scratch->noise / 4;
	if (scratch->level_n == 0 || !(other > 0))
		return 0;
	if (!(field > FIELD_BEST * other))
		field = FIELD_BEST * other;
	return other / (other + field);
}

static void follow_level(struct hk_elo_scratch *scratch, float level, bool known)
{
	if (known)
		learn_variance(&scratch->shock, &scratch->shock_n, level - scratch->level);
	uint32_t n = scratch->level_n < PLAYED_KNOWN ? scratch->level_n + 1 : PLAYED_KNOWN;
	float gain = 1.0F / (float) n;
	scratch->level_n = n;
	scratch->level += (gain > LEVEL_GAIN ? gain : LEVEL_GAIN) * (level - scratch->level);
}

void hk_match_rate(struct hk_elo_state *state, uint32_t k, uint32_t a, uint32_t b, float cost_a, float cost_b)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	float ra = state->rating[a], rb = state->rating[b];
	float expected = hk_rating_expected(ra, rb), weight = field_weight(scratch);
	float for_a = cost_b + weight * (cost_at(scratch->level, rb) - cost_b);
	float for_b = cost_a + weight * (cost_at(scratch->level, ra) - cost_a);
	bool foreseen = state->played[a] >= 2 && state->played[b] >= 2;
	if (foreseen)
		learn_variance(&scratch->noise, &scratch->noise_n,
		               cost_b - cost_a - (ra - rb) / HK_RATING_SLOPE);
	follow_level(scratch, (cost_a + cost_b - cost_at(0, ra) - cost_at(0, rb)) / 2, foreseen);
	/* Each by his own K: a newcomer must not shake an established rating. */
	state->rating[a] = hk_rating_update(ra, hk_rating_k(k, known(state, a)),
	                                    hk_rating_score(cost_a, for_a), expected);
	state->rating[b] = hk_rating_update(rb, hk_rating_k(k, known(state, b)),
	                                    hk_rating_score(cost_b, for_b), 1.0F - expected);
	state->played[a]++;
	state->played[b]++;
	state->matches++;
}

bool hk_match_report(struct hk_elo_state *state, const struct hk_elo_params *params, struct hk_elo_cost cost,
                     uint64_t now_ns)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	state->windows++;
	if (scratch->half == 0) {
		scratch->first_cost = cost;
		scratch->half = 1;
		return false;
	}
	uint32_t a = hk_elo_bound(scratch->first), b = hk_elo_bound(scratch->second);
	hk_match_rate(state, params->k, a, b, scratch->first_cost.cost, cost.cost);
	state->leader = hk_match_leader(state);
	scratch->playing = 0;
	hk_match_log(state, now_ns, HK_ELO_MATCH, a, b, hk_rating_exp2(scratch->first_cost.cost),
	             hk_rating_exp2(cost.cost));
	return true;
}

bool hk_match_clear(struct hk_elo_state *state)
{
	uint32_t leader = hk_match_leader(state);
	float error = uncertainty(state, leader);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		float other = uncertainty(state, i);
		if (i == leader || is_out(hk_elo_scratch(state), i))
			continue;
		if (known(state, i) == 0 || state->rating[leader] - state->rating[i] <
		                                     CLEAR * hk_rating_sqrt(error * error + other * other))
			return false;
	}
	return true;
}
