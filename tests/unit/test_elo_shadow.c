/* SPDX-License-Identifier: MIT
 *
 * Shadows: what each strategy would have done with blocks that come and go as told here, second by second.
 */
#include "elo/shadow.h"

#include "base/sys.h"

#include <check.h>
#include <math.h>
#include <string.h>

#define MB HK_MIB
#define S ((uint64_t) 1000000000)
#define MS ((uint64_t) 1000000)

static struct hk_shadow shadow;
static struct hk_shadow_total total;
static uint64_t now;

static unsigned named(const char *name)
{
	for (unsigned i = 0; i < HK_ELO_STRATEGIES; i++)
		if (strcmp(hk_strategies[i].name, name) == 0)
			return i;
	ck_abort_msg("no strategy %s", name);
	return 0;
}

static void setup(void)
{
	memset(&shadow, 0, sizeof shadow);
	memset(&total, 0, sizeof total);
	memcpy(shadow.rule, hk_strategies, sizeof shadow.rule);
	now = 100 * S;
	hk_shadow_begin(&shadow, now, 0, 0);
}

/* Somebody looks after memory all the time, as the control thread does. */
static void event(uint64_t old, uint64_t new)
{
	hk_shadow_event(&shadow, old, new, now, now);
}

static double fresh(const char *name)
{
	const struct hk_shadow_sum *sum = &shadow.player[named(name)].sum;
	return (sum->fresh_small + sum->fresh_huge) / (double) MB;
}

static double idle(const char *name)
{
	return shadow.player[named(name)].sum.idle_byte_ns / (double) MB / (double) S;
}

static float cost(const char *name, float weight)
{
	static const struct hk_shadow_prices prices = {1500, 400, 250, 4000, 300, 200};
	struct hk_shadow_case given = {&prices, 0, weight, 0};
	return hk_shadow_cost(&shadow, &total, &given, named(name), false);
}

START_TEST(warm_memory_is_used_again)
{
	for (int i = 0; i < 10; i++) {
		event(0, 2 * MB);
		now += MS;
		event(2 * MB, 0);
		now += MS;
	}
	ck_assert_double_eq(fresh("default"), 2);
	ck_assert_double_eq(fresh("hoard"), 2);
	now += 20 * MS;
	event(0, 2 * MB); /* eager gave it back meanwhile, at the latest when ticks came 10 ms apart */
	ck_assert_double_ge(fresh("eager"), 4);
	ck_assert_double_eq(fresh("default"), 2);
}
END_TEST

START_TEST(delays_tell_after_a_rest)
{
	event(0, 8 * MB);
	event(8 * MB, 0);
	now += 5 * S;
	event(0, 8 * MB);
	ck_assert_double_eq(fresh("default"), 16);
	ck_assert_double_eq(fresh("patient"), 8); /* 10 s */
	ck_assert_double_eq(fresh("hoard"), 8);
	ck_assert_double_eq_tol(idle("default"), 8 * 1.125, 0.1); /* 1 s and half a tick */
	ck_assert_double_eq_tol(idle("hoard"), 40, 0.1);
	ck_assert_double_lt(idle("lean"), 0.2);
	ck_assert_double_eq(shadow.player[named("default")].sum.given_back, 8.0 * MB);
	ck_assert_double_eq_tol(shadow.time_ns, 5e9, 1);
}
END_TEST

START_TEST(nobody_looks_while_the_program_sleeps)
{
	event(0, 8 * MB);
	event(8 * MB, 0);
	uint64_t looked = now;
	now += 5 * S;
	hk_shadow_event(&shadow, 0, 8 * MB, now, looked);
	ck_assert_double_eq(fresh("default"), 8); /* still there: nobody gave it back */
	ck_assert_double_eq_tol(idle("default"), 40, 0.1);
	ck_assert_double_eq_tol(idle("lean"), 40, 0.1);
}
END_TEST

/* 60 blocks of 1 MB come, are freed, and the process sleeps for 1.3 s; nobody looks meanwhile. */
static void bursts(int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t looked = now;

		for (int k = 0; k < 120; k++, now += MS)
			hk_shadow_event(&shadow, k < 60 ? 0 : MB, k < 60 ? MB : 0, now, looked);
		now += 1300 * MS;
	}
}

START_TEST(a_burst_goes_back_at_its_end)
{
	bursts(2); /* the first one cannot be told from a start */
	hk_shadow_clear_sums(&shadow);
	bursts(10);
	ck_assert_double_ge(idle("default"), 9 * 60 * 1.2);
	ck_assert_double_eq_tol(fresh("lean"), 600, 60);
	setup();
	shadow.ebbs = true;
	bursts(2);
	hk_shadow_clear_sums(&shadow);
	bursts(10);
	ck_assert_double_le(idle("default"), 9 * 16 * 1.2); /* what it falls to is less than a burst */
	ck_assert_double_ge(fresh("default"), 10 * 40);
	ck_assert_double_eq(fresh("hoard"), 0); /* purge_delay = 60 s */
	ck_assert_double_ge(idle("hoard"), 9 * 60 * 1.2);
	/* Small blocks count as in use: half of it all is never freed. */
	setup();
	shadow.ebbs = true;
	shadow.other_bytes = 100 * MB;
	bursts(2);
	hk_shadow_clear_sums(&shadow);
	bursts(10);
	ck_assert_double_ge(idle("default"), 9 * 60 * 1.2);
}
END_TEST

START_TEST(mappings_rest_in_bigcache_or_nowhere)
{
	for (int i = 0; i < 5; i++) {
		event(0, 40 * MB);
		now += MS;
		event(40 * MB, 0);
	}
	ck_assert_double_eq(fresh("default"), 40);
	ck_assert_double_eq(fresh("narrow"), 200); /* blocks of 4 MB at most */
	ck_assert_double_eq(fresh("brisk"), 40);   /* of 64 MB */
	event(0, 50 * MB); /* does not fit: it makes way */
	ck_assert_double_eq(fresh("default"), 90);
	ck_assert_double_eq(shadow.player[named("default")].sum.given_back, 40.0 * MB);
	ck_assert_uint_eq(shadow.player[named("default")].cached, 0);
}
END_TEST

START_TEST(huge_pages_by_rule)
{
	event(0, 8 * MB);
	ck_assert_double_eq(shadow.player[named("huge")].sum.fresh_huge, 8.0 * MB);
	ck_assert_double_eq(shadow.player[named("default")].sum.fresh_huge, 0);
	shadow.auto_huge = true;
	event(0, 8 * MB);
	ck_assert_double_eq(shadow.player[named("default")].sum.fresh_huge, 8.0 * MB);
	ck_assert_double_eq(shadow.player[named("flat")].sum.fresh_huge, 0);
}
END_TEST

START_TEST(first_use_of_huge_pages)
{
	const struct hk_shadow_sum *sum = &shadow.player[named("huge")].sum;
	hk_shadow_begin(&shadow, now, 0, 100 * MB);
	event(0, 20 * MB);
	ck_assert_double_eq(sum->fresh_huge, 20.0 * MB);
	ck_assert_double_eq(sum->first_huge, 0); /* 100 MB were there before */
	event(0, 90 * MB);
	ck_assert_double_eq(sum->first_huge, 10.0 * MB);
	event(90 * MB, 0);
	now += 5 * S;
	event(20 * MB, 0); /* what is old goes back */
	event(0, 90 * MB);
	ck_assert_double_eq(sum->fresh_huge, 200.0 * MB);
	ck_assert_double_eq(sum->first_huge, 10.0 * MB);
	event(90 * MB, 120 * MB);
	ck_assert_double_eq(sum->first_huge, 40.0 * MB); /* beside 20 MB that are warm */
	/* It is dearer, and auto would rather have small ones. */
	total = (struct hk_shadow_total){.cpu_ns = 1e8, .allocations = 100, .time_ns = 1e9, .windows = 1};
	total.of[named("huge")].fresh_huge = 1000.0 * HK_PAGE;
	ck_assert_float_lt(cost("huge", 0), log2f((1e8F + 0.5e6F) / 100));
	total.of[named("huge")].first_huge = 1000.0 * HK_PAGE;
	ck_assert_float_eq_tol(cost("huge", 0), log2f((1e8F + 4e6F) / 100), 0.001F);
	total.of[named("bulk")] = total.of[named("huge")];
	ck_assert_float_eq_tol(cost("bulk", 0), log2f((1e8F + 1.7e6F) / 100), 0.001F);
}
END_TEST

START_TEST(blocks_that_grow_and_shrink)
{
	event(0, MB);
	event(MB, 3 * MB);
	ck_assert_double_eq(fresh("default"), 3);
	event(3 * MB, 2 * MB);
	ck_assert_uint_eq(shadow.player[0].warm, MB);
	event(0, MB);
	ck_assert_double_eq(fresh("default"), 3);
	event(0, 64 * MB);
	event(64 * MB, 100 * MB);
	ck_assert_double_eq(fresh("default"), 103);
	ck_assert_uint_eq(shadow.live_bytes, 103 * MB);
	event(100 * MB, 50 * MB);
	ck_assert_uint_eq(shadow.live_bytes, 53 * MB);
}
END_TEST

/* Whatever happens, in whatever order: lists stay within their bounds and sums agree with them. */
START_TEST(any_events)
{
	uint64_t seed = 7;
	for (int i = 0; i < 300000; i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		uint64_t size = ((uint64_t) 64 << 10) << (seed >> 40) % 13, other = ((uint64_t) 64 << 10) << (seed >> 50) % 13;
		unsigned kind = (seed >> 60) % 8;
		now += (seed >> 33) % 64 == 0 ? 400 * MS : MS;
		uint64_t looked = seed & 1U << 20 ? now : now - (seed >> 30) % (10 * S);
		hk_shadow_event(&shadow, kind < 3 ? size : kind == 3 ? other : 0, kind < 3 ? 0 : size, now, looked);
	}
	for (unsigned p = 0; p < HK_ELO_STRATEGIES; p++) {
		const struct hk_shadow_player *player = &shadow.player[p];
		uint64_t warm = 0, cached = 0;
		ck_assert_uint_le(player->runs, HK_SHADOW_RUNS);
		ck_assert_uint_le(player->blocks, HK_SHADOW_BLOCKS);
		for (unsigned i = 0; i < player->runs; i++)
			warm += player->run[i].bytes;
		for (unsigned i = 0; i < player->blocks; i++)
			cached += player->block[i].bytes;
		ck_assert_uint_eq(warm, player->warm);
		ck_assert_uint_eq(cached, player->cached);
		ck_assert_uint_le(cached, hk_strategies[p].bigcache_limit);
		ck_assert(isfinite(player->sum.idle_byte_ns) && player->sum.idle_byte_ns >= 0);
		ck_assert(player->sum.fresh_small + player->sum.fresh_huge > 0);
	}
	/* Who keeps for longer has more resident and faults less. */
	ck_assert_double_gt(idle("hoard"), idle("default"));
	ck_assert_double_gt(idle("default"), idle("brisk"));
	ck_assert_double_lt(fresh("hoard"), fresh("default"));
	ck_assert_double_lt(fresh("brisk"), fresh("eager"));
}
END_TEST

START_TEST(costs)
{
	/* A service that faulted in 1,000 pages under the default and would have none under hoard, which keeps 300 MB for it;
	   that takes 3 ms of CPU time, half of it faults. */
	total = (struct hk_shadow_total){.cpu_ns = 3e6, .allocations = 100, .time_ns = 1e9, .windows = 1, .resident = 100.0 * MB,
	                                 .tracked = 50.0 * MB, .live_byte_ns = 50e9 * MB};
	total.of[0].fresh_small = 1000.0 * HK_PAGE;
	total.of[named("hoard")].idle_byte_ns = 300e9 * MB;
	ck_assert_float_lt(cost("hoard", 0.05F), cost("default", 0.05F));
	ck_assert_float_gt(cost("hoard", 0.6F), cost("default", 0.6F));
	/* Time as measured: 3 ms and 200 ns a fault, over 100 allocations; and half of it. */
	ck_assert_float_eq_tol(cost("default", 0), log2f(3.2e4F), 0.01F);
	ck_assert_float_eq_tol(cost("hoard", 0), log2f(1.5e4F), 0.01F);
	/* Bytes: 50 MB live and 50 that the events do not explain, then 300 more. */
	ck_assert_float_eq_tol(cost("default", 1), log2f(100), 0.01F);
	ck_assert_float_eq_tol(cost("hoard", 1), log2f(400), 0.01F);
	/* Half of what is allocated was never touched: it is not resident, and does not fault. */
	total.tracked = 200.0 * MB;
	total.live_byte_ns = 200e9 * MB;
	ck_assert_float_eq_tol(cost("default", 1), log2f(100), 0.01F);
}
END_TEST

/* Paging takes time, in which the blocks are in use: half a second of faults beside a second in which 10 MB were. */
START_TEST(slow_paging_keeps_blocks_longer)
{
	double faulted = 0.5e9 / (1500 + 200) * HK_PAGE;
	total = (struct hk_shadow_total){.cpu_ns = 1e9, .allocations = 100, .time_ns = 1e9, .windows = 1, .live_byte_ns = 10e9 * MB};
	total.of[named("eager")].fresh_small = faulted;
	total.of[named("eager")].live_at_fault = faulted * 40 * MB;
	ck_assert_float_eq_tol(cost("default", 1), log2f(10), 0.01F);
	ck_assert_float_eq_tol(cost("eager", 1), log2f((10 + 40 * 0.5F) / 1.5F), 0.01F);
	/* The other way round: without them it would have been the 10 MB for a second. */
	total.of[0] = total.of[named("eager")];
	total.of[named("hoard")] = (struct hk_shadow_sum){0};
	total.time_ns = 1.5e9;
	total.cpu_ns = 1.5e9;
	total.live_byte_ns = 30e9 * MB;
	ck_assert_float_eq_tol(cost("default", 1), log2f(20), 0.01F);
	ck_assert_float_eq_tol(cost("hoard", 1), log2f(10), 0.01F);
	/* Ten threads that fault at once pass a tenth of the time with it. */
	total.cpu_ns = 15e9;
	ck_assert_float_eq_tol(cost("hoard", 1), log2f((30 - 40 * 0.05F) / 1.45F), 0.01F);
}
END_TEST

/* 100 MB are allocated and written to: in huge pages that takes a third less time, which is due to them and to nothing else. */
START_TEST(huge_pages_save_time)
{
	static const struct hk_shadow_prices prices = {1500, 400, 250, 4000, 300, 200};
	struct hk_shadow_case given = {&prices, 0, 0, 0};
	total = (struct hk_shadow_total){.cpu_ns = 300.0 * 25600, .allocations = 100, .time_ns = 1e9, .windows = 1,
	                                 .allocated = 100.0 * MB, .resident = 100.0 * MB};
	ck_assert_float_eq_tol(cost("huge", 0) - cost("default", 0), log2f(2.0F / 3), 0.01F);
	ck_assert_float_eq(hk_shadow_cost(&shadow, &total, &given, named("huge"), true), cost("default", 0));
	given.huge_part = 1; /* it is in huge pages already: flat would lose them, auto is what gave them */
	ck_assert_float_eq_tol(hk_shadow_cost(&shadow, &total, &given, named("huge"), false), cost("default", 0), 0.01F);
	ck_assert_float_eq_tol(hk_shadow_cost(&shadow, &total, &given, named("flat"), false) - cost("default", 0),
	                       log2f(4.0F / 3), 0.01F);
}
END_TEST

START_TEST(noise)
{
	const double window[] = {10, 11, 9, 10.5, 9.5};
	for (unsigned i = 0; i < HK_COUNT(window); i++) {
		total.windows++;
		total.cost += window[i];
		total.squares += window[i] * window[i];
	}
	ck_assert_float_eq_tol(hk_shadow_noise(&total), 0.625F, 1e-4F);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elo_shadow");
	TCase *tcase = tcase_create("pure");
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, warm_memory_is_used_again);
	tcase_add_test(tcase, delays_tell_after_a_rest);
	tcase_add_test(tcase, nobody_looks_while_the_program_sleeps);
	tcase_add_test(tcase, a_burst_goes_back_at_its_end);
	tcase_add_test(tcase, mappings_rest_in_bigcache_or_nowhere);
	tcase_add_test(tcase, huge_pages_by_rule);
	tcase_add_test(tcase, first_use_of_huge_pages);
	tcase_add_test(tcase, blocks_that_grow_and_shrink);
	tcase_add_test(tcase, any_events);
	tcase_add_test(tcase, costs);
	tcase_add_test(tcase, slow_paging_keeps_blocks_longer);
	tcase_add_test(tcase, huge_pages_save_time);
	tcase_add_test(tcase, noise);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
