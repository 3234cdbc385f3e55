/* SPDX-License-Identifier: MIT
 *
 * The engine's arithmetic apart: ratings, match scheduling, lifecycle and canary, driven by a
 * simulated cost model with noise and drift.
 */
#include "elo/lifecycle.h"
#include "elo/rating.h"
#include "elo_sim.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rating ---- */

START_TEST(arithmetic)
{
	for (float x = 1e-6F; x < 1e18F; x *= 1.37F) {
		ck_assert_float_eq_tol(hk_rating_log2(x), log2f(x), 2e-4F);
		ck_assert_float_eq_tol(hk_rating_sqrt(x) / sqrtf(x), 1, 1e-4F);
	}
	for (float x = -59.7F; x < 60; x += 0.31F)
		ck_assert_float_eq_tol(hk_rating_exp2(x) / exp2f(x), 1, 1e-3F);
	ck_assert(isfinite(hk_rating_log2(0)) && isfinite(hk_rating_exp2(1e30F)) &&
	          isfinite(hk_rating_exp2(NAN)));
	ck_assert_float_eq(hk_rating_sqrt(-1), 0);
	/* Elo's own table: 400 points are 10 : 1, 200 are 0.76, equals are 0.5. */
	ck_assert_float_eq_tol(hk_rating_expected(1500, 1500), 0.5F, 1e-4F);
	ck_assert_float_eq_tol(hk_rating_expected(1900, 1500), 10.0F / 11, 1e-3F);
	ck_assert_float_eq_tol(hk_rating_expected(1700, 1500), 0.7597F, 1e-3F);
	for (float d = -900; d < 900; d += 37) /* symmetric */
		ck_assert_float_eq_tol(
		        hk_rating_expected(1500 + d, 1500) + hk_rating_expected(1500, 1500 + d), 1, 1e-3F);
	/* A draw between equals moves nothing; a win between equals moves K / 2. */
	ck_assert_float_eq(hk_rating_update(1500, 32, 0.5F, 0.5F), 1500);
	ck_assert_float_eq(hk_rating_update(1500, 32, 1, 0.5F), 1516);
}
END_TEST

START_TEST(scores)
{
	ck_assert_float_eq_tol(hk_rating_score(10, 10), 0.5F, 1e-6F);
	ck_assert_float_gt(hk_rating_score(10, 10.2F), 0.5F);
	ck_assert_float_gt(hk_rating_score(10, 11), 0.95F); /* half the cost */
	for (float d = 0; d < 4; d += 0.1F) {
		ck_assert_float_eq_tol(hk_rating_score(3, 3 + d) + hk_rating_score(3 + d, 3), 1, 1e-3F);
		/* Zero-sum with one K. */
		float k = 32, e = hk_rating_expected(1600, 1500),
		      s = hk_rating_score(3, 3 + d);
		float a = hk_rating_update(1600, k, s, e), b = hk_rating_update(1500, k, 1 - s, 1 - e);
		ck_assert_float_eq_tol(a + b, 3100, 0.05F);
	}
	/* The K of a share of 1 moves a rating to where a small margin says. */
	float score = hk_rating_score(10, 10.05F);
	ck_assert_float_eq_tol(hk_rating_update(1500, hk_rating_k(1), score, 0.5F),
	                       1500 + 0.05F * HK_RATING_SLOPE, 0.2F);
}
END_TEST

/* ---- learning ---- */

/* When all cost the same, the configured values stay. */
START_TEST(ties_stay_default)
{
	struct sim sim = {.noise = 0.002};
	for (int i = 0; i < N; i++)
		sim.cost[i] = sim.resident[i] = 1;
	fresh(3, &usual);
	sim_play(&sim, &usual, 1000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state.leader, 0);
}
END_TEST

START_TEST(budget_forces_frozen)
{
	struct hk_elo_params params = usual;
	struct sim sim;
	for (params.budget = 64; params.budget <= 4096; params.budget *= 2) {
		fresh(params.budget, &params);
		sim_make(&sim, 0.3, 0, 0.01); /* nobody is ever clear */
		uint32_t windows = sim_play(&sim, &params, 100000);
		ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
		ck_assert_uint_le(windows * params.window, params.budget);
		ck_assert_uint_ge((windows + 2) * params.window, params.budget);
	}
}
END_TEST

START_TEST(learn_policy_never_freezes)
{
	struct hk_elo_params params = usual;
	struct sim sim;
	params.policy = HK_EVO_LEARN;
	fresh(1, &params);
	sim_make(&sim, 0.01, 0, 1);
	ck_assert_uint_eq(sim_play(&sim, &params, 20000), 20000);
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	for (int i = 0; i < N; i++)
		ck_assert(isfinite(state.rating[i]) && state.played[i] > 0);
	ck_assert_double_le(sim.cost[state.leader], 1.05);
}
END_TEST

START_TEST(log_is_a_ring)
{
	struct hk_elo_params params = usual;
	struct sim sim;
	params.policy = HK_EVO_LEARN;
	fresh(1, &params);
	sim_make(&sim, 0.1, 0, 1);
	sim_play(&sim, &params, 4 * HK_ELO_LOG);
	ck_assert_uint_gt(state.log_next, HK_ELO_LOG);
	const struct hk_elo_entry *last = &state.log[(state.log_next - 1) % HK_ELO_LOG];
	ck_assert_uint_eq(last->event, HK_ELO_MATCH);
	ck_assert_uint_ne(last->a, last->b);
	ck_assert_float_gt(last->cost_a, 100);
	ck_assert_float_eq(last->rating_a, state.rating[last->a]);
}
END_TEST

/* ---- phases ---- */

START_TEST(policies)
{
	struct hk_elo_params params = usual;
	params.policy = HK_EVO_FROZEN;
	fresh(1, &params);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state.leader, 0);
	ck_assert(!hk_lifecycle_follow(&state, &params, 0));
	params.policy = HK_EVO_LEARN;
	ck_assert(hk_lifecycle_differs(&state, &params) && hk_lifecycle_follow(&state, &params, 0));
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	state.rating[3] = 1700; /* what was learned is kept when it is frozen … */
	params.policy = HK_EVO_FROZEN;
	hk_lifecycle_follow(&state, &params, 0);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state.leader, 3);
	params.enabled = false; /* … and forgotten when the engine is switched off */
	hk_lifecycle_follow(&state, &params, 0);
	ck_assert_uint_eq(phase(), HK_PHASE_OFF);
	ck_assert_uint_eq(atomic_load(&state.strategy), 0);
	ck_assert_uint_eq(state.leader, 0);
}
END_TEST

START_TEST(commands)
{
	struct hk_elo_params params = usual;
	char why[128] = "";
	params.enabled = false;
	fresh(1, &params);
	ck_assert_int_eq(hk_lifecycle_command(&state, &params, HK_PHASE_LEARN, 0, why, sizeof why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why, "elo = on"));
	params = usual;
	params.policy = HK_EVO_FROZEN;
	fresh(1, &params);
	static const enum hk_phase tour[] = {HK_PHASE_LEARN,  HK_PHASE_LEARN,  HK_PHASE_FROZEN,
	                                     HK_PHASE_CANARY, HK_PHASE_CANARY, HK_PHASE_LEARN,
	                                     HK_PHASE_CANARY, HK_PHASE_FROZEN};
	for (size_t i = 0; i < HK_COUNT(tour); i++) {
		ck_assert_int_eq(hk_lifecycle_command(&state, &params, tour[i], 0, why, sizeof why), 0);
		ck_assert_uint_eq(phase(), tour[i]);
	}
	ck_assert_int_eq(hk_lifecycle_command(&state, &params, HK_PHASE_OFF, 0, why, sizeof why), -EINVAL);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
}
END_TEST

/* ---- canary ---- */

START_TEST(canary_promotes_the_better)
{
	unsigned promoted = 0, runs = 300;
	for (unsigned seed = 1; seed <= runs; seed++) {
		struct sim sim;
		canary(seed, &sim, &usual, 0.8);
		uint32_t challenger = state.challenger;
		sim_play(&sim, &usual, 24 * 20 + 1);
		ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
		promoted += state.leader == challenger;
		ck_assert_uint_eq(atomic_load(&state.strategy), state.leader);
	}
	printf("canary: 20 %% cheaper promoted %u of %u\n", promoted, runs);
	ck_assert_uint_ge(promoted, runs * 95 / 100);
}
END_TEST

START_TEST(canary_seldom_promotes_an_equal)
{
	struct hk_elo_params params = usual;
	unsigned promoted = 0, runs = 2000;
	params.canary_guard = 1000; /* the test alone decides */
	for (unsigned seed = 1; seed <= runs; seed++) {
		struct sim sim;
		canary(seed, &sim, &params, 1);
		uint32_t windows = sim_play(&sim, &params, 24 * 20 + 1);
		ck_assert_uint_le(windows, 24 * 20);
		promoted += state.leader != 0;
	}
	printf("canary: equals promoted %u of %u\n", promoted, runs);
	ck_assert_uint_le(promoted, runs * 15 / 1000);
}
END_TEST

START_TEST(canary_share)
{
	unsigned challenged = 0;
	struct sim sim;
	canary(1, &sim, &usual, 0.97);
	for (unsigned i = 0; i < 160; i++) {
		challenged += hk_lifecycle_next(&state, &usual, 0) == state.challenger;
		sim.noise = 0.01;
		hk_lifecycle_report(&state, &usual, sim_window(&sim, atomic_load(&state.strategy)), 0);
		if (phase() != HK_PHASE_CANARY)
			break;
	}
	ck_assert_uint_eq(challenged, 8); /* 5 % of 160 */
}
END_TEST

/* Too dear, or too fat: out after two of its windows, but for the odd lucky one. */
START_TEST(canary_rolls_back)
{
	unsigned late = 0;
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct sim sim;
		canary(seed, &sim, &usual, seed % 2 ? 1.5 : 0.9);
		uint32_t challenger = state.challenger;
		sim.resident[challenger] = seed % 2 ? 1 : 1.2;
		unsigned windows = 0;
		while (phase() == HK_PHASE_CANARY) {
			windows += hk_lifecycle_next(&state, &usual, 0) == challenger;
			hk_lifecycle_report(&state, &usual, sim_window(&sim, atomic_load(&state.strategy)),
			                    0);
		}
		late += windows > 2;
		ck_assert_uint_eq(state.leader, 0);
		ck_assert_uint_eq(atomic_load(&state.strategy), 0);
		ck_assert_uint_eq(state.log[(state.log_next - 1) % HK_ELO_LOG].event, HK_ELO_ROLLBACK);
	}
	ck_assert_uint_le(late, 2);
}
END_TEST

/* State that a killed process left torn must not lead anywhere outside the tables. */
START_TEST(torn_state)
{
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct sim sim;
		fresh(seed, &usual);
		sim_make(&sim, 0.1, 0, 1);
		for (size_t i = 0; i < HK_COUNT(state.scratch); i++)
			if (uniform() < 0.5)
				state.scratch[i] = (uint64_t) (uniform() * 1e18);
		state.leader = 4000000000U;
		state.challenger = 77;
		sim_play(&sim, &usual, 100);
		atomic_store(&state.phase, HK_PHASE_CANARY);
		sim_play(&sim, &usual, 100);
	}
}
END_TEST

/* ---- shifts: what they start; how they are noticed is in test_elo_shift.c ---- */

/* Costs change for good when the phase is FROZEN: the series of canaries finds a strategy that is good now. */
START_TEST(a_shift_ends_in_the_right_strategy)
{
	int good = 0, runs = 200;

	for (int seed = 1; seed <= runs; seed++) {
		struct sim sim;
		uint32_t windows = 0;

		fresh((uint64_t) seed, &usual);
		sim_make(&sim, 0.1, 0, 1);
		(void) sim_play(&sim, &usual, 10000);
		ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
		sim_make(&sim, 0.1, 0, 1);
		ck_assert(hk_lifecycle_shift(&state, &usual, 0));
		while (phase() == HK_PHASE_CANARY && windows < 100000)
			windows += sim_play(&sim, &usual, 100000);
		ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
		good += sim.cost[state.leader] <= 1.1;
	}
	ck_assert_int_ge(good, runs * 9 / 10);
}
END_TEST

START_TEST(shifts_need_learn_frozen)
{
	struct hk_elo_params frozen = usual;

	frozen.policy = HK_EVO_FROZEN;
	fresh(1, &frozen);
	ck_assert(!hk_lifecycle_shift(&state, &frozen, 0));
	fresh(1, &usual);
	ck_assert(!hk_lifecycle_shift(&state, &usual, 0)); /* still in LEARN */
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
}
END_TEST

/* ---- shadows ---- */

static void shadows(struct hk_elo_params *params, float first, float third, float noise)
{
	static const float thp[N];
	float costs[N];
	params->observe = true;
	fresh(9, params);
	ck_assert(hk_lifecycle_observing(&state));
	for (int i = 0; i < N; i++)
		costs[i] = 12;
	costs[0] = costs[1] = first;
	costs[2] = costs[3] = third;
	hk_lifecycle_rank(&state, params, costs, thp, noise, 0);
}

START_TEST(shadows_tell_who_plays)
{
	struct hk_elo_params params = usual;
	struct sim sim = {.noise = 0.02};
	shadows(&params, 10, 9.8F, 0); /* 15 % apart: that is to be seen in earnest, by one of each pair */
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	ck_assert_uint_eq(hk_match_contenders(&state), 2);
	ck_assert_uint_eq(state.leader, 2);
	for (int i = 0; i < N; i++)
		sim.cost[i] = i == 2 ? 1.2 : 1, sim.resident[i] = 1;
	sim_play(&sim, &params, 1000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state.leader, 0); /* the shadows were wrong */
	for (int i = 0; i < N; i++)
		ck_assert(i == 0 || i == 2 ? state.played[i] > 0 : state.played[i] == 0);
}
END_TEST

START_TEST(shadows_alone_may_do)
{
	struct hk_elo_params params = usual;
	shadows(&params, 10, 9, 0); /* half as dear: nobody else is within reach */
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state.leader, 2);
	ck_assert_uint_eq(state.matches, 0);
	shadows(&params, 10, 9.8F, 0.3F); /* windows that differ so much tell nothing */
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state.leader, 2);
	ck_assert_uint_eq(state.matches, 0);
	shadows(&params, 9, 10, 0);
	ck_assert_uint_eq(state.leader, 0);
	params.policy = HK_EVO_LEARN; /* research plays everybody */
	shadows(&params, 10, 9, 0.3F);
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	ck_assert_uint_eq(hk_match_contenders(&state), N);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elo");
	TCase *tcase = tcase_create("pure");
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, arithmetic);
	tcase_add_test(tcase, scores);
	tcase_add_test(tcase, ties_stay_default);
	tcase_add_test(tcase, budget_forces_frozen);
	tcase_add_test(tcase, learn_policy_never_freezes);
	tcase_add_test(tcase, log_is_a_ring);
	tcase_add_test(tcase, policies);
	tcase_add_test(tcase, commands);
	tcase_add_test(tcase, canary_promotes_the_better);
	tcase_add_test(tcase, canary_seldom_promotes_an_equal);
	tcase_add_test(tcase, canary_share);
	tcase_add_test(tcase, canary_rolls_back);
	tcase_add_test(tcase, torn_state);
	tcase_add_test(tcase, a_shift_ends_in_the_right_strategy);
	tcase_add_test(tcase, shifts_need_learn_frozen);
	tcase_add_test(tcase, shadows_tell_who_plays);
	tcase_add_test(tcase, shadows_alone_may_do);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
