/* SPDX-License-Identifier: MIT
 *
 * The allocator, called as hk_*: contracts of each call, every switch, limits.
 */
#include "core/hk.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/pageheap.h"
#include "core/pool.h"
#include "core/purge.h"
#include "core/stats.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* ---- sizes ---- */

START_TEST(classes_cover_every_size)
{
	hk_free(hk_malloc(1));
	for (size_t size = 1; size <= HK_MEDIUM_MAX; size++) {
		unsigned c = hk_sizeclass_of(size);

		ck_assert_uint_lt(c, HK_CLASSES);
		ck_assert_uint_ge(hk_classes[c].size, size);
		if (c > 1)
			ck_assert_uint_lt(hk_classes[c - 1].size, size);
		if (size > 128)
			ck_assert_uint_le(hk_classes[c].size, size + size / 8 + 1);
		if (size <= HK_TINY_MAX)
			ck_assert_uint_eq(c, (size + 15) / 16); /* as the fast path has it */
	}
}
END_TEST

START_TEST(document_classes_are_members)
{
	static const size_t named[] = {16, 32, 64, 128, 256, 512, 1024};

	for (size_t i = 0; i < HK_COUNT(named); i++)
		ck_assert_uint_eq(hk_sizeclass_bytes(hk_sizeclass_of(named[i])), named[i]);
}
END_TEST

START_TEST(block_indices_are_exact)
{
	hk_free(hk_malloc(1));
	for (unsigned c = 1; c < HK_CLASSES; c++) {
		const struct hk_class_info *info = &hk_classes[c];

		for (uint64_t off = 0; off < HK_SLAB_BYTES; off += 16)
			ck_assert_uint_eq((off * info->inverse) >> 42, off / info->size);
	}
}
END_TEST

/* ---- contracts ---- */

START_TEST(alignment_and_usable_size)
{
	for (size_t size = 0; size < 200000; size += 1 + size / 13) {
		unsigned char *p = hk_malloc(size);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t) p % 16, 0);
		ck_assert_uint_ge(hk_usable_size(p), size);
		memset(p, 0x5a, hk_usable_size(p));
		hk_free(p);
	}
	ck_assert_uint_eq(hk_usable_size(NULL), 0);
}
END_TEST

START_TEST(every_alignment)
{
	for (size_t align = 1; align <= (size_t) 1 << 28; align *= 2) {
		for (size_t size = 1; size <= 70000; size = size * 3 + 1) {
			char *p = hk_memalign(align, size);

			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((uintptr_t) p & (align - 1), 0);
			p[0] = p[size - 1] = 1;
			hk_free(p);
		}
	}
	errno = 0;
	ck_assert_ptr_null(hk_memalign(24, 8));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_ptr_null(hk_memalign(0, 8));
}
END_TEST

START_TEST(absurd_sizes_fail)
{
	static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, (size_t) 1 << 47, (size_t) 1 << 46,
	                               ((size_t) 1 << 46) - 5, (size_t) 1 << 45};

	for (size_t i = 0; i < HK_COUNT(sizes); i++) {
		void *p = hk_malloc(8);

		errno = 0;
		ck_assert_ptr_null(hk_malloc(sizes[i]));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(hk_calloc(sizes[i], 2));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(hk_realloc(p, sizes[i]));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(hk_memalign(4096, sizes[i]));
		ck_assert_int_eq(errno, ENOMEM);
		errno = 0;
		ck_assert_ptr_null(hk_memalign((size_t) 1 << 62, 1));
		ck_assert_int_eq(errno, ENOMEM);
		hk_free(p);
	}
}
END_TEST

START_TEST(free_keeps_errno)
{
	void *blocks[3] = {hk_malloc(10), hk_malloc(100000), hk_malloc(100 << 20)};

	for (size_t i = 0; i < 3; i++) {
		errno = 4711;
		hk_free(blocks[i]);
		ck_assert_int_eq(errno, 4711);
	}
}
END_TEST

START_TEST(calloc_is_zero_after_use)
{
	for (int round = 0; round < 3; round++) {
		for (size_t size = 1; size < (size_t) 50 << 20; size = size * 5 + 3) {
			unsigned char *p = hk_calloc(1, size);

			ck_assert_ptr_nonnull(p);
			for (size_t i = 0; i < size; i++)
				if (p[i] != 0)
					ck_abort_msg("byte %zu of %zu is not zero", i, size);
			memset(p, 0xff, size);
			hk_free(p);
		}
	}
}
END_TEST

static void check_prefix(const unsigned char *p, size_t n, size_t seed)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (unsigned char) (i * 7 + seed))
			ck_abort_msg("byte %zu changed", i);
}

START_TEST(realloc_keeps_contents)
{
	static const size_t sizes[] = {1,     15,      16,       17,      128,     129,      1024,   1025, 32768,
	                               32769, 1 << 20, 40 << 20, 3 << 20, 50 << 20, 90 << 20, 33 << 20, 40000, 100, 1};
	unsigned char *p = NULL;
	size_t old = 0;

	for (size_t k = 0; k < HK_COUNT(sizes); k++) {
		p = hk_realloc(p, sizes[k]);
		ck_assert_ptr_nonnull(p);
		check_prefix(p, hk_min(old, sizes[k]), 3);
		for (size_t i = 0; i < sizes[k]; i++)
			p[i] = (unsigned char) (i * 7 + 3);
		old = sizes[k];
	}
	ck_assert_ptr_null(hk_realloc(p, 0));
}
END_TEST

/* ---- switches ---- */

START_TEST(tinypool_off_serves_from_the_pool)
{
	struct hk_summary before, after;
	void *p[100];

	HK_KNOB_SET(tinypool, 0);
	notice_knobs();
	hk_free(hk_malloc(1 << 20)); /* a slow path: the knobs are seen */
	(void) hk_trim();
	hk_free(hk_malloc(48));
	(void) hk_trim();
	before = summary();
	for (size_t i = 0; i < HK_COUNT(p); i++)
		p[i] = hk_malloc(48);
	for (size_t i = 0; i < HK_COUNT(p); i++)
		hk_free(p[i]);
	(void) hk_trim();
	after = summary();
	ck_assert_uint_eq(after.tiny_refills - before.tiny_refills, HK_COUNT(p));
	ck_assert_uint_eq(after.tiny_allocs - before.tiny_allocs, HK_COUNT(p));
	HK_KNOB_SET(tinypool, 1);
	notice_knobs();
}
END_TEST

START_TEST(tinypool_counts_and_hits)
{
	struct hk_summary before, after;

	(void) hk_trim();
	before = summary();
	for (int i = 0; i < 100000; i++)
		hk_free(hk_malloc(64));
	(void) hk_trim();
	after = summary();
	ck_assert_uint_eq(after.tiny_allocs - before.tiny_allocs, 100000);
	ck_assert_uint_lt(after.tiny_refills - before.tiny_refills, 100);
}
END_TEST

START_TEST(bigcache_reuses_and_is_bounded)
{
	struct hk_summary before = summary(), after;
	void *p[16];

	for (int i = 0; i < 100; i++) {
		char *q = hk_malloc((size_t) 2 << 20);
		q[0] = 1;
		hk_free(q);
	}
	after = summary();
	ck_assert_uint_ge(after.bigcache_hits - before.bigcache_hits, 99);
	HK_KNOB_SET(bigcache_limit, 8 * HK_MIB);
	for (size_t i = 0; i < HK_COUNT(p); i++)
		p[i] = hk_malloc((size_t) 2 << 20);
	for (size_t i = 0; i < HK_COUNT(p); i++)
		hk_free(p[i]);
	ck_assert_uint_le(summary().bigcache_bytes, 8 * HK_MIB);
	HK_KNOB_SET(bigcache_limit, 3 * HK_MIB); /* lowered live: what is too much goes at once */
	hk_bigcache_fit();
	ck_assert_uint_le(summary().bigcache_bytes, 3 * HK_MIB);
	ck_assert_uint_gt(summary().bigcache_bytes, 0);
	HK_KNOB_SET(bigcache, 0);
	hk_bigcache_fit();
	ck_assert_uint_eq(summary().bigcache_bytes, 0);
	hk_free(hk_malloc((size_t) 2 << 20));
	ck_assert_uint_eq(summary().bigcache_bytes, 0);
}
END_TEST

START_TEST(idle_memory_ages)
{
	HK_KNOB_SET(purge_delay_ns, UINT64_C(3600000000000));
	hk_free(memset(hk_malloc((size_t) 20 << 20), 1, (size_t) 20 << 20));
	ck_assert_uint_gt(hk_purge_tick(), 0); /* too young */
	HK_KNOB_SET(purge_delay_ns, 50000000);
	usleep(120000);
	ck_assert_uint_eq(hk_purge_tick(), 0);
	ck_assert_uint_eq(summary().bigcache_bytes, 0);
	ck_assert_uint_eq(summary().dirty_bytes, 0);
	HK_KNOB_SET(free_policy, HK_FREE_KEEP);
	hk_free(memset(hk_malloc((size_t) 20 << 20), 1, (size_t) 20 << 20));
	usleep(120000);
	(void) hk_purge_tick();
	ck_assert_uint_gt(summary().bigcache_bytes + summary().dirty_bytes, 0);
	ck_assert_uint_ge(hk_trim(), (size_t) 20 << 20); /* a trim obeys under every policy */
}
END_TEST

START_TEST(batch_policy_purges_full_batches)
{
	uint64_t batches, ranges;
	void *p[33];

	HK_KNOB_SET(bigcache, 0);
	HK_KNOB_SET(free_policy, HK_FREE_BATCH);
	HK_KNOB_SET(batch_max, 16);
	for (size_t i = 0; i < HK_COUNT(p); i++)
		p[i] = memset(hk_malloc((size_t) 1 << 20), 1, (size_t) 1 << 20);
	(void) hk_trim();
	batches = HK_STAT_GET(purge_batches);
	ranges = HK_STAT_GET(purge_ranges);
	for (size_t i = 1; i < HK_COUNT(p); i += 2) /* every other: nothing merges */
		hk_free(p[i]);
	ck_assert_uint_eq(HK_STAT_GET(purge_batches) - batches, 1);
	ck_assert_uint_eq(HK_STAT_GET(purge_ranges) - ranges, 16);
	HK_KNOB_SET(batch, 0);
	for (size_t i = 0; i < HK_COUNT(p); i += 2)
		hk_free(p[i]);
	/* Up to twice the largest block may wait; what lies beyond goes, one run (of merged blocks) at a time. */
	ck_assert_uint_ge(HK_STAT_GET(purge_batches) - batches, 1 + 4);
	ck_assert_uint_le(HK_STAT_GET(dirty_bytes), 2 * HK_MIB);
	batches = HK_STAT_GET(purge_batches);
	for (int i = 0; i < 100; i++)
		hk_free(memset(hk_malloc((size_t) 1 << 20), 1, (size_t) 1 << 20));
	ck_assert_uint_le(HK_STAT_GET(purge_batches) - batches, 1);
	HK_KNOB_SET(bigcache, 1);
}
END_TEST

/* Locked memory refuses MADV_DONTNEED, and zero must be zero all the same. */
START_TEST(calloc_is_zero_in_locked_memory)
{
	static const size_t sizes[] = {50000, (size_t) 1 << 20, (size_t) 40 << 20};

	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		return; /* not allowed here: nothing to see */
	for (size_t k = 0; k < HK_COUNT(sizes); k++) {
		unsigned char *p = hk_malloc(sizes[k]);

		ck_assert_ptr_nonnull(p);
		hk_free(memset(p, 0xaa, sizes[k]));
		(void) hk_trim();
		p = hk_calloc(1, sizes[k]);
		for (size_t i = 0; i < sizes[k]; i++)
			if (p[i] != 0)
				ck_abort_msg("byte %zu of %zu is not zero", i, sizes[k]);
		hk_free(p);
	}
	munlockall();
}
END_TEST

START_TEST(hard_limit_is_enomem_and_lifts)
{
	void *p, *q;

	hk_free(hk_malloc(100));
	HK_KNOB_SET(hard_limit, hk_pageheap_used() + 64 * HK_MIB);
	p = hk_malloc((size_t) 40 << 20);
	ck_assert_ptr_nonnull(p);
	errno = 0;
	q = hk_malloc((size_t) 40 << 20);
	ck_assert_ptr_null(q);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_gt(HK_STAT_GET(hard_limit_hits), 0);
	hk_free(p); /* rests in BigCache: must make way */
	q = hk_malloc((size_t) 50 << 20);
	ck_assert_ptr_nonnull(q);
	HK_KNOB_SET(hard_limit, 0);
	p = hk_malloc((size_t) 80 << 20);
	ck_assert_ptr_nonnull(p);
	hk_free(p);
	hk_free(q);
}
END_TEST

START_TEST(hard_limit_small_blocks)
{
	size_t n = 0;
	void *last = NULL;

	hk_free(hk_malloc(100));
	HK_KNOB_SET(hard_limit, hk_pageheap_used() + 4 * HK_MIB);
	for (void **p; (p = hk_malloc(1000)) != NULL; n++) {
		*p = last;
		last = p;
	}
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_gt(n, 2000);
	ck_assert_uint_lt(n, 6000);
	while (last != NULL) {
		void *next = *(void **) last;
		hk_free(last);
		last = next;
	}
	HK_KNOB_SET(hard_limit, 0);
}
END_TEST

START_TEST(soft_limit_counts_hits)
{
	HK_KNOB_SET(soft_limit, 32 * HK_MIB);
	for (int i = 0; i < 40; i++) {
		size_t size = (size_t) (1 + i) << 20;
		hk_free(memset(hk_malloc(size), 1, size));
	}
	ck_assert_uint_gt(HK_STAT_GET(soft_limit_hits), 0);
}
END_TEST

/* A burst is freed within a moment, and nothing happens after it. What stays free and resident: bytes. */
static uint64_t left_by_burst(void)
{
	void *block[200];

	for (int i = 0; i < 200; i++)
		block[i] = memset(hk_malloc((size_t) (200 + i) << 10), 1, (size_t) (200 + i) << 10);
	for (int i = 0; i < 200; i++)
		hk_free(block[i]);
	return HK_STAT_GET(dirty_bytes) + HK_STAT_GET(bigcache_bytes);
}

START_TEST(bursts_leave_little)
{
	HK_KNOB_SET(purge_delay_ns, UINT64_C(3600000000000));
	ck_assert_uint_gt(left_by_burst(), 30 * HK_MIB);
	HK_KNOB_SET(soft_limit, 16 * HK_MIB);
	ck_assert_uint_lt(left_by_burst(), 21 * HK_MIB);
	HK_KNOB_SET(soft_limit, 0);
	HK_KNOB_SET(purge_delay_ns, 0);
	ck_assert_uint_lt(left_by_burst(), HK_MIB);
}
END_TEST

/* They are written out by hand, since malloc is called before any configuration is known. */
START_TEST(knobs_begin_as_balanced)
{
	struct hk_config config;
	struct hk_knobs before;

	memcpy(&before, &hk_knobs, sizeof(before));
	hk_config_defaults(HK_MODE_BALANCED, &config);
	hk_knobs_apply(&config);
	ck_assert_mem_eq(&before, &hk_knobs, sizeof(before));
}
END_TEST

START_TEST(security_off_lets_through)
{
	char local[64];
	char *volatile p = local;
	char *volatile q = hk_malloc(100);

	HK_KNOB_SET(security, HK_SECURITY_OFF);
	notice_knobs();
	hk_free(p);
	hk_free_sized(q, 100000);
	q = hk_malloc(100);
	while (((uintptr_t) q & 4095) == 0)
		q = hk_malloc(100);
	hk_free_aligned_sized(q, 4096, 100);
}
END_TEST

static Suite *core_suite(void)
{
	Suite *suite = suite_create("core");
	TCase *calls = tcase_create("calls"), *switches = tcase_create("switches");

	tcase_set_timeout(calls, 60);
	tcase_add_test(calls, classes_cover_every_size);
	tcase_add_test(calls, document_classes_are_members);
	tcase_add_test(calls, block_indices_are_exact);
	tcase_add_test(calls, alignment_and_usable_size);
	tcase_add_test(calls, every_alignment);
	tcase_add_test(calls, absurd_sizes_fail);
	tcase_add_test(calls, free_keeps_errno);
	tcase_add_test(calls, calloc_is_zero_after_use);
	tcase_add_test(calls, realloc_keeps_contents);
	suite_add_tcase(suite, calls);
	tcase_set_timeout(switches, 60);
	tcase_add_test(switches, tinypool_off_serves_from_the_pool);
	tcase_add_test(switches, tinypool_counts_and_hits);
	tcase_add_test(switches, bigcache_reuses_and_is_bounded);
	tcase_add_test(switches, idle_memory_ages);
	tcase_add_test(switches, batch_policy_purges_full_batches);
	tcase_add_test(switches, calloc_is_zero_in_locked_memory);
	tcase_add_test(switches, hard_limit_is_enomem_and_lifts);
	tcase_add_test(switches, hard_limit_small_blocks);
	tcase_add_test(switches, soft_limit_counts_hits);
	tcase_add_test(switches, bursts_leave_little);
	tcase_add_test(switches, knobs_begin_as_balanced);
	tcase_add_test(switches, security_off_lets_through);
	suite_add_tcase(suite, switches);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(core_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
