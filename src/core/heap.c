/* SPDX-License-Identifier: MIT
 *
 * Slow paths of the thread cache: set-up, refill, flush, diagnosis, thread exit. All data is the
 * calling thread's own; locks are taken only inside the pool.
 */
#include "core/heap.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "core/harden.h"
#include "core/hk.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/meta.h"
#include "core/pageheap.h"
#include "core/purge.h"
#include "core/stats.h"

#include <errno.h>
#include <pthread.h>

#define HK_CACHE_COUNT_MAX 64U /* blocks of one class in a list, however small */
#define HK_CACHE_FIRST 8U       /* blocks at the first refill; doubled at each further one */
#define HK_BEATS_PER_TICK 64U   /* slow-path visits between looks at the clock */

__thread struct hk_heap hk_heap;

static struct {
	struct hk_lock lock;
	_Atomic uint32_t ready;
	_Atomic uint32_t threads;
	pthread_key_t key;
	bool has_key;
} process;

#define SHARD_ADD(heap, field, n) \
	hk_counter_add(&hk_counters->shard[(heap)->shard].field, (n))

/* ---- set-up ---- */

static void thread_ends(void *unused)
{
	(void) unused;
	hk_thread_exit();
}

/* First allocation of the process: tables, shards, and the handlers that libc keeps for us. */
static void process_init(void)
{
	bool first;

	if (HK_LIKELY(atomic_load_explicit(&process.ready, memory_order_acquire) != 0))
		return;
	hk_lock_take(&process.lock);
	first = atomic_load_explicit(&process.ready, memory_order_relaxed) == 0;
	if (first) {
		hk_sizeclass_init();
		hk_pool_init();
		hk_pageheap_init();
		process.has_key = pthread_key_create(&process.key, thread_ends) == 0; /* does not allocate */
		atomic_store_explicit(&process.ready, 1, memory_order_release);
	}
	hk_lock_drop(&process.lock);
	if (first) /* may allocate where many handlers are registered already: we are ready */
		(void) pthread_atfork(hk_fork_prepare, hk_fork_parent, hk_fork_child);
}

static uint32_t fit_of(unsigned c)
{
	if (c != 0 && HK_KNOB(security) == HK_SECURITY_OFF)
		return HK_FIT_ANY;
	if (c == 0 || hk_classes[c].size > HK_FIT_MAX)
		return HK_FIT_NONE;
	return (uint32_t) ((((uint64_t) 1 << 32) + hk_classes[c].size - 1) / hk_classes[c].size);
}

/* One class may hold this part of tinypool_limit. Blocks from 512 B on get twice as much, or they would end in the
   slow path every few calls. */
static uint64_t share_of(unsigned c)
{
	return hk_classes[c].size < 512 ? 64 : 32;
}

/* Follow the knobs: how much each class may cache. A heap that may not cache keeps room 0. */
static void follow_knobs(struct hk_heap *heap)
{
	uint64_t limit = HK_KNOB(tinypool_limit);

	heap->epoch = HK_KNOB(epoch);
	heap->caching = HK_KNOB(tinypool) && HK_KNOB(security) != HK_SECURITY_FULL && limit > 0 &&
	                heap->state == HK_HEAP_LIVE;
	for (unsigned c = 0; c < HK_CLASSES; c++) {
		struct hk_cache *cache = hk_heap_cache(heap, HK_CODE(c));
		uint64_t max = c == 0 ? 0 : hk_min(limit / share_of(c) / hk_classes[c].size, HK_CACHE_COUNT_MAX);

		heap->max[c] = (uint16_t) (heap->caching && c != 0 ? hk_max(max, 1) : 0);
		heap->cap[c] = (uint16_t) hk_min(heap->max[c], HK_CACHE_FIRST);
		cache->room = heap->cap[c];
		cache->fit = fit_of(c);
	}
}

static HK_COLD void heap_setup(struct hk_heap *heap)
{
	heap->state = HK_HEAP_SETTING_UP;
	process_init();
	heap->shard = atomic_fetch_add_explicit(&process.threads, 1, memory_order_relaxed) % hk_pool_shards();
	heap->state = HK_HEAP_LIVE;
	follow_knobs(heap);
	HK_STAT_ADD(threads, 1);
	/* The key's value only has to be non-NULL for the destructor to run. May allocate: we are live. */
	if (process.has_key)
		(void) pthread_setspecific(process.key, heap);
}

struct hk_heap *hk_heap_ready(void)
{
	struct hk_heap *heap = &hk_heap;

	if (HK_UNLIKELY(heap->state == HK_HEAP_NEW))
		heap_setup(heap);
	return heap;
}

/* ---- reporting and time ---- */

static void report(struct hk_heap *heap)
{
	uint64_t cached = 0;

	for (unsigned c = 1; c < HK_CLASSES; c++) {
		const struct hk_cache *cache = hk_heap_cache(heap, HK_CODE(c));
		int32_t freed = heap->cap[c] - cache->room;
		uint64_t n = heap->length[c] + (uint64_t) (freed > 0 ? freed : 0);

		cached += n * hk_classes[c].size;
	}
	SHARD_ADD(heap, cache_bytes, cached - heap->cached_bytes);
	heap->cached_bytes = cached;
	SHARD_ADD(heap, tiny_allocs, heap->tiny_allocs);
	SHARD_ADD(heap, tiny_refills, heap->tiny_refills);
	SHARD_ADD(heap, medium_allocs, heap->medium_allocs);
	SHARD_ADD(heap, medium_refills, heap->medium_refills);
	heap->tiny_allocs = heap->tiny_refills = heap->medium_allocs = heap->medium_refills = 0;
}

static HK_COLD void pulse_moved(void)
{
	void (*handler)(void) = atomic_load_explicit(&hk_hooks.on_pulse, memory_order_acquire);

	if (handler != NULL)
		handler();
}

void hk_heap_beat(struct hk_heap *heap)
{
	_Atomic uint64_t *pulse = atomic_load_explicit(&hk_hooks.pulse, memory_order_relaxed);

	if (HK_UNLIKELY(atomic_load_explicit(&pulse[0], memory_order_relaxed) !=
	                        atomic_load_explicit(&hk_hooks.seen[0], memory_order_relaxed) ||
	                atomic_load_explicit(&pulse[1], memory_order_relaxed) !=
	                        atomic_load_explicit(&hk_hooks.seen[1], memory_order_relaxed)))
		pulse_moved();
	if (HK_UNLIKELY(heap->epoch != HK_KNOB(epoch))) {
		hk_heap_flush(heap);
		follow_knobs(heap);
	}
	if (HK_UNLIKELY(++heap->beats % HK_BEATS_PER_TICK == 0)) {
		report(heap);
		hk_purge_poll();
	}
}

/* ---- malloc ---- */

static void count_allocs(struct hk_heap *heap, unsigned c, uint64_t allocs, uint64_t refills)
{
	if (c <= HK_TINY_CLASSES) {
		heap->tiny_allocs += allocs;
		heap->tiny_refills += refills;
	} else {
		heap->medium_allocs += allocs;
		heap->medium_refills += refills;
	}
}

static HK_COLD void *no_memory(void)
{
	HK_STAT_ADD(enomem, 1);
	errno = ENOMEM;
	return NULL;
}

/* Blocks from the pool; if there is no memory, once more after giving back all that is cached. */
static struct hk_chain take(struct hk_heap *heap, unsigned c, size_t want)
{
	struct hk_chain chain = hk_pool_take(heap->shard, c, want);

	if (HK_UNLIKELY(chain.head == NULL) && hk_purge_all() > 0)
		chain = hk_pool_take(heap->shard, c, want);
	return chain;
}

/* One block straight from the pool: tinypool = off, a dying thread, security = full. */
static void *malloc_uncached(struct hk_heap *heap, unsigned c)
{
	struct hk_chain chain = take(heap, c, 1);

	count_allocs(heap, c, 1, 1);
	if (chain.head == NULL)
		return no_memory();
	chain.head->key = 0;
	if (HK_KNOB(security) == HK_SECURITY_FULL)
		hk_harden_handed_out(chain.head, hk_classes[c].size);
	return chain.head;
}

static void *pop(struct hk_cache *cache)
{
	struct hk_block *block = cache->alloc;

	if (HK_UNLIKELY(block->key != HK_FREE_KEY))
		hk_fatal("corrupted free list", block);
	cache->alloc = block->next;
	block->key = 0;
	return block;
}

/*
 * Put blocks from the pool in front of an alloc list that is short. Not only an empty one: with a handful of
 * blocks going round, every few calls would end in the slow path for ever.
 */
static void refill(struct hk_heap *heap, struct hk_cache *cache, unsigned c)
{
	struct hk_chain chain = take(heap, c, heap->cap[c]);

	count_allocs(heap, c, 0, 1);
	if (chain.head == NULL)
		return;
	chain.tail->next = cache->alloc;
	cache->alloc = chain.head;
	heap->length[c] += (uint32_t) chain.length;
	heap->cap[c] = (uint16_t) hk_min(heap->cap[c] * 2U, heap->max[c]);
}

/* The alloc list ran dry: every block of it was handed out. Take over the free list, else refill. The very
   first allocation of the process comes with code 0, for want of tables. */
void *hk_heap_malloc_slow(size_t size, unsigned code)
{
	struct hk_heap *heap = hk_heap_ready();
	unsigned c = code != 0 ? code / 3 : hk_sizeclass_of(hk_max(size, 1));
	struct hk_cache *cache = hk_heap_cache(heap, HK_CODE(c));

	hk_heap_beat(heap);
	if (!heap->caching)
		return malloc_uncached(heap, c);
	count_allocs(heap, c, heap->length[c], 0);
	heap->length[c] = (uint32_t) (heap->cap[c] - cache->room);
	cache->alloc = cache->free;
	cache->free = NULL;
	if (heap->length[c] < heap->cap[c] / 2U + 1)
		refill(heap, cache, c);
	cache->room = heap->cap[c];
	if (cache->alloc == NULL)
		return no_memory();
	return pop(cache);
}

void *hk_heap_corrupted(struct hk_block *block)
{
	hk_fatal("corrupted free list", block);
}

/* ---- free ---- */

/* Keep the newest half of the free list, return the rest to the pool. */
static void flush_half(struct hk_heap *heap, struct hk_cache *cache, unsigned c)
{
	size_t keep = heap->cap[c] / 2;
	struct hk_block *last = cache->free, *rest = cache->free;

	if (keep == 0) {
		cache->free = NULL;
	} else {
		for (size_t i = 1; i < keep; i++) {
			if (HK_UNLIKELY(last->key != HK_FREE_KEY))
				hk_fatal("corrupted free list", last);
			last = last->next;
		}
		rest = last->next;
		last->next = NULL;
	}
	(void) hk_pool_give(c, rest);
	heap->cap[c] = (uint16_t) hk_min(heap->cap[c] * 2U, heap->max[c]);
	cache->room = (int32_t) (heap->cap[c] - keep);
}

/* The block just pushed exceeds the room of the free list (which may be none at all). */
void hk_heap_free_slow(unsigned code)
{
	struct hk_heap *heap = &hk_heap;
	struct hk_cache *cache = hk_heap_cache(heap, code);
	unsigned c = code / 3;

	hk_heap_beat(heap);
	if (!heap->caching) {
		struct hk_block *block = cache->free;

		cache->free = NULL;
		cache->room = 0;
		if (block == NULL)
			return; /* the beat has just flushed it */
		block->key = 0;
		if (HK_KNOB(security) == HK_SECURITY_FULL)
			hk_harden_free(block, c);
		else
			hk_pool_give_one(c, block);
		return;
	}
	if (cache->room >= 0)
		return; /* the beat has flushed */
	if (cache->alloc == NULL) {
		/* Nothing left to hand out: what was freed is next. */
		count_allocs(heap, c, heap->length[c], 0);
		cache->alloc = cache->free;
		heap->length[c] = heap->cap[c] + 1U;
		cache->free = NULL;
		cache->room = heap->cap[c];
		return;
	}
	cache->room = 0;
	flush_half(heap, cache, c);
}

static bool on_list(const struct hk_block *list, const void *p)
{
	size_t n = 0;

	for (; list != NULL && n < 2 * HK_CACHE_COUNT_MAX; list = list->next, n++)
		if (list == p)
			return true;
	return false;
}

/*
 * What the fast path of free() would not take: NULL, large blocks and foreign pointers (code 0); blocks above 8 KiB
 * and all blocks in a thread that is not set up yet; pointers into a block; blocks with the key of free ones.
 */
void hk_heap_free_odd(void *p, unsigned code)
{
	struct hk_heap *heap = hk_heap_ready();
	struct hk_cache *cache = hk_heap_cache(heap, code);
	struct hk_block *block = p;

	if (code == 0) {
		if (p != NULL)
			hk_large_free(p);
		return;
	}
	if (hk_pool_block_start(p) != p)
		hk_fatal("free of a pointer that malloc did not return", p);
	/* With the key but on no list it may be in another thread's cache, or be the program's own copy of old
	   memory: then its bitmap decides when it gets there. */
	if (block->key == HK_FREE_KEY && HK_KNOB(security) != HK_SECURITY_OFF &&
	    (hk_pool_is_free(p) || on_list(cache->free, p) || on_list(cache->alloc, p)))
		hk_fatal("double free", p);
	block->next = cache->free;
	block->key = HK_FREE_KEY;
	cache->free = block;
	if (--cache->room < 0)
		hk_heap_free_slow(code);
}

/* ---- the end of caches ---- */

void hk_heap_flush(struct hk_heap *heap)
{
	for (unsigned c = 1; c < HK_CLASSES; c++) {
		struct hk_cache *cache = hk_heap_cache(heap, HK_CODE(c));
		struct hk_block *alloc = cache->alloc, *freed = cache->free;
		size_t left;

		cache->alloc = cache->free = NULL;
		cache->room = heap->cap[c];
		left = alloc != NULL ? hk_pool_give(c, alloc) : 0;
		count_allocs(heap, c, heap->length[c] - hk_min(left, heap->length[c]), 0);
		heap->length[c] = 0;
		if (freed != NULL)
			(void) hk_pool_give(c, freed);
	}
	report(heap);
}

void hk_thread_exit(void)
{
	struct hk_heap *heap = &hk_heap;

	if (heap->state != HK_HEAP_LIVE)
		return;
	heap->state = HK_HEAP_DEAD;
	hk_heap_flush(heap);
	follow_knobs(heap); /* not live any more: no room from now on */
	HK_STAT_SUB(threads, 1);
}

/* ---- fork ---- */

void hk_fork_prepare(void)
{
	hk_lock_take(&process.lock);
	hk_lock_take(hk_harden_lock());
	hk_lock_take(hk_purge_lock());
	hk_pool_fork_lock();
	hk_lock_take(hk_large_lock());
	hk_lock_take(hk_meta_lock());
	hk_lock_take(hk_pageheap_lock());
	hk_lock_fork_begin();
}

static void fork_unlock(void)
{
	hk_lock_reset(hk_meta_lock());
	hk_lock_reset(hk_pageheap_lock());
	hk_lock_reset(hk_large_lock());
	hk_pool_fork_unlock();
	hk_lock_reset(hk_purge_lock());
	hk_lock_reset(hk_harden_lock());
	/* Before the lock that the next forker waits for: it names itself the owner as soon as it has it. */
	hk_lock_fork_end();
	hk_lock_reset(&process.lock);
}

void hk_fork_parent(void)
{
	fork_unlock();
}

/* The other threads are gone; what their caches held stays out of use in the child. */
void hk_fork_child(void)
{
	void (*handler)(void);

	fork_unlock();
	handler = atomic_load_explicit(&hk_hooks.on_fork_child, memory_order_acquire);
	if (handler != NULL)
		handler();
	atomic_store_explicit(&hk_counters->threads, hk_heap.state == HK_HEAP_LIVE, memory_order_relaxed);
}
