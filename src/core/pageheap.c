/* SPDX-License-Identifier: MIT
 *
 * The page heap: arenas, limits, spans, and what a purge takes out. Its free runs are kept in runs.c.
 */
#include "core/pageheap.h"

#include "base/lock.h"
#include "base/sys.h"
#include "core/knobs.h"
#include "core/runs.h"
#include "core/stats.h"
#include "core/thp.h"

#include <string.h>

#define HK_ARENA_MIN (4 * HK_MIB)
#define HK_ARENA_MAX (64 * HK_MIB)
#define HK_STEP_MIN (HK_MIB) /* of the first arena is opened at a time; later ones at once */
#define HK_REGIONS 64   /* arenas side by side are one; beyond that they are not remembered */
#define HK_DENSE_MAX 16 /* granules: longer spans may be touched here and there only */

static struct {
	struct hk_lock lock;
	size_t next_arena;
	char *lowest; /* the last arena */
	struct iovec closed; /* the part of it that is not in use yet: who runs off the heap's end meets it */
	struct iovec region[HK_REGIONS];
	size_t regions;
	_Atomic uint64_t used, fresh, freed;
} heap;

void hk_pageheap_init(void)
{
	heap.next_arena = HK_ARENA_MIN;
}

struct hk_lock *hk_pageheap_lock(void)
{
	return &heap.lock;
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

uint64_t hk_pageheap_fresh(void)
{
	return atomic_load_explicit(&heap.fresh, memory_order_relaxed);
}

uint64_t hk_pageheap_freed(void)
{
	return atomic_load_explicit(&heap.freed, memory_order_relaxed);
}

void hk_pageheap_count_freed(size_t bytes)
{
	hk_counter_add(&heap.freed, bytes);
}

void hk_pageheap_count_fresh(size_t bytes)
{
	hk_counter_add(&heap.fresh, bytes);
}

/* ---- arenas ---- */

static bool in_one_leaf(const char *base, size_t size)
{
	return ((uintptr_t) base ^ ((uintptr_t) base + size - 1)) >> HK_LEAF_SHIFT == 0;
}

/* Right below the last arena, where the kernel has room as a rule: neighbours merge, and blocks may lie across. */
static char *map_below(size_t size)
{
	if ((uintptr_t) heap.lowest <= size || !in_one_leaf(heap.lowest - size, size)) /* NULL: there is none yet */
		return NULL;
	return hk_sys_reserve_at(heap.lowest - size, size);
}

static char *map_arena(size_t size)
{
	char *base = map_below(size);

	/* The granule behind it is never opened. */
	if (base == NULL)
		base = hk_sys_reserve(size + HK_GRANULE, HK_ARENA_MIN);
	if (base == NULL || in_one_leaf(base, size))
		return base;
	hk_sys_unmap(base, size + HK_GRANULE);
	return hk_sys_reserve(size + HK_GRANULE, (size_t) 1 << (hk_log2(size - 1) + 1));
}

/* The newest region grows downwards as a rule. */
static void remember(char *base, size_t size)
{
	struct iovec *last = &heap.region[heap.regions - (heap.regions > 0)];

	if (heap.regions > 0 && base + size == (char *) last->iov_base)
		*last = (struct iovec){base, last->iov_len + size};
	else if (heap.regions < HK_REGIONS)
		heap.region[heap.regions++] = (struct iovec){base, size};
}

void hk_pageheap_huge(bool want)
{
	struct iovec region[HK_REGIONS];
	size_t n;

	hk_lock_take(&heap.lock);
	n = heap.regions;
	for (size_t i = 0; i < n; i++)
		region[i] = heap.region[i];
	hk_lock_drop(&heap.lock);
	for (size_t i = 0; i < n; i++) /* arenas are never unmapped */
		(void) hk_sys_huge(region[i].iov_base, region[i].iov_len, want);
}

/* Open a further part of the last arena, at least bytes of it, and add it as a clean run. */
static bool open_some(size_t bytes)
{
	size_t step = heap.next_arena == 2 * HK_ARENA_MIN ? HK_STEP_MIN : heap.closed.iov_len;
	char *base = heap.closed.iov_base;
	size_t most;

	bytes = hk_min(hk_align_up(bytes, HK_STEP_MIN), heap.closed.iov_len);
	most = hk_min(hk_max(bytes, step), heap.closed.iov_len);
	if (hk_sys_open(base, most) == 0)
		bytes = most;
	else if (most == bytes || hk_sys_open(base, bytes) != 0) /* limits: less than usual, but enough */
		return false;
	heap.closed = (struct iovec){base + bytes, heap.closed.iov_len - bytes};
	hk_runs_make(hk_span_at(base), base, bytes / HK_GRANULE, 0, 0);
	hk_runs_release(hk_span_at(base));
	return true;
}

/* Map an arena with room for n granules. */
static bool arena_add(size_t n)
{
	size_t need = hk_align_up(n * HK_GRANULE, HK_ARENA_MIN), size = hk_max(heap.next_arena, need);
	char *base;

	/* The last one's rest is not lost. Where the system has no memory to open it, it has none for a new one either, which would
	   be mapped in vain, and another one for each further request. */
	if (heap.closed.iov_len > 0 && !open_some(heap.closed.iov_len))
		return false;
	while ((base = map_arena(size)) == NULL && size > need) /* limits: less than usual, but enough */
		size = hk_max(hk_align_up(size / 2, HK_ARENA_MIN), need);
	if (base == NULL)
		return false;
	if (!hk_pagemap_cover(base, size)) {
		hk_sys_unmap(base, base + size == heap.lowest ? size : size + HK_GRANULE); /* with what map_arena left behind it */
		return false;
	}
	heap.next_arena = hk_min(size * 2, HK_ARENA_MAX);
	heap.lowest = base;
	remember(base, size);
	HK_STAT_ADD(mapped_bytes, size);
	HK_STAT_ADD(mappings, 1);
	hk_thp_mapped(base, size);
	heap.closed = (struct iovec){base, size};
	return open_some(n * HK_GRANULE);
}

/* Granules of the free run that what is opened next will join. */
static size_t free_before_closed(void)
{
	char *start = heap.closed.iov_base;
	const struct hk_span *last = heap.closed.iov_len > 0 && start != heap.lowest ? hk_span_at(start - HK_GRANULE) : NULL;
	bool is_free = last != NULL && (hk_span_kind(last) == HK_SPAN_FREE || hk_span_kind(last) == HK_SPAN_FREE_TAIL);

	return is_free ? last->granules : 0;
}

/* A run of n granules; there is none yet. */
static bool grow(size_t n)
{
	size_t need = (n - hk_min(free_before_closed(), n - 1)) * HK_GRANULE;

	return heap.closed.iov_len >= need ? open_some(need) : arena_add(n);
}

/* ---- allocation ---- */

struct hk_span *hk_pageheap_alloc(size_t n, size_t align, bool *ret_zero)
{
	struct hk_span *span = NULL, *run;
	char *start = NULL, *from = NULL, *to = NULL;

	if (!hk_pageheap_charge(n * HK_GRANULE))
		return NULL;
	hk_lock_take(&heap.lock);
	run = hk_runs_find(n, align, &start);
	if (run == NULL && grow(n + align - 1))
		run = hk_runs_find(n, align, &start);
	if (run != NULL) {
		hk_runs_remove(run);
		if (run->ndirty == 0) {
			from = run->base;
			to = from + run->granules * HK_GRANULE;
		}
		span = hk_runs_carve(run, start, n);
		*ret_zero = span->ndirty == 0;
		if (span->ndirty < n)
			hk_pageheap_count_fresh((n - span->ndirty) * HK_GRANULE);
	}
	hk_lock_drop(&heap.lock);
	if (span == NULL)
		hk_pageheap_uncharge(n * HK_GRANULE);
	else if (from != NULL && align <= HK_SLAB_GRANULES) /* what is aligned further lies far apart */
		hk_thp_cut(start, n * HK_GRANULE, from, to, n <= HK_DENSE_MAX);
	return span;
}

void hk_pageheap_free(struct hk_span *span, size_t touched, uint64_t stamp_ns)
{
	size_t n = span->granules;
	size_t dirty = hk_min((touched + HK_GRANULE - 1) / HK_GRANULE, n);

	hk_pageheap_uncharge(n * HK_GRANULE);
	hk_pageheap_count_freed(dirty * HK_GRANULE);
	hk_lock_take(&heap.lock);
	memset(hk_runs_dirty(span), 1, dirty);
	hk_runs_make(span, span->base, n, stamp_ns, hk_runs_count_dirty(span, n));
	hk_runs_release(span);
	hk_lock_drop(&heap.lock);
}

void hk_pageheap_shrink(struct hk_span *span, size_t n)
{
	struct hk_span *rest = span + n;
	size_t extra = span->granules - n;
	uint64_t now = hk_sys_now_ns();

	hk_pageheap_uncharge(extra * HK_GRANULE);
	hk_pageheap_count_freed(extra * HK_GRANULE);
	hk_lock_take(&heap.lock);
	hk_runs_make(rest, span->base + n * HK_GRANULE, extra, now, (uint32_t) extra);
	memset(hk_runs_dirty(rest), 1, extra);
	span->granules = (uint32_t) n;
	hk_span_name(&span[n - 1], n > 1 ? HK_SPAN_BUSY : hk_span_kind(span));
	hk_runs_release(rest);
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

		hk_runs_remove(run);
		(void) hk_runs_carve(run, run->base, extra);
		hk_pageheap_count_fresh((extra - run->ndirty) * HK_GRANULE);
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
	const uint8_t *dirty = hk_runs_dirty(run);
	size_t first = 0, last = run->granules;
	struct iovec range;

	while (first < last && dirty[first] == 0)
		first++;
	while (last > first && dirty[last - 1] == 0)
		last--;
	range.iov_base = run->base + first * HK_GRANULE;
	range.iov_len = (last - first) * HK_GRANULE;
	if (hk_sys_page() > HK_GRANULE) { /* a run is of whole pages */
		range.iov_base = (char *) hk_align_down((uintptr_t) range.iov_base, hk_sys_page());
		range.iov_len = hk_align_up((uintptr_t) run->base + last * HK_GRANULE, hk_sys_page()) - (uintptr_t) range.iov_base;
	}
	return range;
}

size_t hk_pageheap_purge_take(uint64_t before_ns, size_t min_granules, struct hk_purge_run *runs, size_t max)
{
	size_t n = 0;

	hk_lock_take(&heap.lock);
	for (struct hk_span *run = hk_runs_oldest(), *newer; run != NULL && n < max; run = newer) {
		newer = run->newer;
		if (run->stamp_ns > before_ns)
			break;
		if (run->granules < min_granules)
			continue;
		runs[n].span = run;
		runs[n].range = dirty_range(run);
		hk_runs_remove(run);
		n++;
	}
	hk_lock_drop(&heap.lock);
	return n;
}

void hk_pageheap_purge_done(const struct hk_purge_run *runs, size_t n, uint64_t now_ns)
{
	hk_lock_take(&heap.lock);
	for (size_t i = 0; i < n; i++) {
		struct hk_span *run = runs[i].span;

		if (runs[i].clean) {
			memset(hk_runs_dirty(run), 0, run->granules);
			hk_runs_make(run, run->base, run->granules, 0, 0);
		} else {
			hk_runs_make(run, run->base, run->granules, now_ns, run->ndirty);
		}
		hk_runs_release(run);
	}
	hk_lock_drop(&heap.lock);
}
