/* SPDX-License-Identifier: MIT
 *
 * Slow paths of the thread cache: refill, flush, diagnosis, and the passing of time. All data is the
 * calling thread's own; locks are taken only inside the pool.
 */
#include "core/heap_int.h"

#include "base/log.h"
#include "base/sys.h"
#include "core/guard.h"
#include "core/harden.h"
#include "core/hk.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/purge.h"
#include "core/sample.h"
#include "core/stats.h"

#include <errno.h>

#define HK_BEATS_PER_TICK 64U /* slow-path visits between looks at the clock */
#define HK_BEATS_PER_REPORT 512U
#define HK_BEATS_PER_DECAY 4096U

/* ---- time passes ---- */

static HK_COLD void pulse_moved(void)
{
	void (*handler)(void) = atomic_load_explicit(&hk_hooks.on_pulse, memory_order_acquire);

	if (handler != NULL)
		handler();
}

static HK_NOINLINE void time_passes(struct hk_heap *heap)
{
	if (heap->beats % HK_BEATS_PER_REPORT == 0) {
		if (heap->beats % HK_BEATS_PER_DECAY == 0)
			hk_lists_decay(heap);
		hk_lists_report(heap);
	}
	hk_purge_poll();
}

/* Nothing to look at, and no tick due? Counts the visit. */
HK_INLINE bool quiet(struct hk_heap *heap)
{
	_Atomic uint64_t *pulse = atomic_load_explicit(&hk_hooks.pulse, memory_order_relaxed);

	return HK_LIKELY(atomic_load_explicit(&pulse[0], memory_order_relaxed) ==
	                         atomic_load_explicit(&hk_hooks.seen[0], memory_order_relaxed) &&
	                 atomic_load_explicit(&pulse[1], memory_order_relaxed) ==
	                         atomic_load_explicit(&hk_hooks.seen[1], memory_order_relaxed) &&
	                 heap->epoch == HK_KNOB(epoch) && ++heap->beats % HK_BEATS_PER_TICK != 0);
}

static HK_NOINLINE void look_round(struct hk_heap *heap)
{
	_Atomic uint64_t *pulse = atomic_load_explicit(&hk_hooks.pulse, memory_order_relaxed);

	if (atomic_load_explicit(&pulse[0], memory_order_relaxed) !=
	            atomic_load_explicit(&hk_hooks.seen[0], memory_order_relaxed) ||
	    atomic_load_explicit(&pulse[1], memory_order_relaxed) !=
	            atomic_load_explicit(&hk_hooks.seen[1], memory_order_relaxed))
		pulse_moved();
	if (heap->epoch != HK_KNOB(epoch)) {
		hk_heap_flush(heap);
		hk_lists_follow_knobs(heap);
	}
	if (heap->beats % HK_BEATS_PER_TICK == 0)
		time_passes(heap);
}

HK_INLINE void beat(struct hk_heap *heap)
{
	if (!quiet(heap))
		look_round(heap);
}

void hk_heap_beat(struct hk_heap *heap)
{
	beat(heap);
}

void hk_thread_settle(void)
{
	beat(hk_heap_ready());
}

/* ---- malloc ---- */

HK_COLD void *hk_heap_no_memory(void)
{
	HK_STAT_ADD(enomem, 1);
	errno = ENOMEM;
	return NULL;
}

/* Lists that begin with the block go: a handler of SIGABRT that allocates must not meet it again. */
void hk_heap_keyless(const struct hk_block *block)
{
	for (unsigned c = 0; c < HK_CLASSES; c++)
		if (hk_heap.alloc[c] == block)
			hk_heap.alloc[c] = NULL;
	hk_pool_keyless(block);
}

/* Blocks from the pool; if there is no memory, once more after giving back all that is cached. */
static struct hk_chain take(struct hk_heap *heap, unsigned c, size_t want)
{
	struct hk_chain chain = hk_pool_take(heap->shard, c, want);

	if (HK_UNLIKELY(chain.length == 0) && hk_purge_for_room() > 0)
		chain = hk_pool_take(heap->shard, c, want);
	return chain;
}

HK_NOINLINE void *hk_heap_malloc_hardened(struct hk_heap *heap, size_t size, size_t align)
{
	void *p = hk_harden_alloc(heap->shard, size, align);

	if (p == NULL && hk_purge_for_room() > 0)
		p = hk_harden_alloc(heap->shard, size, align);
	return p != NULL ? p : hk_heap_no_memory();
}

/* An aligned request comes with a size that is a multiple of its alignment: one that ends with a page is aligned up to a page
   by that; above, it is the lowest bit of the size. */
static HK_COLD void *sample(struct hk_heap *heap, size_t size)
{
	return hk_sample_alloc(heap, size, size > HK_PAGE && size % HK_PAGE == 0 ? size & (0 - size) : 16);
}

/* One block straight from the pool: tinypool = off, a dying thread. */
static HK_NOINLINE void *malloc_uncached(struct hk_heap *heap, unsigned c, size_t size)
{
	struct hk_chain chain;
	void *p;

	hk_heap_count_allocs(heap, c, 1, 1);
	if (HK_KNOB(security) == HK_SECURITY_FULL)
		return hk_heap_malloc_hardened(heap, size, 16);
	if (heap->sampling && hk_sample_step(heap) && (p = sample(heap, size)) != NULL)
		return p;
	chain = take(heap, c, 1);
	if (chain.length == 0)
		return hk_heap_no_memory();
	if (HK_UNLIKELY(!hk_block_linked(chain.head)))
		hk_heap_keyless(chain.head);
	chain.head->key = 0;
	return chain.head;
}

/* The alloc list becomes head, n blocks; what was on it has been handed out. */
HK_INLINE void set_alloc(struct hk_heap *heap, unsigned c, struct hk_block *head, size_t n)
{
	hk_heap_count_allocs(heap, c, heap->length[c], 0);
	heap->alloc[c] = head;
	heap->length[c] = (uint16_t) n;
}

/* The freed list becomes the alloc list. */
HK_INLINE void swap(struct hk_heap *heap, unsigned c)
{
	set_alloc(heap, c, heap->freed[c].head, hk_heap_nfreed(heap, c));
	hk_heap_reset_freed(heap, c);
}

static HK_NOINLINE void refill(struct hk_heap *heap, unsigned c)
{
	struct hk_chain chain;

	hk_lists_grow(heap, c);
	chain = take(heap, c, hk_max(heap->cap[c], 1));
	if (chain.length == 0) {
		swap(heap, c);
		return;
	}
	set_alloc(heap, c, chain.head, chain.length);
	hk_heap_count_allocs(heap, c, 0, 1);
}

HK_INLINE void *pop(struct hk_heap *heap, unsigned c)
{
	struct hk_block *block = heap->alloc[c];

	if (HK_UNLIKELY(!hk_block_linked(block)))
		hk_heap_keyless(block);
	heap->alloc[c] = block->next;
	block->key = 0;
	return block;
}

static void fill(struct hk_heap *heap, unsigned c)
{
	heap->active[c / 64] |= (uint64_t) 1 << (c % 64);
	/* Not two short lists in a row: with a handful of blocks going round, every few calls would end here. */
	if (hk_heap_nfreed(heap, c) > heap->cap[c] / 2U || (hk_heap_nfreed(heap, c) > 0 && heap->length[c] > heap->cap[c] / 2U)) {
		swap(heap, c);
		hk_lists_grow(heap, c);
	} else {
		refill(heap, c);
	}
	if (HK_UNLIKELY(heap->sampling))
		hk_sample_cut(heap, c);
}

/* The list of class c is used up: the sample, if it is its turn, before or after the list was filled again. */
static HK_NOINLINE void *malloc_sampled(struct hk_heap *heap, unsigned c, size_t size)
{
	for (int i = 0; i < 3 && heap->alloc[c] == NULL; i++) {
		void *p = hk_sample_is_due(heap, c) ? sample(heap, size) : NULL;

		if (p != NULL)
			return p;
		fill(heap, c);
	}
	return heap->alloc[c] != NULL ? pop(heap, c) : hk_heap_no_memory();
}

static HK_NOINLINE void *malloc_slower(unsigned c, size_t size)
{
	struct hk_heap *heap = hk_heap_ready();

	if (HK_UNLIKELY(!heap->caching))
		return malloc_uncached(heap, c, size);
	if (HK_UNLIKELY(heap->sampling))
		return malloc_sampled(heap, c, size);
	if (heap->alloc[c] == NULL) /* it is not when malloc(0) came here */
		fill(heap, c);
	return heap->alloc[c] != NULL ? pop(heap, c) : hk_heap_no_memory();
}

static HK_NOINLINE void *malloc_after_look(unsigned c, size_t size)
{
	look_round(hk_heap_ready());
	return malloc_slower(c, size);
}

/*
 * The alloc list ran dry: every block of it was handed out. Take over the freed list if it is of some length, else
 * think again. What a new heap lacks shows in its epoch: knobs count from 1.
 */
void *hk_heap_malloc_slow(size_t class_number, size_t size)
{
	struct hk_heap *heap = &hk_heap;
	unsigned c = (unsigned) class_number;

	if (HK_UNLIKELY(c == 0))
		c = 1;
	if (HK_UNLIKELY(!quiet(heap)))
		return malloc_after_look(c, size);
	if (HK_UNLIKELY(heap->alloc[c] != NULL || hk_heap_nfreed(heap, c) <= heap->swap_above[c]))
		return malloc_slower(c, size);
	heap->active[c / 64] |= (uint64_t) 1 << (c % 64);
	swap(heap, c);
	return pop(heap, c);
}

/* ---- free ---- */

/* Without caches: the block that was just pushed goes on to the pool. */
static HK_NOINLINE void free_uncached(struct hk_heap *heap, unsigned c)
{
	struct hk_block *block = heap->freed[c].head;

	heap->freed[c].head = NULL;
	heap->freed[c].room = 0;
	block->key = 0;
	hk_pool_give_one(c, block);
}

/* The block just pushed exceeds the room of the freed list (which may be none at all). */
void hk_heap_free_slow(const void *p)
{
	struct hk_heap *heap = &hk_heap;
	unsigned c = (unsigned) hk_code_of(p) / HK_CODE(1);
	struct hk_list *list = &heap->freed[c];

	if (HK_UNLIKELY(!heap->caching)) {
		free_uncached(heap, c); /* before the beat, which might flush it past the quarantine */
		beat(heap);
		return;
	}
	beat(heap);
	if (HK_UNLIKELY(!heap->caching))
		return; /* from now on; the lists were flushed */
	if (heap->cap[c] == 0)
		hk_lists_grow(heap, c);
	if (list->room >= 0)
		return;
	heap->active[c / 64] |= (uint64_t) 1 << (c % 64);
	if (heap->alloc[c] == NULL && heap->cap[c] > 0) {
		swap(heap, c); /* nothing left to hand out: what was freed is next */
		if (HK_UNLIKELY(heap->sampling))
			hk_sample_cut(heap, c);
	} else if (heap->cap[c] > 0 && heap->limit[c] == heap->cap[c]) {
		list->room += heap->cap[c]; /* perhaps what is left will soon be used up */
		heap->limit[c] = (uint16_t) (2U * heap->cap[c]);
	} else {
		struct hk_block *head = list->head;
		unsigned n = hk_heap_nfreed(heap, c);

		hk_heap_reset_freed(heap, c);
		hk_pool_give_batch(c, head, n);
		hk_lists_grow(heap, c);
	}
}

/*
 * What the fast path of free() would not take: NULL, large blocks and foreign pointers (code 0); any block in a
 * thread that is not set up yet; pointers into a block.
 */
void hk_heap_free_odd(void *p)
{
	unsigned c = (unsigned) hk_code_of(p) / HK_CODE(1);
	struct hk_block *block = p;
	struct hk_heap *heap;
	struct hk_list *list;

	if (p == NULL)
		return;
	heap = hk_heap_ready();
	list = &heap->freed[c];
	if (c == 0) {
		if (!hk_guard_any() || !hk_guard_free(p))
			hk_large_free(p);
		return;
	}
	if (HK_UNLIKELY(HK_KNOB(security) == HK_SECURITY_FULL && !heap->caching)) {
		hk_harden_free(p);
		beat(heap);
		return;
	}
	if (hk_pool_block_start(p) != p)
		hk_fatal("free of a pointer that malloc did not return", p);
	hk_block_link(block, list->head);
	list->head = block;
	if (--list->room < 0)
		hk_heap_free_slow(p);
}
