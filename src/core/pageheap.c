/* SPDX-License-Identifier: MIT
 *
 * The page heap: good fit over segregated bins (exact up to 1 MiB, four a doubling above), last
 * freed first within a bin. Runs that hold warm memory are tried before clean ones, which cost page faults.
 * Spans are cut from the low end of a run, so that fresh memory is handed out densely in address order, or, where a run is
 * warm in parts only, from a part that is.
 */
#include "core/pageheap.h"

#include "base/lock.h"
#include "base/sys.h"
#include "core/knobs.h"
#include "core/stats.h"
#include "core/thp.h"

#include <string.h>

#define HK_ARENA_MIN (4 * HK_MIB)
#define HK_ARENA_MAX (64 * HK_MIB)
#define HK_SCAN_MAX 16 /* runs looked at in a bin whose runs may be too short or misaligned */
#define HK_STRETCHES_MAX 64 /* … and warm stretches in such a run */
#define HK_DENSE_MAX 16 /* granules: longer spans may be touched here and there only */

static struct {
	struct hk_lock lock;
	struct bins {
		struct hk_span *bin[HK_RUN_BINS];
		uint64_t nonempty[HK_RUN_BINS / 64];
	} clean, dirty; /* a run with any dirty granule is in dirty */
	struct hk_span *oldest, *newest; /* dirty runs by age */
	size_t next_arena;
	char *lowest; /* the last arena */
	_Atomic uint64_t used;
} heap;

void hk_pageheap_init(void)
{
	heap.next_arena = HK_ARENA_MIN;
}

struct hk_lock *hk_pageheap_lock(void)
{
	return &heap.lock;
}

unsigned hk_run_bin(size_t n)
{
	unsigned lg;

	if (n <= 64)
		return (unsigned) n - 1;
	lg = hk_log2(n);
	return (unsigned) hk_min(64 + (lg - 6) * 4 + ((n >> (lg - 2)) & 3), HK_RUN_BINS - 1);
}

uint64_t hk_pageheap_used(void)
{
	return atomic_load_explicit(&heap.used, memory_order_relaxed);
}

bool hk_pageheap_charge(size_t bytes)
{
	uint64_t limit = HK_KNOB(hard_limit);
	uint64_t used = hk_counter_add(&heap.used, bytes) + bytes;

	if (limit == 0 || used <= limit)
		return true;
	hk_counter_add(&heap.used, (uint64_t) 0 - bytes);
	HK_STAT_ADD(hard_limit_hits, 1);
	return false;
}

void hk_pageheap_uncharge(size_t bytes)
{
	hk_counter_add(&heap.used, (uint64_t) 0 - bytes);
}

/* ---- free runs: all under the lock ---- */

static uint8_t *dirty_map(const struct hk_span *span)
{
	return &hk_leaf_of(span->base)->dirty[hk_granule_index(span->base)];
}

static uint32_t count_dirty(const struct hk_span *span, size_t n)
{
	const uint8_t *dirty = dirty_map(span);
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += dirty[i];
	return sum;
}

static void age_insert(struct hk_span *run)
{
	/* Almost always the newest; a remainder keeps its older stamp and moves towards its place. */
	struct hk_span *after = heap.newest;

	while (after != NULL && after->stamp_ns > run->stamp_ns)
		after = after->older;
	run->older = after;
	run->newer = after != NULL ? after->newer : heap.oldest;
	if (run->newer != NULL)
		run->newer->older = run;
	else
		heap.newest = run;
	if (after != NULL)
		after->newer = run;
	else
		heap.oldest = run;
}

static void age_remove(struct hk_span *run)
{
	if (run->newer != NULL)
		run->newer->older = run->older;
	else
		heap.newest = run->older;
	if (run->older != NULL)
		run->older->newer = run->newer;
	else
		heap.oldest = run->newer;
}

static struct bins *bins_of(const struct hk_span *run)
{
	return run->ndirty != 0 ? &heap.dirty : &heap.clean;
}

static void run_insert(struct hk_span *run)
{
	unsigned b = hk_run_bin(run->granules);
	struct bins *bins = bins_of(run);
	struct hk_span *tail = run + run->granules - 1;

	if (tail != run) {
		hk_span_name(tail, HK_SPAN_FREE_TAIL);
		tail->granules = run->granules;
	}
	hk_span_name(run, HK_SPAN_FREE);
	run->prev = NULL;
	run->next = bins->bin[b];
	if (run->next != NULL)
		run->next->prev = run;
	bins->bin[b] = run;
	bins->nonempty[b / 64] |= (uint64_t) 1 << (b % 64);
	HK_STAT_ADD(free_run_bytes, run->granules * HK_GRANULE);
	if (run->ndirty == 0) {
		run->stamp_ns = 0;
		return;
	}
	if (run->stamp_ns == 0)
		run->stamp_ns = 1; /* age unknown: the oldest */
	age_insert(run);
	HK_STAT_ADD(dirty_bytes, run->ndirty * HK_GRANULE);
}

static void run_remove(struct hk_span *run)
{
	unsigned b = hk_run_bin(run->granules);
	struct bins *bins = bins_of(run);

	if (run->next != NULL)
		run->next->prev = run->prev;
	if (run->prev != NULL)
		run->prev->next = run->next;
	else
		bins->bin[b] = run->next;
	if (bins->bin[b] == NULL)
		bins->nonempty[b / 64] &= ~((uint64_t) 1 << (b % 64));
	HK_STAT_SUB(free_run_bytes, run->granules * HK_GRANULE);
	if (run->ndirty != 0) {
		age_remove(run);
		HK_STAT_SUB(dirty_bytes, run->ndirty * HK_GRANULE);
	}
	hk_span_name(run, HK_SPAN_BUSY);
	hk_span_name(&run[run->granules - 1], HK_SPAN_BUSY);
}

static void run_make(struct hk_span *head, char *base, size_t n, uint64_t stamp_ns, uint32_t ndirty)
{
	head->base = base;
	head->granules = (uint32_t) n;
	head->stamp_ns = stamp_ns;
	head->ndirty = ndirty;
}

/* Take a free neighbour out and add it to run's accounts. The larger dirty part's age counts. */
static void run_absorb(struct hk_span *run, struct hk_span *neighbour)
{
	run_remove(neighbour);
	if (neighbour->ndirty > run->ndirty)
		run->stamp_ns = neighbour->stamp_ns;
	run->ndirty += neighbour->ndirty;
	run->granules += neighbour->granules;
}

/* Merge with free neighbours inside the leaf and insert. */
static void run_release(struct hk_span *run)
{
	struct hk_leaf *leaf = hk_leaf_of(run->base);
	size_t i = hk_granule_index(run->base);
	struct hk_span *right = run + run->granules, *left = run - 1;

	if (i + run->granules < HK_LEAF_GRANULES && hk_span_kind(right) == HK_SPAN_FREE) {
		run_absorb(run, right);
		hk_span_name(right, HK_SPAN_NONE);
	}
	if (i > 0) {
		if (hk_span_kind(left) == HK_SPAN_FREE_TAIL)
			left -= left->granules - 1;
		if (hk_span_kind(left) == HK_SPAN_FREE) {
			uint32_t n = left->granules;

			run_absorb(run, left);
			hk_span_name(run, HK_SPAN_NONE);
			run_make(&leaf->span[i - n], left->base, run->granules, run->stamp_ns, run->ndirty);
			run = left;
		}
	}
	run_insert(run);
}

/* ---- arenas ---- */

/* Right below the last arena, where the kernel has room as a rule: neighbours merge, and blocks may lie across. */
static char *map_below(size_t size)
{
	char *base = heap.lowest - size;

	if (heap.lowest == NULL || (uintptr_t) heap.lowest <= size ||
	    ((uintptr_t) base ^ ((uintptr_t) heap.lowest - 1)) >> HK_LEAF_SHIFT != 0)
		return NULL;
	return hk_sys_map_at(base, size);
}

/* Map an arena with room for n granules and add it as one clean run. Aligned to its size, which is a power
   of two when it can be: then it lies in one leaf. */
static bool arena_add(size_t n)
{
	size_t need = hk_align_up(n * HK_GRANULE, HK_ARENA_MIN);
	size_t size = hk_max(heap.next_arena, (size_t) 1 << (hk_log2(need - 1) + 1));
	char *base = map_below(size);

	while (base == NULL && (base = hk_sys_map(size, size)) == NULL && size > need)
		size /= 2;
	if (base == NULL)
		return false;
	if (!hk_pagemap_cover(base, size)) {
		hk_sys_unmap(base, size);
		return false;
	}
	heap.next_arena = hk_min(size * 2, HK_ARENA_MAX);
	heap.lowest = base;
	HK_STAT_ADD(mapped_bytes, size);
	HK_STAT_ADD(mappings, 1);
	hk_thp_mapped(base, size);
	run_make(hk_span_at(base), base, size / HK_GRANULE, 0, 0);
	run_release(hk_span_at(base));
	return true;
}

/* ---- allocation ---- */

/* Where in the run an aligned span of n granules begins, or NULL if it does not fit. */
static char *fit(const struct hk_span *run, size_t n, size_t align)
{
	char *start = (char *) hk_align_up((uintptr_t) run->base, align * HK_GRANULE);
	size_t skip = (size_t) (start - run->base) / HK_GRANULE;

	return skip + n <= run->granules ? start : NULL;
}

static struct hk_span *find_in(const struct bins *bins, size_t n, size_t align, char **ret_start)
{
	for (unsigned b = hk_run_bin(n); b < HK_RUN_BINS; b++) {
		uint64_t rest = bins->nonempty[b / 64] >> (b % 64);
		int scanned = 0;

		if (rest == 0) {
			b |= 63;
			continue;
		}
		b += (unsigned) __builtin_ctzll(rest);
		for (struct hk_span *run = bins->bin[b]; run != NULL && scanned < HK_SCAN_MAX; run = run->next) {
			*ret_start = fit(run, n, align);
			if (*ret_start != NULL)
				return run;
			scanned++;
		}
	}
	return NULL;
}

/* The first warm stretch of at least n granules in a run that is partly warm, or the longest one; its first granule. */
static size_t warm_stretch(const struct hk_span *run, size_t n)
{
	const uint8_t *dirty = dirty_map(run), *end = dirty + run->granules, *from = dirty, *to;
	size_t longest = 0, best = 0;

	for (int i = 0; i < HK_STRETCHES_MAX && longest < n; i++, from = to) {
		from = memchr(from, 1, (size_t) (end - from));
		if (from == NULL)
			break;
		to = memchr(from, 0, (size_t) (end - from));
		if (to == NULL)
			to = end;
		if ((size_t) (to - from) > longest) {
			longest = (size_t) (to - from);
			best = (size_t) (from - dirty);
		}
	}
	return best;
}

/* Where to cut n granules out of a run that is warm at least in part, not before start. */
static char *warm_start(const struct hk_span *run, size_t n, size_t align, char *start)
{
	size_t at;

	if (run->ndirty == run->granules)
		return start;
	at = hk_min(warm_stretch(run, n), run->granules - n);
	return (char *) hk_max(hk_align_down((uintptr_t) run->base + at * HK_GRANULE, align * HK_GRANULE), (uintptr_t) start);
}

static struct hk_span *find(size_t n, size_t align, char **ret_start)
{
	struct hk_span *run = find_in(&heap.dirty, n, align, ret_start);

	if (run == NULL)
		return find_in(&heap.clean, n, align, ret_start);
	*ret_start = warm_start(run, n, align, *ret_start);
	return run;
}

/* Cut [start, start + n granules) out of a run that was removed; both remainders go back. */
static struct hk_span *carve(struct hk_span *run, char *start, size_t n)
{
	size_t skip = (size_t) (start - run->base) / HK_GRANULE;
	size_t rest = run->granules - skip - n;
	uint64_t stamp = run->stamp_ns;
	uint32_t ndirty = run->ndirty, before = 0, inside = 0;
	struct hk_span *span = run + skip;
	char *base = run->base;

	span->base = start;
	if (ndirty != 0) {
		before = count_dirty(run, skip);
		inside = count_dirty(span, n);
	}
	if (skip > 0) {
		run_make(run, base, skip, stamp, before);
		run_insert(run);
	}
	if (rest > 0) {
		run_make(span + n, start + n * HK_GRANULE, rest, stamp, ndirty - before - inside);
		run_insert(span + n);
	}
	run_make(span, start, n, stamp, inside);
	hk_span_name(&span[n - 1], HK_SPAN_BUSY); /* neighbours read the kind of first and last granule */
	hk_span_name(span, HK_SPAN_BUSY);
	return span;
}

struct hk_span *hk_pageheap_alloc(size_t n, size_t align, bool *ret_zero)
{
	struct hk_span *span = NULL, *run;
	char *start = NULL, *from = NULL, *to = NULL;

	if (!hk_pageheap_charge(n * HK_GRANULE))
		return NULL;
	hk_lock_take(&heap.lock);
	run = find(n, align, &start);
	if (run == NULL && arena_add(n + align - 1))
		run = find(n, align, &start);
	if (run != NULL) {
		run_remove(run);
		if (run->ndirty == 0) {
			from = run->base;
			to = from + run->granules * HK_GRANULE;
		}
		span = carve(run, start, n);
		*ret_zero = span->ndirty == 0;
	}
	hk_lock_drop(&heap.lock);
	if (span == NULL)
		hk_pageheap_uncharge(n * HK_GRANULE);
	else if (from != NULL)
		hk_thp_cut(start, n * HK_GRANULE, from, to, n <= HK_DENSE_MAX);
	return span;
}

void hk_pageheap_free(struct hk_span *span, size_t touched, uint64_t stamp_ns)
{
	size_t n = span->granules;
	size_t dirty = hk_min((touched + HK_GRANULE - 1) / HK_GRANULE, n);

	hk_pageheap_uncharge(n * HK_GRANULE);
	hk_lock_take(&heap.lock);
	memset(dirty_map(span), 1, dirty);
	run_make(span, span->base, n, stamp_ns, count_dirty(span, n));
	run_release(span);
	hk_lock_drop(&heap.lock);
}

void hk_pageheap_shrink(struct hk_span *span, size_t n)
{
	struct hk_span *rest = span + n;
	size_t extra = span->granules - n;
	uint64_t now = hk_sys_now_ns();

	hk_pageheap_uncharge(extra * HK_GRANULE);
	hk_lock_take(&heap.lock);
	run_make(rest, span->base + n * HK_GRANULE, extra, now, (uint32_t) extra);
	memset(dirty_map(rest), 1, extra);
	span->granules = (uint32_t) n;
	hk_span_name(&span[n - 1], n > 1 ? HK_SPAN_BUSY : hk_span_kind(span));
	run_release(rest);
	hk_lock_drop(&heap.lock);
}

bool hk_pageheap_grow(struct hk_span *span, size_t n)
{
	size_t extra = n - span->granules;
	size_t next = hk_granule_index(span->base) + span->granules;
	bool grown = false;

	if (next >= HK_LEAF_GRANULES || !hk_pageheap_charge(extra * HK_GRANULE))
		return false;
	hk_lock_take(&heap.lock);
	if (hk_span_kind(&span[span->granules]) == HK_SPAN_FREE && span[span->granules].granules >= extra) {
		struct hk_span *run = span + span->granules;

		run_remove(run);
		(void) carve(run, run->base, extra);
		hk_span_name(run, HK_SPAN_NONE);
		span->granules = (uint32_t) n;
		hk_span_name(&span[n - 1], HK_SPAN_BUSY);
		grown = true;
	}
	hk_lock_drop(&heap.lock);
	if (!grown)
		hk_pageheap_uncharge(extra * HK_GRANULE);
	return grown;
}

/* ---- purge ---- */

static struct iovec dirty_range(const struct hk_span *run)
{
	const uint8_t *dirty = dirty_map(run);
	size_t first = 0, last = run->granules;
	struct iovec range;

	while (first < last && dirty[first] == 0)
		first++;
	while (last > first && dirty[last - 1] == 0)
		last--;
	range.iov_base = run->base + first * HK_GRANULE;
	range.iov_len = (last - first) * HK_GRANULE;
	return range;
}

size_t hk_pageheap_purge_take(uint64_t before_ns, size_t min_granules, struct hk_purge_run *runs, size_t max)
{
	size_t n = 0;

	hk_lock_take(&heap.lock);
	for (struct hk_span *run = heap.oldest, *newer; run != NULL && n < max; run = newer) {
		newer = run->newer;
		if (run->stamp_ns > before_ns)
			break;
		if (run->granules < min_granules)
			continue;
		runs[n].span = run;
		runs[n].range = dirty_range(run);
		run_remove(run);
		n++;
	}
	hk_lock_drop(&heap.lock);
	return n;
}

void hk_pageheap_purge_done(const struct hk_purge_run *runs, size_t n)
{
	uint64_t now = hk_sys_now_ns();

	hk_lock_take(&heap.lock);
	for (size_t i = 0; i < n; i++) {
		struct hk_span *run = runs[i].span;

		if (runs[i].clean) {
			memset(dirty_map(run), 0, run->granules);
			run_make(run, run->base, run->granules, 0, 0);
		} else {
			run_make(run, run->base, run->granules, now, run->ndirty);
		}
		run_release(run);
	}
	hk_lock_drop(&heap.lock);
}
