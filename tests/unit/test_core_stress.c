/* SPDX-License-Identifier: MIT
 *
 * The allocator, called as hk_*: misuse, a model with shadow contents, threads, fork.
 */
#include "base/sys.h"
#include "core/hk.h"
#include "core/knobs.h"
#include "core/sample.h"
#include "core/stats.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void notice_knobs(void)
{
	atomic_fetch_add(&hk_knobs.epoch, 1);
}

static struct hk_summary summary(void)
{
	struct hk_summary sum;

	hk_stats_summarise(hk_counters, &sum);
	return sum;
}

/* ---- misuse: each ends in SIGABRT ---- */

START_TEST(double_free_at_exit)
{
	void *p = hk_malloc(40);
	hk_free(p);
	hk_free(p);
	hk_finish();
}
END_TEST

/* A block is never handed out twice. */
START_TEST(double_free_tiny)
{
	void *p = hk_malloc(40);
	hk_free(p);
	hk_free(p);
	for (int i = 0; i < 1000; i++)
		(void) hk_malloc(40);
}
END_TEST

START_TEST(double_free_delayed)
{
	void *volatile p[300];

	for (int i = 0; i < 300; i++)
		p[i] = hk_malloc(40);
	for (int i = 0; i < 300; i++)
		hk_free(p[i]);
	hk_free(p[150]);
	for (int i = 0; i < 1000; i++)
		(void) hk_malloc(40);
}
END_TEST

/* Freed, back in its slab, freed again, handed out: its slab must not hand it out too. */
START_TEST(double_free_back_in_slab)
{
	void *volatile p[64];

	for (int i = 0; i < 64; i++)
		p[i] = hk_malloc(64);
	hk_free(p[5]);
	(void) hk_trim();
	hk_free(p[5]);
	for (int i = 20; i < 40; i++)
		hk_free(p[i]);
	for (int i = 0; i < 3000; i++)
		(void) hk_malloc(64);
}
END_TEST

START_TEST(double_free_flushed)
{
	void *p = hk_malloc(40);
	hk_free(p);
	(void) hk_trim();
	hk_free(p);
	(void) hk_trim();
}
END_TEST

START_TEST(double_free_large)
{
	void *p = hk_malloc(100000);
	hk_free(p);
	hk_free(p);
}
END_TEST

START_TEST(interior_pointer)
{
	char *p = hk_malloc(64);
	hk_free(p + 16);
}
END_TEST

START_TEST(interior_pointer_large)
{
	char *p = hk_malloc(100000);
	hk_free(p + 16384);
}
END_TEST

START_TEST(foreign_pointer)
{
	char local[64];
	char *volatile p = local;
	hk_free(p);
}
END_TEST

START_TEST(wild_pointer)
{
	hk_free((void *) 0xdeadbeefdeadbee0);
}
END_TEST

START_TEST(write_after_free)
{
	char *volatile p[4];

	for (int i = 0; i < 4; i++)
		p[i] = hk_malloc(64);
	for (int i = 0; i < 4; i++)
		hk_free(p[i]);
	for (int i = 0; i < 4; i++)
		memset(p[i], 0x41, 16);
	for (int i = 0; i < 4096; i++)
		(void) hk_malloc(64);
}
END_TEST

START_TEST(write_after_free_full)
{
	char *volatile p;

	HK_KNOB_SET(security, HK_SECURITY_FULL);
	notice_knobs();
	p = hk_malloc(64);
	(void) hk_malloc(1 << 20);
	hk_free(p);
	p[40] = 1;
	for (int i = 0; i < 5000; i++)
		hk_free(hk_malloc(64));
}
END_TEST

/* What freed guarded blocks keep is free memory like any other. */
START_TEST(guarded_blocks_heed_the_soft_limit)
{
	uint64_t most = 0;

	HK_KNOB_SET(security, HK_SECURITY_FULL);
	HK_KNOB_SET(soft_limit, 10 * HK_MIB);
	notice_knobs();
	for (size_t i = 0; i < 300; i++) {
		char *p = hk_malloc((i % 50 + 1) * 20000);

		memset(p, 1, 20000);
		hk_free(p);
		most = hk_max(most, atomic_load(&hk_guard_warm_bytes));
	}
	ck_assert_uint_gt(most, HK_MIB);
	ck_assert_uint_lt(most, 32 * HK_MIB);
}
END_TEST

START_TEST(sized_free_too_large)
{
	hk_free_sized(hk_malloc(16), 4096);
}
END_TEST

/* ---- a model: random calls against shadow contents ---- */

#define SLOTS 3000
struct model {
	unsigned char *p[SLOTS];
	size_t size[SLOTS];
	unsigned char tag[SLOTS];
	uint64_t random;
};

static uint64_t draw(struct model *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return m->random;
}

static size_t draw_size(struct model *m)
{
	uint64_t r = draw(m), kind = r % 100;

	r >>= 8;
	if (kind < 70)
		return r % 512;
	if (kind < 90)
		return r % 8192;
	return kind < 99 ? r % 100000 : r % 2000000;
}

static void verify(const struct model *m, size_t i, size_t n)
{
	for (size_t k = 0; k < n; k += k < 64 ? 1 : 61)
		if (m->p[i][k] != m->tag[i])
			ck_abort_msg("slot %zu byte %zu of %zu lost", i, k, m->size[i]);
}

static void fill(struct model *m, size_t i)
{
	m->tag[i] = (unsigned char) draw(m);
	memset(m->p[i], m->tag[i], m->size[i]);
}

static void model_step(struct model *m)
{
	size_t i = draw(m) % SLOTS, size = draw_size(m), old = m->size[i];

	if (m->p[i] == NULL) {
		unsigned how = (unsigned) (draw(m) % 8);

		m->p[i] = how == 0 ? hk_calloc(1, size)
		        : how == 1 ? hk_memalign((size_t) 1 << (draw(m) % 15), size)
		                   : hk_malloc(size);
		ck_assert_ptr_nonnull(m->p[i]);
		m->size[i] = size;
		m->tag[i] = 0;
		if (how == 0)
			verify(m, i, size);
		fill(m, i);
		return;
	}
	verify(m, i, old);
	if (draw(m) % 4 == 0 && size > 0) {
		m->p[i] = hk_realloc(m->p[i], size);
		ck_assert_ptr_nonnull(m->p[i]);
		m->size[i] = size;
		verify(m, i, hk_min(old, size));
		fill(m, i);
	} else {
		hk_free(m->p[i]);
		m->p[i] = NULL;
	}
}

static void *model_run(void *seed)
{
	struct model *m = calloc(1, sizeof(*m));

	m->random = (uint64_t) (uintptr_t) seed * 2654435761U + 88172645463325252U;
	for (int i = 0; i < 60000; i++)
		model_step(m);
	for (size_t i = 0; i < SLOTS; i++)
		if (m->p[i] != NULL) {
			verify(m, i, m->size[i]);
			hk_free(m->p[i]);
		}
	free(m);
	hk_thread_exit();
	return NULL;
}

static _Atomic bool flipping;

static void *flip_switches(void *unused)
{
	unsigned k = 0;

	(void) unused;
	while (atomic_load(&flipping)) {
		k = k * 1103515245 + 12345;
		HK_KNOB_SET(tinypool, k >> 16 & 1);
		HK_KNOB_SET(bigcache, k >> 17 & 1);
		HK_KNOB_SET(batch, k >> 18 & 1);
		HK_KNOB_SET(free_policy, (uint8_t) (k >> 19) % 3);
		HK_KNOB_SET(purge_delay_ns, (k >> 21 & 1) * 1000000);
		HK_KNOB_SET(sample_rate, 1 + (k >> 23 & 63));
		HK_KNOB_SET(security, (k >> 22 & 3) == 0 ? HK_SECURITY_SAMPLED : HK_SECURITY_BASIC);
		notice_knobs();
		if (k >> 22 & 1)
			(void) hk_trim();
		usleep(500);
	}
	return NULL;
}

START_TEST(model_in_threads_with_live_switches)
{
	pthread_t thread[4], flipper;
	struct hk_summary sum;

	hk_sample_begin();
	atomic_store(&flipping, true);
	ck_assert_int_eq(pthread_create(&flipper, NULL, flip_switches, NULL), 0);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, model_run, (void *) (i + 1)), 0);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		pthread_join(thread[i], NULL);
	atomic_store(&flipping, false);
	pthread_join(flipper, NULL);
	ck_assert(HK_STAT_GET(samples) > 0 || hk_sys_page() != HK_PAGE);
	(void) hk_trim();
	sum = summary();
	ck_assert_uint_eq(sum.live_bytes, 0);
	ck_assert_uint_eq(sum.slab_bytes, 0);
}
END_TEST

/* ---- hand-over and exit ---- */

static void *produce(void *unused)
{
	void **list = NULL;

	(void) unused;
	for (int i = 0; i < 20000; i++) {
		void **p = hk_malloc(100);
		*p = list;
		list = p;
	}
	hk_thread_exit();
	return list;
}

START_TEST(blocks_outlive_their_thread)
{
	for (int round = 0; round < 5; round++) {
		pthread_t thread;
		void *list;

		pthread_create(&thread, NULL, produce, NULL);
		pthread_join(thread, &list);
		while (list != NULL) {
			void *next = *(void **) list;
			hk_free(list);
			list = next;
		}
	}
	(void) hk_trim();
	ck_assert_uint_eq(summary().slab_bytes, 0);
}
END_TEST

static void *churn(void *unused)
{
	(void) unused;
	while (atomic_load(&flipping))
		hk_free(hk_realloc(hk_malloc(300), 70000));
	return NULL;
}

START_TEST(children_of_busy_parents_allocate)
{
	pthread_t thread[3];

	atomic_store(&flipping, true);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		pthread_create(&thread[i], NULL, churn, NULL);
	for (int i = 0; i < 100; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			for (int k = 0; k < 1000; k++)
				hk_free(hk_malloc((size_t) k * 97));
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	atomic_store(&flipping, false);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		pthread_join(thread[i], NULL);
}
END_TEST

/* Registered before the allocator's own handlers: in prepare it runs after they took every lock. */
static void allocate_at_fork(void)
{
	hk_free(hk_realloc(hk_malloc(100), 100000));
}

static void *fork_often(void *unused)
{
	for (int i = 0; i < 100; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			hk_free(hk_malloc(100));
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	return unused;
}

START_TEST(threads_fork_at_once)
{
	pthread_t thread[3];

	for (size_t i = 0; i < HK_COUNT(thread); i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, fork_often, NULL), 0);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		pthread_join(thread[i], NULL);
}
END_TEST

static Suite *stress_suite(void)
{
	Suite *suite = suite_create("core stress");
	TCase *misuse = tcase_create("misuse"), *stress = tcase_create("stress");

	tcase_add_test_raise_signal(misuse, double_free_at_exit, SIGABRT);
	tcase_add_test_raise_signal(misuse, double_free_tiny, SIGABRT);
	tcase_add_test_raise_signal(misuse, double_free_delayed, SIGABRT);
	tcase_add_test_raise_signal(misuse, double_free_back_in_slab, SIGABRT);
	tcase_add_test_raise_signal(misuse, double_free_flushed, SIGABRT);
	tcase_add_test_raise_signal(misuse, double_free_large, SIGABRT);
	tcase_add_test_raise_signal(misuse, interior_pointer, SIGABRT);
	tcase_add_test_raise_signal(misuse, interior_pointer_large, SIGABRT);
	tcase_add_test_raise_signal(misuse, foreign_pointer, SIGABRT);
	tcase_add_test_raise_signal(misuse, wild_pointer, SIGABRT);
	tcase_add_test_raise_signal(misuse, write_after_free, SIGABRT);
	tcase_add_test_raise_signal(misuse, write_after_free_full, SIGABRT);
	tcase_add_test_raise_signal(misuse, sized_free_too_large, SIGABRT);
	suite_add_tcase(suite, misuse);
	tcase_set_timeout(stress, 300);
	tcase_add_test(stress, model_in_threads_with_live_switches);
	tcase_add_test(stress, guarded_blocks_heed_the_soft_limit);
	tcase_add_test(stress, blocks_outlive_their_thread);
	tcase_add_test(stress, threads_fork_at_once);
	tcase_add_test(stress, children_of_busy_parents_allocate);
	suite_add_tcase(suite, stress);
	return suite;
}

int main(void)
{
	SRunner *runner;
	int failed;

	(void) pthread_atfork(allocate_at_fork, allocate_at_fork, allocate_at_fork);
	runner = srunner_create(stress_suite());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
