/* SPDX-License-Identifier: MIT
 *
 * When a workload counts as changed: distributions of sizes that are drawn, steady, drifting, changing, flickering.
 */
#include "elo/shift.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t sim_seed;

static double uniform(void)
{
	sim_seed = sim_seed * 6364136223846793005U + 1442695040888963407U;
	return (double) (sim_seed >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

static struct hk_shift shift;

/* 256 draws of a distribution that has its mass around one band. */
static void draw_sizes(double centre, uint64_t *counts)
{
	memset(counts, 0, sizeof(uint64_t) * HK_SIZE_BANDS);
	for (unsigned i = 0; i < HK_SHIFT_WINDOW; i++) {
		double band = centre + 1.5 * normal();
		counts[band < 0 ? 0 : band > HK_SIZE_BANDS - 1 ? HK_SIZE_BANDS - 1 : (unsigned) band]++;
	}
}

/* Looks that say "shifted" out of n at a workload around centre. */
static unsigned looks(double centre, unsigned n)
{
	uint64_t counts[HK_SIZE_BANDS];
	unsigned shifts = 0;

	for (unsigned i = 0; i < n; i++) {
		draw_sizes(centre, counts);
		shifts += hk_shift_look(&shift, counts);
	}
	return shifts;
}

static void fresh_shift(void)
{
	memset(&shift, 0, sizeof shift);
	sim_seed = 4711;
}

START_TEST(steady_work_does_not_shift)
{
	for (double centre = 0; centre < 16; centre += 2.5) {
		fresh_shift();
		ck_assert_uint_eq(looks(centre, 5000), 0);
	}
}
END_TEST

START_TEST(slow_change_is_no_shift)
{
	unsigned shifts = 0;

	fresh_shift();
	for (unsigned i = 0; i < 3000; i++)
		shifts += looks(3 + i * 0.003, 1);
	ck_assert_uint_eq(shifts, 0);
}
END_TEST

START_TEST(a_change_for_good_shifts_once)
{
	fresh_shift();
	ck_assert_uint_eq(looks(3, 50), 0);
	ck_assert_uint_eq(looks(9, 7), 0);
	ck_assert_uint_eq(looks(9, 1), 1);
	ck_assert_uint_eq(looks(9, 1000), 0);
}
END_TEST

START_TEST(flickering_work_does_not_flap)
{
	unsigned shifts = 0;

	fresh_shift();
	(void) looks(3, 10);
	for (unsigned i = 0; i < 500; i++) /* shorter than the patience: nothing */
		shifts += looks(i % 2 != 0 ? 9 : 3, 5);
	ck_assert_uint_eq(shifts, 0);
	for (unsigned i = 0; i < 200; i++) /* longer: known from the first time on */
		shifts += looks(i % 2 != 0 ? 9 : 3, 40);
	ck_assert_uint_eq(shifts, 1);
}
END_TEST

/* A window without allocations says nothing. */
START_TEST(nothing_is_no_shift)
{
	uint64_t none[HK_SIZE_BANDS] = {0};

	fresh_shift();
	for (int i = 0; i < 100; i++)
		ck_assert(!hk_shift_look(&shift, none));
	ck_assert_uint_eq(looks(3, 50), 0);
	for (int i = 0; i < 100; i++)
		ck_assert(!hk_shift_look(&shift, none));
	ck_assert_uint_eq(looks(9, 8), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elo shift");
	TCase *tcase = tcase_create("pure");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, steady_work_does_not_shift);
	tcase_add_test(tcase, slow_change_is_no_shift);
	tcase_add_test(tcase, a_change_for_good_shifts_once);
	tcase_add_test(tcase, flickering_work_does_not_flap);
	tcase_add_test(tcase, nothing_is_no_shift);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
