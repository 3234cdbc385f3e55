/* SPDX-License-Identifier: MIT
 *
 * What a match does to the ratings. Each window is a game against the field: a player rated r is expected
 * to cost `level` less what r is worth, and against an opponent of just that cost, a handicap that makes
 * them equal, his expected score is 1/2. The score is by the margin. Ratings move by K times what score and
 * expectation differ.
 *
 * K follows from what is known already, as in Glickman's rating system: the covariances of all ratings and
 * of the level are kept and updated with each game (Kalman 1960). A newcomer is placed where his first game
 * puts him, later games count ever less, and a surprise that the level explains as well (the other window of
 * the match was as dear) is halved between them; whoever was measured against that level moves along a
 * little. Windows that lie close to each other count more for a comparison than distant ones, since the level
 * drifts.
 */
#include "elo/match.h"
#include "elo/rating.h"

#define NOISE_KNOWN 64    /* matches after which it is followed at a constant pace */
#define NOISE_LEAST 1e-6F /* clocks are not better than that */
#define NOISE_MOST 1e3F   /* nor worse; what is beyond was torn */
#define SURPRISE 9.0F     /* a squared surprise beyond this many variances counts as this many */
#define RATING_MOST 1e5F
#define DOUBT_MOST 1e5F   /* beyond: torn, or rounding has made it worthless */
#define DOUBT_LEAST 0.01F /* two ratings are never known to be closer than a hundred games say */
#define DRIFT 0.05F       /* variance by which the level moves from window to window, in noises */
#define WANDER 5e-4F      /* variance added to each rating with each match */
#define LEVEL HK_ELO_STRATEGIES

/* Variance of the difference of two ratings, in noises. */
static float doubt_between(const struct hk_elo_scratch *scratch, uint32_t a, uint32_t b)
{
	float v = scratch->doubt[a][a] + scratch->doubt[b][b] - 2 * scratch->doubt[a][b];
	return v > DOUBT_LEAST ? v : DOUBT_LEAST;
}

float hk_field_deviation(struct hk_elo_state *state, uint32_t a, uint32_t b)
{
	const struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	return HK_RATING_SLOPE * hk_rating_sqrt(doubt_between(scratch, a, b) * scratch->noise);
}

/* The log2 cost that this player's rating lets expect. */
static float par(struct hk_elo_state *state, uint32_t player)
{
	return hk_elo_scratch(state)->level - (state->rating[player] - HK_RATING_START) / HK_RATING_SLOPE;
}

static void learn_noise(struct hk_elo_scratch *scratch, uint32_t a, uint32_t b, float surprise)
{
	float squared = surprise * surprise / (doubt_between(scratch, a, b) + 2);
	if (!(squared < SURPRISE * scratch->noise))
		squared = SURPRISE * scratch->noise;
	scratch->noise_n = scratch->noise_n < NOISE_KNOWN ? scratch->noise_n + 1 : NOISE_KNOWN;
	scratch->noise += (squared - scratch->noise) / (float) scratch->noise_n;
	if (!(scratch->noise > NOISE_LEAST))
		scratch->noise = NOISE_LEAST;
}

/* The first window of all shows the level, as far as its player is like the others. */
static void find_level(struct hk_elo_state *state, uint32_t player, float cost)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	scratch->level += cost - par(state, player);
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		scratch->doubt[i][LEVEL] = scratch->doubt[LEVEL][i] = -scratch->doubt[i][player];
	scratch->doubt[LEVEL][LEVEL] = scratch->doubt[player][player] + 1;
	scratch->level_known = 1;
}

/* How far this game's surprise is that of each rating and of the level, as covariances; returns its variance.
   K never falls below k: so much doubt is added to the player's rating, for workloads change. */
static float shares(struct hk_elo_scratch *scratch, float k, uint32_t player, float *ret_share)
{
	scratch->doubt[LEVEL][LEVEL] += DRIFT;
	for (uint32_t i = 0; i <= LEVEL; i++)
		ret_share[i] = scratch->doubt[i][player] + scratch->doubt[i][LEVEL];
	float total = ret_share[player] + ret_share[LEVEL] + 1, least = k / HK_RATING_FULL;
	if (ret_share[player] < least * total) {
		scratch->doubt[player][player] += least * least;
		ret_share[player] += least * least;
		total += least * least;
	}
	return total;
}

/* State that a killed process left torn: what is known of the ratings is lost, those that make sense go on.
 */
static void mend(struct hk_elo_state *state)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	bool sane = scratch->noise >= NOISE_LEAST && scratch->noise < NOISE_MOST &&
	            scratch->level > -NOISE_MOST && scratch->level < NOISE_MOST;
	for (uint32_t i = 0; i <= LEVEL; i++)
		for (uint32_t j = 0; j <= LEVEL; j++)
			sane = sane && scratch->doubt[i][j] > -DOUBT_MOST &&
			       scratch->doubt[i][j] < DOUBT_MOST;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		if (!(state->rating[i] > -RATING_MOST && state->rating[i] < RATING_MOST))
			state->rating[i] = HK_RATING_START;
	if (!sane)
		hk_field_reset(scratch);
}

static void play(struct hk_elo_state *state, uint32_t k, uint32_t player, float cost)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	float share[HK_ELO_STRATEGIES + 1];
	bool newcomer = state->played[player]++ == 0 && scratch->placed != 1;
	if (scratch->level_known != 1) {
		find_level(state, player, cost);
		return;
	}
	float total = shares(scratch, (float) k, player, share);
	if (!(total >= 1)) { /* a variance below that of the noise alone */
		hk_field_reset(scratch);
		return;
	}
	float expected = 0.5F, score = hk_rating_score(cost, par(state, player));
	if (newcomer) /* placed by all of the margin; the score's curve flattens far out */
		score = expected + (par(state, player) - cost) * HK_RATING_SLOPE / HK_RATING_FULL;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		state->rating[i] =
		        hk_rating_update(state->rating[i], hk_rating_k(share[i] / total), score, expected);
	scratch->level -= hk_rating_k(share[LEVEL] / total) * (score - expected) / HK_RATING_SLOPE;
	for (uint32_t i = 0; i <= LEVEL; i++)
		for (uint32_t j = 0; j <= LEVEL; j++)
			scratch->doubt[i][j] -= share[i] * share[j] / total;
}

/* What was learned long ago holds less: who has not played for thousands of matches is tried again. */
static void forget(struct hk_elo_scratch *scratch)
{
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		scratch->doubt[i][i] += WANDER;
}

/* Only differences count, so the mean is free: 1500, however long it goes on. */
static void centre(struct hk_elo_state *state)
{
	float excess = 0;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		excess += (state->rating[i] - HK_RATING_START) / HK_ELO_STRATEGIES;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		state->rating[i] -= excess;
	hk_elo_scratch(state)->level -= excess / HK_RATING_SLOPE;
}

void hk_field_rate(struct hk_elo_state *state, uint32_t k, uint32_t a, uint32_t b, float cost_a, float cost_b)
{
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	mend(state);
	forget(scratch);
	if ((state->played[a] != 0 && state->played[b] != 0) || scratch->placed == 1)
		learn_noise(scratch, a, b, cost_a - par(state, a) - (cost_b - par(state, b)));
	play(state, k, a, cost_a);
	play(state, k, b, cost_b);
	centre(state);
	state->matches++;
}
