/* SPDX-License-Identifier: MIT
 *
 * The kernel refuses memory calls. One workload goes through all calls and sizes; at each memory call that it makes the
 * process is copied, and in the copies this call fails, alone or with those that follow. The program gets NULL with ENOMEM, or a good
 * block; no byte is lost; and when the kernel gives again, all is as it was, to the byte.
 */
#include "faults.h"

#include "core/hk.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/pageheap.h"
#include "core/purge.h"
#include "core/stats.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(condition)                                                                          \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			dprintf(2, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);       \
			_exit(1);                                                                \
		}                                                                                \
	} while (0)

static const struct setting {
	const char *name;
	uint8_t security, thp, bigcache, batch, free_policy, tinypool;
	bool dense; /* a heap of which thp = auto makes huge pages */
} settings[] = {
	{"defaults", HK_SECURITY_BASIC, HK_THP_AUTO, 1, 1, HK_FREE_ADAPTIVE, 1, false},
	{"huge pages by need", HK_SECURITY_BASIC, HK_THP_AUTO, 1, 1, HK_FREE_ADAPTIVE, 1, true},
	{"huge pages", HK_SECURITY_OFF, HK_THP_ON, 1, 1, HK_FREE_BATCH, 1, false},
	{"minimal", HK_SECURITY_BASIC, HK_THP_OFF, 0, 0, HK_FREE_BATCH, 0, false},
	{"kept", HK_SECURITY_BASIC, HK_THP_OFF, 1, 0, HK_FREE_KEEP, 1, false},
	{"full", HK_SECURITY_FULL, HK_THP_OFF, 1, 1, HK_FREE_ADAPTIVE, 1, false},
};

static void apply(const struct setting *set)
{
	HK_KNOB_SET(security, set->security);
	HK_KNOB_SET(thp, set->thp);
	HK_KNOB_SET(bigcache, set->bigcache);
	HK_KNOB_SET(batch, set->batch);
	HK_KNOB_SET(free_policy, set->free_policy);
	HK_KNOB_SET(tinypool, set->tinypool);
	atomic_fetch_add(&hk_knobs.epoch, 1);
}

/* ---- blocks and what is in them ---- */

#define SLOTS 96
struct work {
	struct {
		unsigned char *p;
		size_t size;
		unsigned char tag;
	} slot[SLOTS];
	unsigned char tags;
	bool must; /* the kernel refuses nothing: neither may we */
};

/* Of small blocks every byte counts, of larger ones some: each page that is touched costs more than most calls here. */
static size_t step_of(size_t size)
{
	return size <= 4096 ? 1 : size / 3;
}

/* The first n bytes of what was filled as a block of that size. */
static void verify(const struct work *w, size_t i, size_t size, size_t n)
{
	const unsigned char *p = w->slot[i].p;

	for (size_t at = 0; at < n; at += step_of(size))
		MUST(p[at] == w->slot[i].tag);
	MUST(n < size || n == 0 || p[n - 1] == w->slot[i].tag);
}

static void fill(struct work *w, size_t i)
{
	size_t size = w->slot[i].size;
	unsigned char *p = w->slot[i].p;

	w->slot[i].tag = w->tags = (unsigned char) (w->tags % 250 + 1);
	for (size_t at = 0; at < size; at += step_of(size))
		p[at] = w->tags;
	if (size > 0)
		p[size - 1] = w->tags;
}

static void verify_zero(const unsigned char *p, size_t size)
{
	for (size_t at = 0; at < size; at += size <= 256 * HK_KIB ? 1 : HK_MIB)
		MUST(p[at] == 0);
}

static bool got(struct work *w, size_t i, void *p, size_t size, size_t align)
{
	if (p == NULL) {
		MUST(!w->must && errno == ENOMEM);
		return false;
	}
	MUST(((uintptr_t) p & (align - 1)) == 0 && hk_usable_size(p) >= size);
	w->slot[i].p = p;
	w->slot[i].size = size;
	return true;
}

static void take(struct work *w, size_t i, size_t size)
{
	errno = 0;
	if (got(w, i, hk_malloc(size), size, 16))
		fill(w, i);
}

static void take_zero(struct work *w, size_t i, size_t size)
{
	errno = 0;
	if (!got(w, i, hk_calloc(1, size), size, 16))
		return;
	verify_zero(w->slot[i].p, size);
	fill(w, i);
}

static void take_aligned(struct work *w, size_t i, size_t align, size_t size)
{
	errno = 0;
	if (got(w, i, hk_memalign(align, size), size, align))
		fill(w, i);
}

static void resize(struct work *w, size_t i, size_t size)
{
	size_t old = w->slot[i].size;
	void *p;

	errno = 0;
	p = hk_realloc(w->slot[i].p, size);
	if (!got(w, i, p, size, 16)) {
		if (w->slot[i].p != NULL)
			verify(w, i, old, old); /* as it was */
		return;
	}
	verify(w, i, old, hk_min(old, size));
	fill(w, i);
}

static void give(struct work *w, size_t i)
{
	if (w->slot[i].p != NULL)
		verify(w, i, w->slot[i].size, w->slot[i].size);
	errno = 4711;
	hk_free(w->slot[i].p);
	MUST(errno == 4711);
	w->slot[i].p = NULL;
	w->slot[i].size = 0;
}

static void give_all(struct work *w)
{
	for (size_t i = 0; i < SLOTS; i++)
		give(w, i);
}

/* ---- the workload ---- */

static void small_blocks(struct work *w)
{
	for (size_t i = 0; i < 40; i++)
		take(w, i, 1 + i * 25);
	for (size_t i = 40; i < 50; i++)
		take(w, i, 1100 + (i - 40) * 3300);
	for (size_t i = 50; i < 58; i++)
		take_aligned(w, i, (size_t) 32 << (i - 50) * 3 / 2, 100 + i);
	for (size_t i = 0; i < 58; i += 2)
		give(w, i);
	for (size_t i = 0; i < 20; i += 2)
		take_zero(w, i, 40 + i * 200);
	for (size_t i = 1; i < 58; i += 2)
		resize(w, i, 3000 - i * 50);
	give_all(w);
}

/* Holes, so that a purge has many ranges. */
static void large_blocks(struct work *w, const struct setting *set)
{
	for (size_t i = 0; i < 12; i++)
		take(w, i, 40000 + i * 10000);
	for (size_t i = 0; i < 12; i += 2)
		give(w, i);
	hk_purge_soften();
	if (set->free_policy != HK_FREE_KEEP)
		(void) hk_purge_tick();
	(void) hk_trim();
	for (size_t i = 0; i < 12; i += 6)
		take_zero(w, i, 60000 + i * 5000);
	for (size_t i = 1; i < 6; i += 2)
		resize(w, i, i % 4 == 1 ? 100000 : 40000);
	take(w, 30, 9 * HK_MIB);
	take(w, 31, 20 * HK_MIB);
	take_aligned(w, 32, 2 * HK_MIB, 3 * HK_MIB);
	take_aligned(w, 33, 64 * HK_MIB, 100);
	if (set->security != HK_SECURITY_FULL) { /* which copies */
		resize(w, 31, 12 * HK_MIB);
		resize(w, 31, 14 * HK_MIB);
	}
	give(w, 31);
	take(w, 31, 13 * HK_MIB);
	give_all(w);
}

/* Mappings of their own: they grow, shrink and rest. */
static void mappings(struct work *w, const struct setting *set)
{
	take_zero(w, 0, 34 * HK_MIB);
	take(w, 1, 40 * HK_MIB);
	if (set->security != HK_SECURITY_FULL) {
		resize(w, 0, 50 * HK_MIB);
		resize(w, 0, 36 * HK_MIB);
	}
	give(w, 1);
	take(w, 1, 38 * HK_MIB);
	give(w, 1);
	hk_purge_soften();
	take(w, 2, 120 * HK_MIB);
	resize(w, 0, 1000);
	take(w, 3, 40000);
	resize(w, 3, 34 * HK_MIB);
	if (set->security != HK_SECURITY_FULL)
		resize(w, 3, 70 * HK_MIB);
	resize(w, 3, 50000);
	give_all(w);
}

static void all_of_it(struct work *w, const struct setting *set)
{
	void *dense[30] = {NULL};

	for (size_t i = 0; set->dense && i < HK_COUNT(dense); i++) {
		dense[i] = hk_malloc(HK_MIB);
		MUST(dense[i] != NULL || !w->must);
		if (dense[i] != NULL)
			memset(dense[i], 1, HK_MIB);
	}
	small_blocks(w);
	large_blocks(w, set);
	mappings(w, set);
	for (size_t i = 0; i < HK_COUNT(dense); i++)
		hk_free(dense[i]);
	(void) hk_trim();
}

/* ---- accounts ---- */

/* What is mapped is what the statistics say, but for a closed granule behind some arenas, and metadata that came out of an
   arena because there was no mapping to be had. */
static void check_accounts(const struct setting *set)
{
	struct hk_summary sum;
	int64_t mapped = fault_mapped - fault_kept - fault_leaves, told;

	hk_stats_summarise(hk_counters, &sum);
	told = (int64_t) (sum.mapped_bytes + sum.metadata_bytes);
	MUST(mapped - told <= (int64_t) (2 * HK_MIB) && told - mapped <= (int64_t) (2 * HK_MIB));
	MUST(sum.large_live_bytes == 0 && sum.bigcache_bytes == 0 && sum.dirty_bytes == 0);
	MUST(set->security == HK_SECURITY_FULL || (sum.slab_bytes == 0 && sum.live_bytes == 0));
	MUST(hk_pageheap_used() <= sum.slab_bytes + 16 * HK_GRANULE);
}

/* The kernel gives again. Again and again: what is mapped by then serves from then on. */
static void recover(struct work *w, const struct setting *set, bool again)
{
	int64_t mapped = 0;

	atomic_store(&fault_judge_now, NULL);
	w->must = true;
	give_all(w);
	all_of_it(w, set);
	check_accounts(set);
	for (int i = 0; again && i < 2; i++) {
		mapped = fault_mapped;
		all_of_it(w, set);
		check_accounts(set);
	}
	MUST(!again || fault_mapped == mapped || set->security == HK_SECURITY_FULL); /* there, addresses rest */
}

/* ---- one call after another ---- */

enum way { ONCE, PARTLY, EVER, ALL, WAYS };
static const char *const ways[WAYS] = {"once", "in part", "from here on", "with all others"};

static struct {
	const struct setting *set;
	enum fault_kind kind; /* in a copy: what fails */
	enum way way;
	bool copy;
	unsigned calls[FAULT_KINDS], all, stride, from, bad;
} run;

static enum fault_verdict judge_in_copy(enum fault_kind kind)
{
	if (run.way == ALL || (run.way == EVER && run.kind == kind))
		return FAULT_REFUSED;
	return FAULT_NONE;
}

/* Without the handlers of fork(2): locks are held here, and this is the only thread. */
static pid_t copy_process(void)
{
	return (pid_t) syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static bool has_way(enum fault_kind kind, enum way way)
{
	return way != PARTLY || kind == FAULT_VECTOR || kind == FAULT_MMAP;
}

/* With HK_FAULTS_ALL every call of every setting is tried, for some minutes; else some, and each time the same ones. */
static void choose(void)
{
	bool all = getenv("HK_FAULTS_ALL") != NULL;

	run.stride = all ? 1 : run.set->security == HK_SECURITY_FULL ? 80 : 16;
	run.from = all ? 0 : run.stride / 2;
}

/* In the original: each way in a copy of its own, which goes on with the verdict. */
static enum fault_verdict judge_and_copy(enum fault_kind kind)
{
	run.calls[kind]++;
	if (++run.all % run.stride != run.from)
		return FAULT_NONE;
	for (enum way way = ONCE; way < WAYS; way++) {
		int status = -1;
		pid_t pid = has_way(kind, way) ? copy_process() : -1;

		if (pid == 0) {
			(void) alarm(60);
			run.copy = true;
			run.kind = kind;
			run.way = way;
			atomic_store(&fault_judge_now, judge_in_copy);
			return way == PARTLY ? FAULT_PARTLY : FAULT_REFUSED;
		}
		if (pid < 0)
			continue;
		if (waitpid(pid, &status, 0) == pid && status == 0)
			continue;
		dprintf(2, "%s: %s %u fails %s: status %#x\n", run.set->name, fault_name(kind), run.calls[kind], ways[way], (unsigned) status);
		run.bad++;
	}
	return FAULT_NONE;
}

START_TEST(every_call_fails_in_turn)
{
	static struct work work;

	run.set = &settings[_i];
	choose();
	apply(run.set);
	atomic_store(&fault_judge_now, judge_and_copy);
	all_of_it(&work, run.set);
	recover(&work, run.set, !run.copy);
	if (run.copy)
		_exit(0);
	ck_assert_uint_eq(run.bad, 0);
	ck_assert_uint_gt(run.calls[FAULT_MMAP], 5);
	ck_assert_uint_gt(run.calls[FAULT_MUNMAP], 2);
	ck_assert_uint_gt(run.calls[FAULT_MPROTECT], 3);
	ck_assert_uint_gt(run.calls[FAULT_MADVISE] + run.calls[FAULT_VECTOR], 3);
	if (run.set->security != HK_SECURITY_FULL)
		ck_assert_uint_gt(run.calls[FAULT_MREMAP], 2);
}
END_TEST

/* ---- many at once, by chance, in threads ---- */

static _Atomic uint64_t chance;

static enum fault_verdict judge_by_chance(enum fault_kind kind)
{
	uint64_t x = atomic_fetch_add(&chance, 0x9e3779b97f4a7c15U);

	x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9U;
	x ^= x >> 29;
	if (x % 3 != 0)
		return FAULT_NONE;
	return (kind == FAULT_VECTOR || kind == FAULT_MMAP) && x % 2 == 0 ? FAULT_PARTLY : FAULT_REFUSED;
}

static void random_step(struct work *w, uint64_t *state)
{
	static const size_t most[8] = {100, 1024, 8192, 32768, 200000, 1 << 20, 5 << 20, 60 << 20};
	uint64_t x = *state = *state * 6364136223846793005U + 1442695040888963407U;
	size_t i = (x >> 20) % SLOTS, size = 1 + (x >> 32) % most[x >> 61];

	if (size > 300000 && (x >> 10) % 8 != 0)
		size = 1 + size % 300000;
	if (w->slot[i].p == NULL) {
		if (x >> 58 == 1)
			take_aligned(w, i, (size_t) 16 << (x >> 40) % 14, size % 300000);
		else if ((x >> 56 & 3) == 1)
			take_zero(w, i, size);
		else
			take(w, i, size);
	} else if ((x >> 57 & 1) == 0) {
		resize(w, i, size);
	} else {
		give(w, i);
	}
	if ((x >> 12) % 64 == 0)
		(void) hk_trim();
}

static void *random_work(void *seed)
{
	struct work *w = calloc(1, sizeof(*w));
	uint64_t state = (uintptr_t) seed * 2654435761U;

	MUST(w != NULL);
	for (int i = 0; i < 150; i++)
		random_step(w, &state);
	give_all(w);
	hk_thread_exit();
	free(w);
	return NULL;
}

START_TEST(calls_fail_by_chance_in_threads)
{
	pthread_t thread[3];
	static struct work work;

	apply(&settings[_i]);
	atomic_store(&fault_judge_now, judge_by_chance);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, random_work, (void *) (i + 1)), 0);
	for (size_t i = 0; i < HK_COUNT(thread); i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_gt(fault_count, 20);
	recover(&work, &settings[_i], true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core faults");
	TCase *tcase = tcase_create("faults");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 600);
	tcase_add_loop_test(tcase, every_call_fails_in_turn, 0, (int) HK_COUNT(settings));
	tcase_add_loop_test(tcase, calls_fail_by_chance_in_threads, 0, (int) HK_COUNT(settings));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
