/* SPDX-License-Identifier: MIT
 *
 * Large blocks and BigCache. One lock guards the cache's lists; it is taken once per block.
 * Lock order: BigCache, then page heap.
 */
#include "core/large.h"

#include "base/lock.h"
#include "base/log.h"
#include "core/knobs.h"
#include "core/pageheap.h"
#include "core/purge.h"
#include "core/stats.h"
#include "core/thp.h"

#include <string.h>

#define HK_DIRECT_ALIGN (2 * HK_MIB)
#define HK_BAND_SCAN_MAX 16

static struct {
	struct hk_lock lock;
	struct hk_span *band[HK_RUN_BINS]; /* last freed first */
	struct hk_span *oldest, *newest;
	_Atomic uint64_t bytes;
} cache;

struct hk_lock *hk_large_lock(void)
{
	return &cache.lock;
}

static size_t span_bytes(const struct hk_span *span)
{
	return (size_t) span->granules << HK_GRANULE_SHIFT;
}

size_t hk_large_usable(const struct hk_span *span)
{
	return hk_span_kind(span) == HK_SPAN_GUARDED ? span->requested : span_bytes(span);
}

/* ---- BigCache: lists, under the lock ---- */

static void cache_link(struct hk_span *span)
{
	unsigned b = hk_run_bin(span->granules);

	span->prev = NULL;
	span->next = cache.band[b];
	if (span->next != NULL)
		span->next->prev = span;
	cache.band[b] = span;
	span->newer = NULL;
	span->older = cache.newest;
	if (cache.newest != NULL)
		cache.newest->newer = span;
	else
		cache.oldest = span;
	cache.newest = span;
	hk_counter_add(&cache.bytes, span_bytes(span));
	HK_STAT_ADD(bigcache_bytes, span_bytes(span));
	HK_STAT_ADD(bigcache_blocks, 1);
}

static void cache_unlink(struct hk_span *span)
{
	if (span->next != NULL)
		span->next->prev = span->prev;
	if (span->prev != NULL)
		span->prev->next = span->next;
	else
		cache.band[hk_run_bin(span->granules)] = span->next;
	if (span->newer != NULL)
		span->newer->older = span->older;
	else
		cache.newest = span->older;
	if (span->older != NULL)
		span->older->newer = span->newer;
	else
		cache.oldest = span->newer;
	hk_counter_add(&cache.bytes, (uint64_t) 0 - span_bytes(span));
	HK_STAT_SUB(bigcache_bytes, span_bytes(span));
	HK_STAT_SUB(bigcache_blocks, 1);
}

/* ---- to and from the system ---- */

static void direct_unmap(struct hk_span *span)
{
	char *base = span->base;
	size_t size = span_bytes(span);

	hk_span_name(span, HK_SPAN_NONE);
	hk_pageheap_uncharge(size);
	HK_STAT_SUB(mapped_bytes, size);
	HK_STAT_SUB(mappings, 1);
	hk_sys_unmap(base, size);
}

/* A block that is in no list: back to where it came from. */
static void release(struct hk_span *span, bool direct)
{
	if (direct)
		direct_unmap(span);
	else
		hk_pageheap_free(span, span_bytes(span), span->stamp_ns);
}

/* A fresh mapping that the page map knows, or NULL. */
static char *direct_reserve(size_t size, size_t align)
{
	char *base = hk_sys_map(size, hk_max(align, HK_DIRECT_ALIGN));
	bool covered;

	if (base == NULL)
		return NULL;
	hk_lock_take(hk_pageheap_lock());
	covered = hk_pagemap_cover(base, 1);
	hk_lock_drop(hk_pageheap_lock());
	if (covered)
		return base;
	hk_sys_unmap(base, size);
	return NULL;
}

static struct hk_span *direct_describe(char *base, size_t size)
{
	struct hk_span *span = hk_span_at(base);

	span->base = base;
	span->granules = (uint32_t) (size >> HK_GRANULE_SHIFT);
	hk_span_name(span, HK_SPAN_DIRECT);
	return span;
}

static struct hk_span *direct_map(size_t size, size_t align)
{
	char *base;

	if (!hk_pageheap_charge(size))
		return NULL;
	base = direct_reserve(size, align);
	if (base == NULL) {
		hk_pageheap_uncharge(size);
		return NULL;
	}
	hk_pageheap_count_fresh(size);
	if (HK_KNOB(thp) != HK_THP_AUTO)
		hk_thp_mapped(base, size);
	HK_STAT_ADD(mapped_bytes, size);
	HK_STAT_ADD(mappings, 1);
	return direct_describe(base, size);
}

/* ---- BigCache ---- */

static struct hk_span *oldest_direct(void)
{
	struct hk_span *span = cache.oldest;

	while (span != NULL && !span->direct)
		span = span->newer;
	return span;
}

/*
 * Fresh memory for a mapping is about to come in beside the warm memory of mappings that rest here and did not fit: as
 * much of that goes, the oldest first.
 */
static void cache_make_way(size_t bytes)
{
	for (size_t gone = 0; gone < bytes && atomic_load_explicit(&cache.bytes, memory_order_relaxed) > 0;) {
		struct hk_span *span;

		hk_lock_take(&cache.lock);
		span = oldest_direct();
		if (span != NULL)
			cache_unlink(span);
		hk_lock_drop(&cache.lock);
		if (span == NULL)
			return;
		gone += span_bytes(span);
		direct_unmap(span);
	}
}

static bool fits(const struct hk_span *span, size_t granules, size_t slack, size_t align)
{
	return span->granules >= granules && span->granules <= granules + slack &&
	       ((uintptr_t) span->base & (align - 1)) == 0;
}

static struct hk_span *search(size_t granules, size_t slack, size_t align)
{
	unsigned last = hk_run_bin(granules + slack);

	for (unsigned b = hk_run_bin(granules); b <= last; b++) {
		int scanned = 0;

		for (struct hk_span *s = cache.band[b]; s != NULL && scanned < HK_BAND_SCAN_MAX; s = s->next, scanned++)
			if (fits(s, granules, slack, align))
				return s;
	}
	return NULL;
}

/* A warm block of nearly the size: up to an eighth more. */
static struct hk_span *cache_take(size_t granules, size_t align)
{
	struct hk_span *span;

	if (atomic_load_explicit(&cache.bytes, memory_order_relaxed) == 0)
		return NULL;
	hk_lock_take(&cache.lock);
	span = search(granules, granules / 8, align);
	if (span != NULL)
		cache_unlink(span);
	hk_lock_drop(&cache.lock);
	if (span != NULL)
		hk_span_name(span, span->direct ? HK_SPAN_DIRECT : HK_SPAN_LARGE);
	return span;
}

/*
 * Nothing of the size is cached. Rather than let fresh pages be faulted in beside warm ones, hand what rests
 * here to the page heap, which merges neighbours and prefers warm runs. Direct mappings stay.
 */
static void cache_dissolve(void)
{
	for (;;) {
		struct hk_span *span;

		hk_lock_take(&cache.lock);
		for (span = cache.newest; span != NULL && span->direct; span = span->older)
			;
		if (span != NULL)
			cache_unlink(span);
		hk_lock_drop(&cache.lock);
		if (span == NULL)
			return;
		hk_span_name(span, HK_SPAN_BUSY);
		release(span, false);
	}
}

/* True if the block, claimed by the caller, rests in BigCache now. Evicts older ones to make room. */
static bool cache_put(struct hk_span *span)
{
	uint64_t limit = HK_KNOB(bigcache_limit);
	size_t size = span_bytes(span);

	if (!HK_KNOB(bigcache) || size > limit || size > HK_KNOB(bigcache_max_block))
		return false;
	while (atomic_load_explicit(&cache.bytes, memory_order_relaxed) + size > limit)
		if (hk_bigcache_evict(UINT64_MAX, 1) == 0)
			break;
	hk_pageheap_count_freed(size);
	hk_lock_take(&cache.lock);
	hk_span_name(span, HK_SPAN_CACHED);
	span->ndirty = 0;
	cache_link(span);
	hk_lock_drop(&cache.lock);
	return true;
}

size_t hk_bigcache_evict(uint64_t before_ns, size_t max)
{
	size_t n = 0;

	while (n < max) {
		struct hk_span *span;

		hk_lock_take(&cache.lock);
		span = cache.oldest;
		if (span != NULL && span->stamp_ns <= before_ns)
			cache_unlink(span);
		else
			span = NULL;
		hk_lock_drop(&cache.lock);
		if (span == NULL)
			break;
		hk_span_name(span, HK_SPAN_BUSY);
		release(span, span->direct);
		n++;
	}
	return n;
}

void hk_bigcache_soften(void)
{
	struct hk_span *held = NULL, *next;

	hk_lock_take(&cache.lock);
	for (struct hk_span *span; (span = cache.newest) != NULL && span->ndirty == 0; held = span) {
		cache_unlink(span);
		span->next = held;
	}
	hk_lock_drop(&cache.lock);
	for (struct hk_span *span = held; span != NULL; span = span->next)
		(void) hk_sys_soften(span->base, span_bytes(span));
	hk_lock_take(&cache.lock);
	for (struct hk_span *span = held; span != NULL; span = next) {
		next = span->next;
		span->ndirty = 1;
		cache_link(span);
	}
	hk_lock_drop(&cache.lock);
}

void hk_bigcache_fit(void)
{
	uint64_t limit = HK_KNOB(bigcache) ? HK_KNOB(bigcache_limit) : 0;

	while (atomic_load_explicit(&cache.bytes, memory_order_relaxed) > limit)
		if (hk_bigcache_evict(UINT64_MAX, 1) == 0)
			break;
}

/* ---- allocation ---- */

void hk_large_count(size_t size)
{
	unsigned band = (unsigned) hk_min(hk_log2((hk_max(size, 1) - 1) >> 15 | 1), HK_SIZE_BANDS - 1);
	uint32_t window = atomic_load_explicit(&hk_hooks.window, memory_order_relaxed);
	uint64_t n = HK_STAT_ADD(large_allocs, 1) + 1;
	void (*handler)(void);

	HK_STAT_ADD(large_sizes[band], 1);
	if (HK_LIKELY(window == 0) || n % window != 0)
		return;
	handler = atomic_load_explicit(&hk_hooks.on_window, memory_order_acquire);
	if (handler != NULL)
		handler();
}

static struct hk_span *span_new(size_t size, size_t align, bool *ret_zero)
{
	size_t granules = size >> HK_GRANULE_SHIFT;
	struct hk_span *span = NULL;

	if (HK_KNOB(bigcache)) {
		*ret_zero = false;
		span = cache_take(granules, align);
		if (span != NULL) {
			HK_STAT_ADD(bigcache_hits, 1);
			return span;
		}
		HK_STAT_ADD(bigcache_misses, 1);
	}
	hk_purge_before_fresh(size);
	if (granules + (align >> HK_GRANULE_SHIFT) <= HK_ARENA_SPAN_MAX) {
		if (atomic_load_explicit(&cache.bytes, memory_order_relaxed) > 0)
			cache_dissolve();
		span = hk_pageheap_alloc(granules, hk_max(align >> HK_GRANULE_SHIFT, 1), ret_zero);
		if (span != NULL)
			hk_span_name(span, HK_SPAN_LARGE);
		return span;
	}
	*ret_zero = true;
	cache_make_way(size);
	return direct_map(size, align);
}

void *hk_large_alloc(size_t size, size_t align, bool zero)
{
	struct hk_span *span;
	bool is_zero = false;

	if (size >= HK_LARGE_LIMIT || align > HK_LARGE_LIMIT / 2)
		return NULL;
	size = hk_align_up(hk_max(size, 1), hk_large_unit());
	align = hk_max(align, hk_large_unit());
	hk_purge_before(size);
	span = span_new(size, align, &is_zero);
	if (span == NULL && hk_purge_for_room() > 0) /* the limit or the kernel refused: give back and try again */
		span = span_new(size, align, &is_zero);
	if (span == NULL)
		return NULL;
	HK_STAT_ADD(large_live_bytes, span_bytes(span));
	HK_STAT_ADD(large_live_blocks, 1);
	hk_hooks_tell(0, size);
	hk_large_count(size);
	if (zero && !is_zero)
		memset(span->base, 0, size);
	return span->base;
}

/* No large block begins at p, or not any more. Returns with security = off. */
static HK_COLD void refuse(const void *p)
{
	struct hk_leaf *leaf = hk_leaf_of(p);
	struct hk_span *there = leaf != NULL ? &leaf->span[hk_granule_index(p)] : NULL;
	unsigned kind = there != NULL && there->base == p ? hk_span_kind(there) : HK_SPAN_NONE;
	bool freed = kind == HK_SPAN_CACHED || kind == HK_SPAN_FREE || kind == HK_SPAN_BUSY;

	if (HK_KNOB(security) == HK_SECURITY_OFF)
		return;
	hk_fatal(freed ? "double free" : "free of a pointer that malloc did not return", p);
}

void hk_large_free(void *p)
{
	struct hk_span *span = hk_large_span(p);
	unsigned kind = span != NULL ? hk_span_kind(span) : HK_SPAN_NONE;
	uint64_t now = hk_sys_now_ns();
	size_t size;

	if (HK_UNLIKELY((kind != HK_SPAN_LARGE && kind != HK_SPAN_DIRECT) || !hk_span_claim(span, kind))) {
		refuse(p);
		return;
	}
	span->direct = kind == HK_SPAN_DIRECT;
	span->stamp_ns = now;
	size = span_bytes(span);
	HK_STAT_ADD(large_frees, 1);
	HK_STAT_SUB(large_live_bytes, span_bytes(span));
	HK_STAT_SUB(large_live_blocks, 1);
	hk_hooks_tell(size, 0);
	if (!cache_put(span))
		release(span, span->direct);
	hk_purge_after_free(size, now);
}

/* ---- realloc in place ---- */

/* Move the mapping to an address that is aligned as ours are. */
static char *direct_move(char *base, size_t old, size_t size)
{
	char *target = direct_reserve(size, HK_DIRECT_ALIGN);

	if (target == NULL)
		return NULL;
	if (hk_sys_remap(base, old, size, target) == NULL) {
		hk_sys_unmap(target, size);
		return NULL;
	}
	return target;
}

static void *direct_resize(struct hk_span *span, size_t size)
{
	size_t old = span_bytes(span);
	char *base = span->base, *now;

	if (size > old && !hk_pageheap_charge(size - old))
		return NULL;
	if (size > old)
		cache_make_way(size - old);
	/* As soon as the old address is free, another thread may be given it: let go of it first. */
	if (HK_UNLIKELY(!hk_span_claim(span, HK_SPAN_DIRECT)))
		hk_fatal("realloc of a block that is being freed", base);
	hk_span_name(span, HK_SPAN_NONE);
	now = hk_sys_remap(base, old, size, NULL);
	if (now == NULL)
		now = direct_move(base, old, size);
	if (now == NULL) {
		hk_span_name(span, HK_SPAN_DIRECT);
		if (size > old)
			hk_pageheap_uncharge(size - old);
		return NULL;
	}
	if (size < old)
		hk_pageheap_uncharge(old - size);
	else
		hk_pageheap_count_fresh(size - old);
	hk_hooks_tell(old, size);
	direct_describe(now, size);
	HK_STAT_ADD(mapped_bytes, size - old);
	HK_STAT_ADD(large_live_bytes, size - old);
	return now;
}

void *hk_large_resize(struct hk_span *span, size_t size)
{
	size_t granules, old = span->granules;

	if (size >= HK_LARGE_LIMIT || hk_span_kind(span) == HK_SPAN_GUARDED)
		return NULL;
	size = hk_align_up(size, hk_large_unit());
	granules = size >> HK_GRANULE_SHIFT;
	if (granules == old)
		return span->base;
	if (hk_span_kind(span) == HK_SPAN_DIRECT)
		return direct_resize(span, size);
	if (granules > HK_ARENA_SPAN_MAX)
		return NULL;
	if (granules > old) {
		hk_purge_before((granules - old) << HK_GRANULE_SHIFT);
		hk_purge_before_fresh((granules - old) << HK_GRANULE_SHIFT);
		if (!hk_pageheap_grow(span, granules))
			return NULL;
	} else {
		hk_pageheap_shrink(span, granules);
	}
	hk_hooks_tell(old << HK_GRANULE_SHIFT, size);
	HK_STAT_ADD(large_live_bytes, (granules - old) << HK_GRANULE_SHIFT);
	return span->base;
}
