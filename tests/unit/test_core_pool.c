/* SPDX-License-Identifier: MIT
 *
 * The pool behind the thread caches: what becomes of memory when blocks die, threads end, time passes.
 */
#include "core/heap.h"
#include "core/hk.h"
#include "core/knobs.h"
#include "core/pageheap.h"
#include "core/pool.h"
#include "core/purge.h"
#include "core/stats.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hk_summary summary(void)
{
	struct hk_summary sum;

	hk_stats_summarise(hk_counters, &sum);
	return sum;
}

static size_t resident_bytes(void)
{
	unsigned long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%lu %lu", &size, &resident), 2);
	(void) fclose(f);
	return resident * (size_t) sysconf(_SC_PAGESIZE);
}

/* ---- pages inside slabs ---- */

#define MANY 4000
#define SIZE 8000
#define KEEP 10 /* every tenth survives */

static unsigned char *block[MANY];

static void fill(int step)
{
	for (int i = 0; i < MANY; i += step) {
		block[i] = hk_malloc(SIZE);
		ck_assert_ptr_nonnull(block[i]);
		memset(block[i], i % 251, SIZE);
	}
}

static void thin_out(void)
{
	for (int i = 0; i < MANY; i++)
		if (i % KEEP != 0) {
			hk_free(block[i]);
			block[i] = NULL;
		}
}

/* All bytes are value: the first is, and each equals the one before it. */
static void all_are(const unsigned char *p, unsigned char value)
{
	ck_assert_int_eq(p[0], value);
	ck_assert_int_eq(memcmp(p, p + 1, SIZE - 1), 0);
}

static void survivors_are_whole(void)
{
	for (int i = 0; i < MANY; i += KEEP)
		all_are(block[i], (unsigned char) (i % 251));
}

START_TEST(trim_purges_between_survivors)
{
	size_t before, after;

	fill(1);
	before = resident_bytes();
	thin_out();
	ck_assert_uint_gt(hk_trim(), (size_t) MANY * SIZE / 2);
	after = resident_bytes();
#ifndef HK_SANITIZED /* their shadow comes and goes too */
	ck_assert_uint_lt(after, before - (size_t) MANY * SIZE * 3 / 4);
#else
	(void) before;
	(void) after;
#endif
	survivors_are_whole();
}
END_TEST

/* What was purged is handed out again, and is nobody else's. */
START_TEST(purged_pages_serve_again)
{
	static unsigned char *more[MANY];

	fill(1);
	thin_out();
	(void) hk_trim();
	for (int i = 0; i < MANY; i++) {
		more[i] = hk_malloc(SIZE);
		ck_assert_ptr_nonnull(more[i]);
		memset(more[i], 0xee, SIZE);
	}
	(void) hk_trim();
	survivors_are_whole();
	for (int i = 0; i < MANY; i++)
		all_are(more[i], 0xee);
	for (int i = 0; i < MANY; i++)
		hk_free(more[i]);
	for (int i = 0; i < MANY; i += KEEP)
		hk_free(block[i]);
}
END_TEST

/* A heap that died as a whole is used again, though it has become one long run, which large blocks would like. */
START_TEST(warm_memory_comes_first)
{
	for (int round = 0; round < 3; round++) {
		fill(1);
		ck_assert_uint_le(HK_STAT_GET(dirty_bytes), (uint64_t) MANY * SIZE / 8);
		for (int i = 0; i < MANY; i++)
			hk_free(block[i]);
		hk_heap_flush(hk_heap_ready());
		hk_pool_trim();
		ck_assert_uint_ge(HK_STAT_GET(dirty_bytes), (uint64_t) MANY * SIZE / 2);
	}
}
END_TEST

/* What the kernel may take stays in its place, serves again, and keeps what is then written to it. */
START_TEST(softened_memory_serves)
{
	const size_t size = 3 << 20;
	unsigned char *p = hk_malloc(size), *q;
	uint64_t hits = HK_STAT_GET(bigcache_hits), dirty;

	memset(p, 0x77, size);
	hk_free(p);
	hk_purge_soften();
	hk_purge_soften();
	q = hk_malloc(size);
	ck_assert_ptr_eq(q, p);
	ck_assert_uint_eq(HK_STAT_GET(bigcache_hits), hits + 1);
	memset(q, 0x55, size);
	ck_assert_int_eq(memcmp(q, q + 1, size - 1), 0);
	hk_free(q);
	hk_purge_soften();
	q = hk_calloc(1, size);
	ck_assert_int_eq(q[0], 0);
	ck_assert_int_eq(memcmp(q, q + 1, size - 1), 0);
	fill(1);
	thin_out();
	hk_heap_flush(hk_heap_ready());
	hk_pool_trim();
	dirty = HK_STAT_GET(dirty_bytes);
	ck_assert_uint_gt(dirty, 0);
	hk_purge_soften();
	ck_assert_uint_eq(HK_STAT_GET(dirty_bytes), dirty);
	survivors_are_whole();
	for (int i = 0; i < MANY; i++)
		if (block[i] == NULL) {
			block[i] = hk_malloc(SIZE);
			memset(block[i], i % 251, SIZE);
		}
	hk_purge_soften();
	survivors_are_whole();
	for (int i = 0; i < MANY; i++)
		all_are(block[i], (unsigned char) (i % 251));
}
END_TEST

START_TEST(ticks_purge_rested_slabs_only)
{
	uint64_t purged;
	int ticks;

	HK_KNOB_SET(purge_delay_ns, UINT64_C(3600000000000)); /* nothing before the ticks */
	fill(1);
	thin_out();
	purged = HK_STAT_GET(purged_bytes);
	HK_KNOB_SET(purge_delay_ns, 1);
	/* The tick itself says how long there is something to wait for. */
	hk_heap_flush(hk_heap_ready());
	for (ticks = 0; ticks < 1000 && hk_purge_tick() > 0; ticks++)
		(void) usleep(1000); /* its clock is coarse */
	ck_assert_int_ge(ticks, 3); /* slabs rest first */
	ck_assert_int_lt(ticks, 1000);
	ck_assert_uint_gt(HK_STAT_GET(purged_bytes) - purged, (uint64_t) MANY * SIZE / 2);
	survivors_are_whole();
}
END_TEST

/* Pages of the slab that begins at base that are resident. */
static int resident_pages(void *base)
{
	unsigned char map[16];
	int n = 0;

	ck_assert_int_eq(mincore(base, (size_t) 16 * 4096, map), 0);
	for (int i = 0; i < 16; i++)
		n += map[i] & 1;
	return n;
}

static int up_to(void **p, int from, int to)
{
	for (int i = from; i < to; i++) {
		p[i] = hk_malloc(1000);
		memset(p[i], 1, 1000);
	}
	return to;
}

/* Also what was never carved when the slab was purged first. */
START_TEST(slabs_are_purged_again)
{
	void *p[60], *base;

	HK_KNOB_SET(thp, _i == 0 ? HK_THP_OFF : HK_THP_ON);
	(void) up_to(p, 0, 16);
	base = (void *) ((uintptr_t) p[0] & ~(uintptr_t) 0xffff);
	for (int round = 0; round < 3; round++) {
		for (int i = 8; i < 60 && (round > 0 || i < 16); i++)
			hk_free(p[i]);
		(void) hk_trim();
		hk_free(hk_malloc(500)); /* follows the trim with this thread's lists */
		(void) hk_trim();
		ck_assert_int_le(resident_pages(base), 3);
		(void) up_to(p, 8, 60);
		for (int i = 0; i < 60; i++)
			ck_assert_int_eq(*(char *) p[i], 1);
	}
}
END_TEST

START_TEST(keep_purges_nothing)
{
	uint64_t purged;

	HK_KNOB_SET(free_policy, HK_FREE_KEEP);
	HK_KNOB_SET(purge_delay_ns, UINT64_C(3600000000000)); /* nothing before the ticks */
	fill(1);
	thin_out();
	purged = HK_STAT_GET(purged_bytes);
	HK_KNOB_SET(purge_delay_ns, 1);
	for (int i = 0; i < 12; i++)
		(void) hk_purge_tick();
	ck_assert_uint_eq(HK_STAT_GET(purged_bytes), purged);
}
END_TEST

/* ---- threads that end ---- */

#define LEFT 500

static void *visitor(void *left)
{
	void **to = left, *own[LEFT];

	for (int i = 0; i < LEFT; i++) {
		own[i] = hk_malloc(300);
		to[i] = hk_malloc(200);
		memset(own[i], 1, 300);
		memset(to[i], 2, 200);
	}
	for (int i = 0; i < LEFT; i++)
		hk_free(own[i]);
	hk_thread_exit();
	return NULL;
}

static void visits(int n)
{
	static void *left[LEFT];

	for (int i = 0; i < n; i++) {
		pthread_t thread;

		ck_assert_int_eq(pthread_create(&thread, NULL, visitor, left), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		for (int j = 0; j < LEFT; j++)
			hk_free(left[j]);
	}
}

START_TEST(memory_of_exited_threads_serves_again)
{
	uint64_t slabs;

	visits(20);
	slabs = summary().slab_bytes;
	visits(300);
	ck_assert_uint_le(summary().slab_bytes, slabs + (1 << 20));
}
END_TEST

/* ---- how much a cache may hold ---- */

START_TEST(a_cache_stays_within_its_limit)
{
	static void *p[20000];

	for (size_t size = 16; size <= 1024; size += 16) {
		for (size_t i = 0; i < HK_COUNT(p) / 16; i++)
			p[i] = hk_malloc(size);
		for (size_t i = 0; i < HK_COUNT(p) / 16; i++)
			hk_free(p[i]);
	}
	hk_heap_beat(hk_heap_ready());
	/* Each list may be up to twice its share while the other is in use; the rest is what first lists hold. */
	ck_assert_uint_le(summary().cached_bytes - summary().dirty_bytes, 4 * HK_KNOB(tinypool_limit));
}
END_TEST

/* Freed by one thread, allocated by another: whole lists change hands, and no block twice. */
static void *releaser(void *arg)
{
	void **blocks = arg;

	for (int i = 0; i < MANY; i++)
		hk_free(blocks[i]);
	hk_thread_exit();
	return NULL;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *) a, y = (uintptr_t) * (void *const *) b;

	return (x > y) - (x < y);
}

START_TEST(blocks_change_hands_once)
{
	static void *p[MANY];

	for (int round = 0; round < 20; round++) {
		pthread_t thread;

		for (int i = 0; i < MANY; i++)
			p[i] = hk_malloc(96);
		qsort(p, MANY, sizeof(p[0]), by_address);
		for (int i = 1; i < MANY; i++)
			ck_assert_uint_ge((uintptr_t) p[i] - (uintptr_t) p[i - 1], 96);
		ck_assert_int_eq(pthread_create(&thread, NULL, releaser, p), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
}
END_TEST

/* With the caches switched off, what rests as batches is handed out block by block, before new memory. */
START_TEST(without_caches_batches_are_used_up)
{
	static void *p[MANY];
	uint64_t slabs;
	pthread_t thread;

	for (int i = 0; i < MANY; i++)
		p[i] = hk_malloc(96);
	slabs = summary().slab_bytes;
	ck_assert_int_eq(pthread_create(&thread, NULL, releaser, p), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	HK_KNOB_SET(tinypool, false);
	atomic_fetch_add_explicit(&hk_knobs.epoch, 1, memory_order_release);
	for (int i = 0; i < MANY; i++)
		p[i] = hk_malloc(96);
	ck_assert_uint_le(summary().slab_bytes, slabs);
	qsort(p, MANY, sizeof(p[0]), by_address);
	for (int i = 1; i < MANY; i++)
		ck_assert_uint_ge((uintptr_t) p[i] - (uintptr_t) p[i - 1], 96);
}
END_TEST

/* ---- fork ---- */

static _Atomic bool stop;

static void *trimmer(void *unused)
{
	(void) unused;
	while (!atomic_load(&stop)) {
		void *p[200];

		for (size_t i = 0; i < HK_COUNT(p); i++)
			p[i] = hk_malloc(3000 + i * 100);
		for (size_t i = 0; i < HK_COUNT(p); i++)
			hk_free(p[i]);
		(void) hk_trim();
	}
	hk_thread_exit();
	return NULL;
}

/* In the child a purge that was under way in the parent stops nobody from purging. */
static void child(void)
{
	void *p = hk_malloc(4 << 20);

	memset(p, 1, 4 << 20);
	hk_free(p);
	_exit(hk_trim() >= 4 << 20 ? 0 : 1);
}

START_TEST(fork_and_trim_at_once)
{
	pthread_t thread[2];

	hk_free(hk_malloc(1)); /* as in any program, the first call comes before the first thread */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, trimmer, NULL), 0);
	for (int i = 0; i < 300; i++) {
		int status = 1;
		pid_t pid = fork();

		if (pid == 0)
			child();
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
}
END_TEST

/* What grows and shrinks where it is counts as if it were allocated and freed: limits are watched by these. */
START_TEST(realloc_in_place_is_counted)
{
	char *a, *p;
	uint64_t fresh, freed;

	HK_KNOB_SET(bigcache, 0);
	a = hk_malloc(16 * HK_MIB);
	hk_free(a); /* a free run of the arena */
	(void) hk_purge_all();
	p = hk_malloc(HK_MIB);
	fresh = hk_pageheap_fresh();
	ck_assert_ptr_eq(hk_realloc(p, 8 * HK_MIB), p);
	ck_assert_uint_ge(hk_pageheap_fresh() - fresh, 7 * HK_MIB);
	freed = hk_pageheap_freed();
	ck_assert_ptr_eq(hk_realloc(p, HK_MIB), p);
	ck_assert_uint_ge(hk_pageheap_freed() - freed, 7 * HK_MIB);
	hk_free(p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core pool");
	TCase *pages = tcase_create("pages inside slabs"), *threads = tcase_create("threads");
	SRunner *runner;
	int failed;

	tcase_set_timeout(pages, 120);
	tcase_add_test(pages, trim_purges_between_survivors);
	tcase_add_test(pages, purged_pages_serve_again);
	tcase_add_test(pages, warm_memory_comes_first);
	tcase_add_test(pages, softened_memory_serves);
	tcase_add_test(pages, ticks_purge_rested_slabs_only);
	tcase_add_loop_test(pages, slabs_are_purged_again, 0, 2);
	tcase_add_test(pages, keep_purges_nothing);
	tcase_add_test(pages, realloc_in_place_is_counted);
	suite_add_tcase(suite, pages);
	tcase_set_timeout(threads, 120);
	tcase_add_test(threads, memory_of_exited_threads_serves_again);
	tcase_add_test(threads, a_cache_stays_within_its_limit);
	tcase_add_test(threads, blocks_change_hands_once);
	tcase_add_test(threads, without_caches_batches_are_used_up);
	tcase_add_test(threads, fork_and_trim_at_once);
	suite_add_tcase(suite, threads);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
