/* SPDX-License-Identifier: MIT
 *
 * The engine in several processes of a service: the try-lock, windows and shadows of each, and what they tell one another.
 */
#include "elo_process.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(dead_lock_holder)
{
	configure(HK_EVO_LEARN);
	hk_engine_start(state, &config);
	uint32_t now = (uint32_t) (hk_sys_precise_ns() / 1000000);
	state->lock = (uint64_t) 999999 << 32 | now;
	work(1000);
	ck_assert_uint_eq(hk_elo_scratch(state)->serial, 0); /* fresh: its holder may be at work */
	state->lock = (uint64_t) 999999 << 32 | (now - 1500);
	work(4000); /* what went by while it was held does not count */
	ck_assert_uint_gt(hk_elo_scratch(state)->serial, 20);
	ck_assert_uint_eq(atomic_load(&state->lock), 0);
}
END_TEST

/* The owner of a window was killed: another process takes over after a second, both windows anew. */
START_TEST(dead_window_owner)
{
	configure(HK_EVO_LEARN);
	hk_engine_start(state, &config);
	work(1024);       /* observed */
	work(8 + 32 + 8); /* one window done, the second begun */
	struct hk_elo_scratch *scratch = hk_elo_scratch(state);
	ck_assert_uint_eq(scratch->half, 1);
	uint32_t serial = scratch->serial;
	scratch->owner = 999999;
	work(64);
	ck_assert_uint_eq(scratch->serial, serial);
	scratch->since_ms -= 1500;
	work(8);
	ck_assert_uint_eq(scratch->owner, (uint32_t) getpid());
	ck_assert_uint_eq(scratch->serial, serial + 1);
	ck_assert_uint_eq(scratch->half, 0);
}
END_TEST

/* A worker's counters begin at zero, and so does its share in what is observed. */
START_TEST(a_child_counts_its_own)
{
	configure(HK_EVO_LEARN_FROZEN);
	hk_engine_start(state, &config);
	work(490); /* the last ten are not in the sums yet, and are the parent's */
	double before = hk_elo_scratch(state)->seen.allocations;
	ck_assert_double_gt(before, 0);
	pid_t pid = fork();
	if (pid == 0) {
		memset(hk_counters, 0, sizeof *hk_counters);
		work(128);
		_exit(0);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_double_gt(hk_elo_scratch(state)->seen.allocations, before);
	ck_assert_double_le(hk_elo_scratch(state)->seen.allocations, before + 128);
	ck_assert_double_lt(hk_elo_scratch(state)->seen.cpu_ns, 1e12);
	ck_assert_double_le(hk_elo_scratch(state)->seen.allocated, hk_elo_scratch(state)->seen.allocations * (40 * HK_MIB));
}
END_TEST

/* Workers learn together, one of them killed in the middle. */
START_TEST(workers)
{
	pid_t pid[4];
	configure(HK_EVO_LEARN_FROZEN);
	hk_engine_start(state, &config);
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			for (int n = 0; n < 400 && phase() == HK_PHASE_LEARN; n++) {
				work(64);
				usleep(5000);
			}
			work(64); /* who did not freeze it himself notices at his next turn */
			_exit(phase() == HK_PHASE_FROZEN && window() == HK_SHIFT_WINDOW ? 0 : 1);
		}
	}
	usleep(20000);
	kill(pid[0], SIGKILL);
	for (int i = 0, status; i < 4; i++) {
		waitpid(pid[i], &status, 0);
		if (i > 0)
			ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_le(atomic_load(&state->allocations), 2048);
}
END_TEST

/* Workers see the same change one after another: the first opens the canaries, the others get used to it. */
START_TEST(a_shift_is_told_once)
{
	int status;
	configure(HK_EVO_LEARN_FROZEN);
	hk_engine_start(state, &config);
	band = 3;
	work_until(HK_PHASE_FROZEN, 20000);
	work(10000);
	band = 9;
	pid_t pid = fork();
	if (pid == 0) {
		work_until(HK_PHASE_CANARY, 10000);
		work_until(HK_PHASE_FROZEN, 4000000);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	state->log_next = 0;
	work(20000);
	ck_assert_uint_eq(phase(), HK_PHASE_FROZEN);
	ck_assert_uint_eq(logged(HK_ELO_SHIFT), 0);
	band = 14; /* another change, which nobody has told of */
	work_until(HK_PHASE_CANARY, 10000);
	ck_assert_uint_eq(logged(HK_ELO_SHIFT), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elo_processes");
	TCase *tcase = tcase_create("processes");
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, dead_lock_holder);
	tcase_add_test(tcase, dead_window_owner);
	tcase_add_test(tcase, a_child_counts_its_own);
	tcase_add_test(tcase, a_shift_is_told_once);
	tcase_add_test(tcase, workers);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
