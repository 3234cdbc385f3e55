/* SPDX-License-Identifier: MIT
 *
 * How many blocks the lists of a thread cache may hold, and how they are emptied. A class starts with a few blocks and
 * grows while it is in demand; all classes of a thread share a budget, and all threads share another.
 */
#include "core/heap_int.h"

#include "base/sys.h"
#include "core/knobs.h"
#include "core/sample.h"
#include "core/stats.h"

#define HK_LIST_MAX 64U                  /* blocks of one class in a list, however small */
#define HK_LIST_TINY_BYTES (32 * HK_KIB) /* … and bytes */
#define HK_LIST_PAGE_BYTES (64 * HK_KIB) /* … of blocks up to a page */
#define HK_LIST_MEDIUM_BYTES (32 * HK_KIB)
#define HK_LIST_SWAP 64U                 /* lists grow up to this also when a few blocks go round and round … */
#define HK_LIST_SWAP_BYTES (8 * HK_KIB)  /* … and to this: what a loop cycles through should stay in L1 */
#define HK_LIST_FIRST 16U                /* blocks at the first refill; doubled at each further one */
#define HK_LIST_FIRST_PART 64U           /* … which may hold this part of the thread's budget, at most … */
#define HK_LIST_FIRST_BYTES (2 * HK_KIB) /* … these bytes */
#define HK_BUDGET_ALL (4 * HK_MIB)       /* all threads' lists share this, but … */
#define HK_BUDGET_MIN (64 * HK_KIB)      /* … each may hold this */

static _Atomic uint64_t budget = HK_BUDGET_ALL; /* bytes that one thread's lists may hold */

void hk_lists_share(uint32_t threads)
{
	uint64_t share = hk_max(HK_BUDGET_ALL / hk_max(threads, 1), HK_BUDGET_MIN);

	atomic_store_explicit(&budget, share, memory_order_relaxed);
}

static uint64_t budget_limit(void)
{
	return hk_min(HK_KNOB(tinypool_limit), atomic_load_explicit(&budget, memory_order_relaxed));
}

static uint32_t fit_of(unsigned c)
{
	if (HK_KNOB(security) == HK_SECURITY_FULL)
		return 0; /* every call takes the long way */
	return c != 0 && HK_KNOB(security) == HK_SECURITY_OFF ? HK_FIT_ANY : hk_classes[c].fit;
}

static unsigned first_cap(unsigned c)
{
	uint64_t bytes = hk_min(budget_limit() / HK_LIST_FIRST_PART, HK_LIST_FIRST_BYTES);

	return (unsigned) hk_max(hk_min(bytes / hk_classes[c].size, HK_LIST_FIRST), 1);
}

static uint64_t list_bytes(unsigned c)
{
	size_t size = hk_classes[c].size;

	if (size <= HK_TINY_MAX)
		return HK_LIST_TINY_BYTES;
	return size <= HK_PAGE ? HK_LIST_PAGE_BYTES : HK_LIST_MEDIUM_BYTES;
}

static unsigned last_cap(unsigned c)
{
	return (unsigned) hk_max(hk_min(hk_min(list_bytes(c), budget_limit() / 4) / hk_classes[c].size, HK_LIST_MAX), 1);
}

/* Half for tiny classes, half for medium ones: a few of these must not leave nothing to those. */
static uint64_t *budget_of(struct hk_heap *heap, unsigned c)
{
	return &heap->budget[c > HK_TINY_CLASSES];
}

/* Up to here a list grows by being swapped alone. */
static unsigned swap_cap(unsigned c)
{
	uint64_t bytes = c <= HK_TINY_CLASSES ? HK_LIST_SWAP_BYTES : list_bytes(c) / 2;

	return (unsigned) hk_max(hk_min(bytes / hk_classes[c].size, HK_LIST_SWAP), 1);
}

static void set_cap(struct hk_heap *heap, unsigned c, unsigned cap)
{
	int64_t more = (int64_t) cap - heap->cap[c];

	heap->freed[c].room += (int32_t) more;
	heap->limit[c] = (uint16_t) (heap->limit[c] + more);
	heap->cap[c] = (uint16_t) cap;
	heap->swap_above[c] = (uint16_t) (cap >= swap_cap(c) && !heap->sampling ? cap / 2 : UINT16_MAX);
	*budget_of(heap, c) += (uint64_t) (more * (int64_t) hk_classes[c].size);
}

void hk_lists_grow(struct hk_heap *heap, unsigned c)
{
	unsigned old = heap->cap[c], cap = old == 0 ? first_cap(c) : (unsigned) hk_min(old * 2U, last_cap(c));
	bool first = old == 0 && c <= HK_TINY_CLASSES; /* tiny classes hold a few blocks in any case */
	uint64_t more = (uint64_t) (hk_max(cap, old) - old) * hk_classes[c].size;

	if (cap > old && (first || *budget_of(heap, c) + more <= budget_limit() / 2))
		set_cap(heap, c, cap);
	else
		heap->swap_above[c] = old == 0 || heap->sampling ? UINT16_MAX : (uint16_t) (old / 2U);
}

void hk_lists_follow_knobs(struct hk_heap *heap)
{
	heap->epoch = HK_KNOB(epoch);
	heap->caching = HK_KNOB(tinypool) && HK_KNOB(security) != HK_SECURITY_FULL && budget_limit() > 0 &&
	                heap->state == HK_HEAP_LIVE;
	heap->budget[0] = heap->budget[1] = 0;
	if (HK_UNLIKELY(heap->sampling || HK_KNOB(security) == HK_SECURITY_SAMPLED))
		hk_sample_settle(heap);
	for (unsigned c = 0; c < HK_CLASSES; c++) {
		heap->cap[c] = heap->limit[c] = 0;
		heap->swap_above[c] = UINT16_MAX;
		heap->freed[c].room = 0;
		heap->freed[c].fit = fit_of(c);
	}
}

void hk_lists_report(struct hk_heap *heap)
{
	uint64_t cached = 0;

	for (unsigned c = 1; c < HK_CLASSES; c++)
		cached += (heap->length[c] + (uint64_t) hk_heap_nfreed(heap, c)) * hk_classes[c].size;
	HK_SHARD_ADD(heap->shard, cache_bytes, cached - heap->cached_bytes);
	heap->cached_bytes = cached;
	HK_SHARD_ADD(heap->shard, tiny_allocs, heap->tiny_allocs);
	HK_SHARD_ADD(heap->shard, tiny_refills, heap->tiny_refills);
	HK_SHARD_ADD(heap->shard, medium_allocs, heap->medium_allocs);
	HK_SHARD_ADD(heap->shard, medium_refills, heap->medium_refills);
	heap->tiny_allocs = heap->tiny_refills = heap->medium_allocs = heap->medium_refills = 0;
}

/* Return both lists of a class to the pool. */
static void flush_class(struct hk_heap *heap, unsigned c)
{
	struct hk_block *alloc = heap->alloc[c], *freed = heap->freed[c].head;
	size_t left;

	heap->alloc[c] = NULL;
	hk_heap_reset_freed(heap, c);
	left = hk_pool_give(c, alloc);
	hk_heap_count_allocs(heap, c, heap->length[c] - hk_min(left, heap->length[c]), 0);
	heap->length[c] = 0;
	(void) hk_pool_give(c, freed);
}

void hk_lists_decay(struct hk_heap *heap)
{
	for (unsigned c = 1; c < HK_CLASSES; c++) {
		bool active = (heap->active[c / 64] >> (c % 64) & 1) != 0;

		if (heap->cap[c] == 0)
			continue;
		if (!active) {
			flush_class(heap, c);
			set_cap(heap, c, 0);
		} else if (*budget_of(heap, c) > budget_limit() / 2) {
			set_cap(heap, c, (unsigned) hk_max(heap->cap[c] / 2U, first_cap(c)));
		}
	}
	for (size_t i = 0; i < HK_COUNT(heap->active); i++)
		heap->active[i] = 0;
}

void hk_heap_flush(struct hk_heap *heap)
{
	for (unsigned c = 1; c < HK_CLASSES; c++)
		flush_class(heap, c);
	hk_lists_report(heap);
}
