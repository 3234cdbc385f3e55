/* SPDX-License-Identifier: MIT
 *
 * The thread cache. Each thread owns one struct hk_heap, in its static TLS block; nobody else reads
 * or writes it. Per class there are two lists:
 *
 *   alloc   malloc pops here; refilled from the pool, or by taking over `free` when it runs dry
 *   free    free pushes here, blocks of any thread; `room` counts down to the next flush
 *
 * Because the lists are swapped and not one stack, malloc visits its slow path every `length`
 * allocations even in a steady state: there the exact number of allocations is known, the
 * configuration is looked at, and time passes for purging, all at no cost to the fast paths.
 *
 * An all-zero heap (a new thread) has empty lists and no room: the first call of either kind ends in
 * the slow path, which sets it up. So does a dead heap, whose destructor has run: it stays without room.
 */
#ifndef HK_CORE_HEAP_H
#define HK_CORE_HEAP_H

#include "core/pool.h"
#include "core/sizeclass.h"

/*
 * 24 bytes: indexed by a class code × 8. `fit` tests for the start of a block: with fit = ⌈2^32 ÷ size⌉,
 * offset × fit modulo 2^32 is below fit exactly when size divides the offset in the 64 KiB slab
 * (Lemire, Kaser, Kurz 2019). With security = off every aligned offset passes. Nothing passes a fit of 0: that is
 * how free() notices all that is no slab block (code 0), and how blocks above 8 KiB get an exact test.
 */
struct hk_cache {
	struct hk_block *alloc;
	struct hk_block *free;
	int32_t room;
	uint32_t fit;
};
_Static_assert(sizeof(struct hk_cache) == 24, "class codes are multiples of 3 words");

#define HK_FIT_ANY 0xffffffffU
#define HK_FIT_NONE 0U

enum hk_heap_state { HK_HEAP_NEW, HK_HEAP_SETTING_UP, HK_HEAP_LIVE, HK_HEAP_DEAD };

struct hk_heap {
	struct hk_cache cache[HK_CLASSES];
	/* Cold from here on. */
	uint32_t state; /* enum hk_heap_state */
	uint32_t shard;
	uint32_t epoch;    /* of the knobs last followed */
	uint32_t beats;    /* visits of the slow path */
	bool caching;      /* tinypool = on and security < full */
	uint16_t cap[HK_CLASSES];    /* how many blocks `free` may hold now, grows with demand … */
	uint16_t max[HK_CLASSES];    /* … up to this */
	uint32_t length[HK_CLASSES]; /* of `alloc` when it was last filled */
	uint64_t cached_bytes;       /* as last reported */
	uint64_t tiny_allocs, tiny_refills, medium_allocs, medium_refills; /* not yet reported */
};
extern __thread struct hk_heap hk_heap;

/*
 * The calling thread's cache of a class, as the fast paths reach it: on x86-64 by an offset from the
 * thread's segment register, which saves computing the address. Sanitizers do not know segments.
 */
#if defined(__x86_64__) && defined(__SEG_FS) && !defined(HK_SANITIZED)
#define HK_TLS __seg_fs
HK_INLINE struct hk_cache HK_TLS *hk_own_cache(uintptr_t code)
{
	uintptr_t offset;

	__asm__("movq hk_heap@gottpoff(%%rip), %0" : "=r"(offset));
	return (struct hk_cache HK_TLS *) (offset + 8 * code);
}
#else
#define HK_TLS
HK_INLINE struct hk_cache *hk_own_cache(uintptr_t code)
{
	return (struct hk_cache *) (void *) ((char *) &hk_heap + 8 * code);
}
#endif

HK_INLINE struct hk_cache *hk_heap_cache(struct hk_heap *heap, unsigned code)
{
	return (struct hk_cache *) (void *) ((char *) heap + 8 * (size_t) code);
}

/* The slow paths, entered by tail calls. */
void *hk_heap_malloc_slow(size_t size, unsigned code);         /* alloc list empty; size: of any in the class */
void *hk_heap_corrupted(struct hk_block *block);               /* key missing in a free block */
void hk_heap_free_odd(void *p, unsigned code);                 /* no slab block, misaligned, or key found */
void hk_heap_free_slow(unsigned code);                         /* no room: p is on the free list already */

/* Ready to be used, with process-wide state initialised. Any path that is not fast calls it first. */
struct hk_heap *hk_heap_ready(void);
/* Return every cached block to the pool and report the counters. */
void hk_heap_flush(struct hk_heap *heap);
/* Look at the pulse and the knobs, and let time pass. Called from slow paths, no lock held. */
void hk_heap_beat(struct hk_heap *heap);

#endif
