/* SPDX-License-Identifier: MIT
 *
 * The engine in a process: the core's window counter, pulses, overlay and pins.
 */
#include "elo_process.h"

#include <errno.h>
#include <stdlib.h>

START_TEST(frozen_calls_nothing)
{
	struct hk_overlay overlay;
	configure(HK_EVO_FROZEN);
	hk_engine_start(state, &config);
	uint64_t random = state->random, pulses = pulse[1];
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(window(), 0);
	ck_assert_uint_eq(work(10000), 0);
	ck_assert_uint_eq(state->random, random);
	ck_assert_uint_eq(pulse[1], pulses);
	hk_engine_overlay(state, &config, &overlay);
	ck_assert_uint_eq(overlay.mask, 0);
}
END_TEST

START_TEST(off_calls_nothing)
{
	configure(HK_EVO_LEARN);
	put(HK_KEY_ELO, 0);
	hk_engine_start(state, &config);
	ck_assert_uint_eq(phase(), HK_PHASE_OFF);
	ck_assert_uint_eq(work(1000), 0);
	put(HK_KEY_ELO, 1);
	put(HK_KEY_EVO_POLICY, HK_EVO_OFF);
	hk_engine_configure(state, &config);
	ck_assert_uint_eq(phase(), HK_PHASE_OFF);
}
END_TEST

START_TEST(learns_and_freezes)
{
	configure(HK_EVO_LEARN_FROZEN);
	hk_engine_start(state, &config);
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	ck_assert_uint_eq(window(), 32);
	uint64_t first = pulse[1];
	work(1024 - 32);
	ck_assert_uint_eq(window(), 32);
	ck_assert_uint_eq(pulse[1], first); /* observed only: the default was in force */
	work(32);
	ck_assert(atomic_load(&hk_hooks.on_large) == NULL);
	for (unsigned i = 1; i < HK_ELO_STRATEGIES; i++) /* who lets go of blocks of 40 MB has to fault them in each time */
		if (hk_strategies[i].bigcache_max_block < 40 * HK_MIB)
			ck_assert_float_lt(state->rating[i], state->rating[0] - 50);
	/* All others do what the default does, or are out of reach: there is nothing to play for. */
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state->leader, 0);
	ck_assert_uint_eq(state->matches, 0);
	ck_assert_uint_eq(window(), HK_SHIFT_WINDOW); /* only sizes are looked at */
	ck_assert_uint_gt(pulse[1], first);
	ck_assert_uint_le(atomic_load(&state->allocations), 2048);
	ck_assert_uint_eq(atomic_load(&state->strategy), state->leader);
	uint64_t before = pulse[1], random = state->random;
	ck_assert_uint_eq(work(10000), 10000 / HK_SHIFT_WINDOW);
	ck_assert_uint_eq(pulse[1], before);
	ck_assert_uint_eq(state->random, random);
}
END_TEST

START_TEST(a_shift_opens_a_canary)
{
	configure(HK_EVO_LEARN_FROZEN);
	hk_engine_start(state, &config);
	band = 3;
	work(20000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	band = 9;
	work(2000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	work(1000);
	ck_assert_uint_eq(phase(), HK_PHASE_CANARY);
	work_until(HK_PHASE_FROZEN, 3000000); /* all of the series */
	band = 3;
	work(20000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
}
END_TEST

/* A canary ends with the challenger's window, and the next one or LEARN begins with somebody else's: what was played last
   must not stay in force under his name. */
START_TEST(what_plays_is_in_force)
{
	static struct hk_overlay plays;
	unsigned canaries = 0;
	configure(HK_EVO_LEARN_FROZEN);
	hk_engine_start(state, &config);
	band = 3;
	work_until(HK_PHASE_FROZEN, 20000);
	work(10000);
	band = 9;
	work_until(HK_PHASE_CANARY, 10000);
	for (unsigned i = 0; i < 500000 && phase() == HK_PHASE_CANARY; i++) {
		uint32_t challenger = state->challenger;
		work(8);
		canaries += challenger != state->challenger;
		hk_engine_overlay(state, &config, &plays);
		ck_assert_mem_eq(&laid, &plays, sizeof plays);
	}
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(canaries, HK_ELO_STRATEGIES - 2); /* after the first */
}
END_TEST

/* Where the mode has huge pages on, default has them as huge has. */
START_TEST(default_is_the_configuration)
{
	const float *thp = hk_elo_scratch(state)->thp;
	configure(HK_EVO_LEARN);
	put(HK_KEY_THP, HK_THP_ON);
	put(HK_KEY_BIGCACHE, 0); /* so that there is something to fault in */
	hk_engine_start(state, &config);
	work(1024);
	ck_assert(atomic_load(&hk_hooks.on_large) == NULL);
	ck_assert_str_eq(hk_strategies[2].name, "huge");
	ck_assert_float_eq(thp[2], 0);
	ck_assert_float_eq(state->rating[2], state->rating[0]);
}
END_TEST

/* A window as large as half of the budget: the start is not all that is observed. */
START_TEST(large_windows_are_observed)
{
	configure(HK_EVO_LEARN_FROZEN);
	put(HK_KEY_ELO_WINDOW, 1024);
	hk_engine_start(state, &config);
	work(4096);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(hk_elo_scratch(state)->placed, 1);
	ck_assert_uint_gt(logged(HK_ELO_SHADOW), 0);
}
END_TEST

START_TEST(research_goes_on)
{
	configure(HK_EVO_LEARN);
	hk_engine_start(state, &config);
	work(10000);
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	ck_assert_uint_eq(window(), 8);
	ck_assert_uint_gt(state->matches, 100);
}
END_TEST

/* The row of strategy 0 is for display; it must say what the presets of most modes say. */
START_TEST(default_is_the_preset)
{
	static struct hk_config preset;
	static const enum hk_mode modes[] = {HK_MODE_FAST, HK_MODE_BALANCED, HK_MODE_LEARNING};
	const struct hk_strategy *s = &hk_strategies[0];
	for (unsigned i = 0; i < HK_COUNT(modes); i++) {
		hk_config_defaults(modes[i], &preset);
		ck_assert_uint_eq(hk_config_num(&preset, HK_KEY_PURGE_DELAY), s->purge_delay_ns);
		ck_assert_uint_eq(hk_config_num(&preset, HK_KEY_BIGCACHE_LIMIT), s->bigcache_limit);
		ck_assert_uint_eq(hk_config_num(&preset, HK_KEY_BIGCACHE_MAX_BLOCK), s->bigcache_max_block);
		ck_assert_uint_eq(hk_config_num(&preset, HK_KEY_BATCH_MAX), s->batch_max);
		ck_assert_uint_eq(hk_config_num(&preset, HK_KEY_THP), s->thp);
	}
	/* Every strategy stays within the keys' ranges; every tuned key is one that strategies have. */
	for (unsigned i = 0; i < HK_ELO_STRATEGIES; i++) {
		s = &hk_strategies[i];
		ck_assert_uint_le(s->purge_delay_ns, hk_keys[HK_KEY_PURGE_DELAY].max);
		ck_assert_uint_ge(s->bigcache_max_block, hk_keys[HK_KEY_BIGCACHE_MAX_BLOCK].min);
		ck_assert_uint_ge(s->batch_max, hk_keys[HK_KEY_BATCH_MAX].min);
		ck_assert_uint_le(s->batch_max, hk_keys[HK_KEY_BATCH_MAX].max);
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(s->name, hk_strategies[j].name);
	}
	unsigned tuned = 0;
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		tuned += hk_keys[k].tuned;
	ck_assert_uint_eq(tuned, 5);
}
END_TEST

START_TEST(pins_hold)
{
	static const enum hk_key_id tuned[] = {HK_KEY_PURGE_DELAY, HK_KEY_BIGCACHE_LIMIT,
	                                       HK_KEY_BIGCACHE_MAX_BLOCK, HK_KEY_BATCH_MAX, HK_KEY_THP};
	struct hk_overlay overlay;
	configure(HK_EVO_LEARN);
	hk_engine_start(state, &config);
	atomic_store(&state->phase, HK_PHASE_CANARY); /* LEARN leaves huge pages as they are */
	for (uint32_t s = 1; s < HK_ELO_STRATEGIES; s++) {
		atomic_store(&state->strategy, s);
		for (unsigned pins = 0; pins < 32; pins++) {
			uint64_t expected = 0;
			for (unsigned i = 0; i < HK_COUNT(tuned); i++) {
				config.origin[tuned[i]] =
				        pins >> i & 1 ? HK_ORIGIN_GLOBAL + i % 3 : HK_ORIGIN_PRESET;
				if (!(pins >> i & 1))
					expected |= (uint64_t) 1 << tuned[i];
			}
			hk_engine_overlay(state, &config, &overlay);
			ck_assert_uint_eq(overlay.mask, expected);
		}
	}
	ck_assert_uint_eq(overlay.values.num[HK_KEY_BIGCACHE_LIMIT], 0); /* pinned: not even filled in */
	config.origin[HK_KEY_BATCH_MAX] = HK_ORIGIN_PRESET;
	hk_engine_overlay(state, &config, &overlay);
	ck_assert_uint_eq(overlay.values.num[HK_KEY_BATCH_MAX],
	                  hk_strategies[HK_ELO_STRATEGIES - 1].batch_max);
	put(HK_KEY_ELO, 0);
	hk_engine_overlay(state, &config, &overlay);
	ck_assert_uint_eq(overlay.mask, 0);
}
END_TEST

START_TEST(commands_on_a_copy)
{
	static struct hk_elo_state copy;
	char why[128] = "";
	configure(HK_EVO_FROZEN);
	hk_engine_start(state, &config);
	copy = *state;
	copy.lock = (uint64_t) 1 << 32 | (uint32_t) (hk_sys_precise_ns() / 1000000); /* copied while locked */
	ck_assert_int_eq(hk_engine_command(&copy, &config, HK_PHASE_LEARN, why, sizeof why), 0);
	ck_assert_uint_eq(atomic_load(&copy.phase), HK_PHASE_LEARN);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(window(), 0);
	put(HK_KEY_ELO, 0);
	ck_assert_int_eq(hk_engine_command(&copy, &config, HK_PHASE_LEARN, why, sizeof why), -EINVAL);
	ck_assert_uint_gt(strlen(why), 10);
}
END_TEST

START_TEST(requests_are_carried_out_once)
{
	char why[128];
	configure(HK_EVO_FROZEN);
	hk_engine_start(state, &config);
	ck_assert_int_eq(hk_engine_request(state, &config, HK_PHASE_LEARN, 1, why, sizeof why), 0);
	ck_assert_uint_eq(phase(), HK_PHASE_LEARN);
	ck_assert_uint_eq(window(), 32);
	work(2048);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	/* An idle worker that wakes up with the old request must not start learning again. */
	ck_assert_int_eq(hk_engine_request(state, &config, HK_PHASE_LEARN, 1, why, sizeof why), 0);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_int_eq(hk_engine_request(state, &config, HK_PHASE_CANARY, 2, why, sizeof why), 0);
	ck_assert_uint_eq(phase(), HK_PHASE_CANARY);
	work(200000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN); /* promoted or not, it ends */
}
END_TEST

/* Where people have set all of the keys, strategies do the same and there is nothing to learn. */
START_TEST(nothing_to_choose)
{
	static const enum hk_key_id tuned[] = {HK_KEY_PURGE_DELAY, HK_KEY_BIGCACHE_LIMIT, HK_KEY_BIGCACHE_MAX_BLOCK,
	                                       HK_KEY_BATCH_MAX, HK_KEY_THP};
	configure(HK_EVO_LEARN_FROZEN);
	put(HK_KEY_BIGCACHE_LIMIT, HK_GIB);
	put(HK_KEY_BIGCACHE_MAX_BLOCK, HK_GIB);
	for (unsigned i = 0; i < HK_COUNT(tuned); i++)
		config.origin[tuned[i]] = HK_ORIGIN_GLOBAL;
	hk_engine_start(state, &config);
	work(1024);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(state->leader, 0);
	ck_assert_uint_eq(state->matches, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elo_engine");
	TCase *tcase = tcase_create("engine");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, frozen_calls_nothing);
	tcase_add_test(tcase, off_calls_nothing);
	tcase_add_test(tcase, learns_and_freezes);
	tcase_add_test(tcase, a_shift_opens_a_canary);
	tcase_add_test(tcase, what_plays_is_in_force);
	tcase_add_test(tcase, default_is_the_configuration);
	tcase_add_test(tcase, large_windows_are_observed);
	tcase_add_test(tcase, research_goes_on);
	tcase_add_test(tcase, default_is_the_preset);
	tcase_add_test(tcase, pins_hold);
	tcase_add_test(tcase, commands_on_a_copy);
	tcase_add_test(tcase, requests_are_carried_out_once);
	tcase_add_test(tcase, nothing_to_choose);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
