/* SPDX-License-Identifier: MIT
 *
 * The thread cache. Each thread owns one struct hk_heap, in its static TLS block; nobody else reads
 * or writes it. Per class there are two lists:
 *
 *   alloc   malloc pops here; refilled from the pool, or by taking over the free list when it runs dry
 *   freed   free pushes here, blocks of any thread; `room` counts down to the next visit of the slow path
 *
 * Because the lists are swapped and not one stack, malloc visits its slow path every `length`
 * allocations even in a steady state: there the exact number of allocations is known, the
 * configuration is looked at, and time passes for purging, all at no cost to the fast paths.
 *
 * A block on any list holds a key in its second word, put there by free() and made of the block's address and its link; whoever
 * takes it off a list, to hand it out or to return it to its slab, demands the key and removes it. So no overwritten link is
 * followed, as with the links of glibc, whose safety, too, ends where somebody knows the addresses. A block that was freed
 * twice is found without its key when it is taken the second time: it is not handed out twice (unless its slab was given
 * back and made anew in between), and free() need not read the block, which has often left the processor's caches.
 *
 * An all-zero heap (a new thread; and before the loader has copied the image of thread-locals, when resolvers of IFUNCs may
 * allocate) has empty lists and no room: the first call of either kind ends in the slow path, which sets it up. So does
 * a dead heap, whose destructor has run: it stays without room.
 */
#ifndef HK_CORE_HEAP_H
#define HK_CORE_HEAP_H

#include "core/pool.h"
#include "core/sizeclass.h"

/*
 * 16 bytes: a class code is the offset of one. `fit` tests for the start of a block: with fit = ⌈2^32 ÷ size⌉,
 * offset × fit modulo 2^32 is below fit exactly when size divides the offset in the 64 KiB slab
 * (Lemire, Kaser, Kurz 2019). With security = off every aligned offset passes. Nothing passes a fit of 0: that is
 * how free() notices all that is no slab block (code 0), and a heap that is not set up.
 */
struct hk_list {
	struct hk_block *head;
	int32_t room;
	uint32_t fit;
};
_Static_assert(sizeof(struct hk_list) == HK_CODE(1), "codes are offsets of lists");

#define HK_FIT_ANY 0xffffffffU

enum hk_heap_state { HK_HEAP_NEW, HK_HEAP_SETTING_UP, HK_HEAP_LIVE, HK_HEAP_DEAD };

struct hk_heap {
	struct hk_list freed[HK_CLASSES]; /* first: codes count from here */
	struct hk_block *alloc[HK_CLASSES];
	/* Cold from here on. */
	uint16_t length[HK_CLASSES]; /* of `alloc` when it was last filled */
	uint16_t cap[HK_CLASSES];    /* how many blocks a list may hold now; grows with demand */
	uint16_t limit[HK_CLASSES];  /* of `freed` now: cap, or twice that while `alloc` is not used up */
	uint16_t swap_above[HK_CLASSES]; /* so many blocks on `freed` may become the alloc list with no further thought */
	uint32_t state;              /* enum hk_heap_state */
	uint32_t shard;
	uint32_t epoch;              /* of the knobs last followed */
	uint32_t beats;              /* visits of the slow path */
	bool caching;                /* tinypool = on and not security = full */
	bool sampling;               /* security = sampled (sample.c) */
	uint64_t active[(HK_CLASSES + 63) / 64]; /* classes that visited the slow path since the last report */
	uint64_t budget[2];          /* bytes that lists of tiny and medium classes may hold, by their caps */
	uint64_t cached_bytes;       /* as last reported */
	int64_t sample_in;           /* allocations before the next sample, what is on lists not counted */
	uint64_t sample_state;
	uint64_t sample_due[(HK_CLASSES + 63) / 64]; /* classes whose next block, when the list is used up, is the sample */
	uint64_t tiny_allocs, tiny_refills, medium_allocs, medium_refills; /* not yet reported */
};
extern __thread struct hk_heap hk_heap;

/*
 * How the fast paths reach the calling thread's lists: on x86-64 by an offset from the thread's segment register,
 * which saves computing addresses. hk_own_freed gives the list for a class code; hk_own_first and hk_own_set_first read
 * and write the head of the alloc list of a class. Sanitizers do not know segments.
 */
#if defined(__x86_64__) && defined(__SEG_FS) && !defined(HK_SANITIZED)
#define HK_TLS __seg_fs
HK_INLINE struct hk_list HK_TLS *hk_own_freed(uintptr_t code)
{
	__asm__("addq hk_heap@gottpoff(%%rip), %0" : "+r"(code) : : "cc");
	return (struct hk_list HK_TLS *) code;
}

HK_INLINE uintptr_t hk_own_heap(void)
{
	uintptr_t heap;

	__asm__("movq hk_heap@gottpoff(%%rip), %0" : "=r"(heap));
	return heap;
}

HK_INLINE struct hk_block *hk_own_first(uintptr_t heap, size_t c)
{
	struct hk_block *block;

	__asm__ volatile("movq %%fs:%c3(%1,%2,8), %0"
	                 : "=r"(block)
	                 : "r"(heap), "r"(c), "i"(offsetof(struct hk_heap, alloc))
	                 : "memory");
	return block;
}

HK_INLINE void hk_own_set_first(uintptr_t heap, size_t c, struct hk_block *block)
{
	__asm__ volatile("movq %0, %%fs:%c3(%1,%2,8)"
	                 :
	                 : "r"(block), "r"(heap), "r"(c), "i"(offsetof(struct hk_heap, alloc))
	                 : "memory");
}

/* offset × fit, with fit where it is; clang would leave the segment out of the operand. */
HK_INLINE uint32_t hk_own_fit(uint32_t offset, const struct hk_list HK_TLS *list)
{
#ifdef __clang__
	offset *= list->fit;
#else
	__asm__("imull %1, %0" : "+r"(offset) : "m"(list->fit) : "cc");
#endif
	return offset;
}
#else
#define HK_TLS
HK_INLINE struct hk_list *hk_own_freed(uintptr_t code)
{
	return (struct hk_list *) (void *) ((char *) &hk_heap + code);
}

HK_INLINE uintptr_t hk_own_heap(void)
{
	return (uintptr_t) &hk_heap;
}

HK_INLINE struct hk_block *hk_own_first(uintptr_t heap, size_t c)
{
	return ((struct hk_heap *) heap)->alloc[c];
}

HK_INLINE void hk_own_set_first(uintptr_t heap, size_t c, struct hk_block *block)
{
	((struct hk_heap *) heap)->alloc[c] = block;
}

HK_INLINE uint32_t hk_own_fit(uint32_t offset, const struct hk_list *list)
{
	return offset * list->fit;
}
#endif

/* A block that was to be handed out has no key: ends the process. */
HK_COLD _Noreturn void hk_heap_keyless(const struct hk_block *block);

/* The slow paths, entered by tail calls. */
void *hk_heap_malloc_slow(size_t c, size_t size);          /* class c: alloc list empty; what was asked for */
void hk_heap_free_odd(void *p);                            /* no slab block, misaligned, or a new heap */
void hk_heap_free_slow(const void *p);                     /* no room: p is on the list already */

/* Ready to be used, with process-wide state initialised. Any path that is not fast calls it first. */
struct hk_heap *hk_heap_ready(void);
/* Return every cached block to the pool and report the counters. */
void hk_heap_flush(struct hk_heap *heap);
/* Look at the pulse and the knobs, and let time pass. Called from slow paths, no lock held. */
void hk_heap_beat(struct hk_heap *heap);
/* security = full; align: a power of two. NULL and ENOMEM after all that is cached has gone back, too. */
void *hk_heap_malloc_hardened(struct hk_heap *heap, size_t size, size_t align);
HK_COLD void *hk_heap_no_memory(void); /* NULL; counts, and sets errno */

#endif
