/* SPDX-License-Identifier: MIT
 *
 * The ends of bursts, on a clock of our own.
 */
#include "core/ebb.h"

#include <check.h>
#include <stdlib.h>

#define DELAY UINT64_C(1000)
#define BASE (5 * HK_MIB)

static struct hk_ebb ebb;
static uint64_t now, warm;

/* What is in use goes from one size to another, in steps; what falls off stays warm until it is given back. How often it was. */
static unsigned go(uint64_t from, uint64_t to)
{
	int64_t step = ((int64_t) to - (int64_t) from) / 16, left;
	unsigned given = 0;

	for (int64_t i = 1; i <= 16; i++) {
		left = (int64_t) warm - step;
		warm = left > 0 ? (uint64_t) left : 0; /* what is not warm comes fresh */
		now++;
		if (hk_ebb_turn(&ebb, now, (uint64_t) ((int64_t) from + step * i), warm, DELAY)) {
			given++;
			warm = 0;
		}
	}
	return given;
}

static unsigned burst(uint64_t rest)
{
	unsigned given;

	now += rest;
	given = go(BASE, BASE + 160 * HK_MIB);
	ck_assert_uint_eq(given, 0);
	return go(BASE + 160 * HK_MIB, BASE);
}

static void begin(void)
{
	ebb = (struct hk_ebb){.mark = 0};
	now = 1000000;
	warm = 0;
	ck_assert(!hk_ebb_turn(&ebb, now, BASE, 0, DELAY));
}

START_TEST(lone_bursts_are_given_back)
{
	for (int i = 0; i < 20; i++) {
		ck_assert_uint_gt(burst(5 * DELAY), 0);
		ck_assert_uint_lt(warm, 2 * HK_EBB_LEAST);
	}
}
END_TEST

START_TEST(young_process_is_left_alone)
{
	ck_assert_uint_eq(burst(DELAY / 2), 0);
	ck_assert_uint_gt(burst(2 * DELAY), 0);
}
END_TEST

START_TEST(rhythm_keeps_its_memory)
{
	unsigned given = 0;

	ck_assert_uint_gt(burst(2 * DELAY), 0);
	for (int i = 0; i < 1000; i++)
		given += burst(DELAY / 10) > 0;
	ck_assert_uint_eq(given, 0);
	ck_assert_uint_ge(warm, 150 * HK_MIB);
	ck_assert_uint_gt(burst(70 * DELAY), 0); /* after a long rest it may be over */
}
END_TEST

/* A long rest, and another burst right after each: giving back is wrong each second time, and so it is done less and less. */
START_TEST(mistakes_become_rare)
{
	unsigned wrong = 0, total = 0;

	for (int i = 0; i < 400; i++) {
		now += DELAY + DELAY / 2; /* high for so long, free for a moment */
		(void) go(BASE, BASE + 160 * HK_MIB);
		now += DELAY + DELAY / 2;
		wrong += go(BASE + 160 * HK_MIB, BASE) > 0;
		now += DELAY / 10;
		(void) go(BASE, BASE + 160 * HK_MIB);
		(void) go(BASE + 160 * HK_MIB, BASE);
		total++;
	}
	ck_assert_uint_gt(wrong, 0);
	ck_assert_uint_lt(wrong, total / 8);
}
END_TEST

START_TEST(little_is_no_burst)
{
	for (int i = 0; i < 50; i++) {
		now += 5 * DELAY;
		ck_assert_uint_eq(go(BASE, BASE + HK_EBB_LEAST / 2), 0);
		ck_assert_uint_eq(go(BASE + HK_EBB_LEAST / 2, BASE), 0);
	}
}
END_TEST

START_TEST(big_heaps_keep_what_is_little_to_them)
{
	for (int i = 0; i < 20; i++) {
		now += 5 * DELAY;
		ck_assert_uint_eq(go(HK_GIB, HK_GIB + 160 * HK_MIB), 0);
		ck_assert_uint_eq(go(HK_GIB + 160 * HK_MIB, HK_GIB), 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ebb");
	TCase *all = tcase_create("bursts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(all, begin, NULL);
	tcase_add_test(all, lone_bursts_are_given_back);
	tcase_add_test(all, young_process_is_left_alone);
	tcase_add_test(all, rhythm_keeps_its_memory);
	tcase_add_test(all, mistakes_become_rare);
	tcase_add_test(all, little_is_no_burst);
	tcase_add_test(all, big_heaps_keep_what_is_little_to_them);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
