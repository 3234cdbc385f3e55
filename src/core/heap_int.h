/* SPDX-License-Identifier: MIT
 *
 * What the files of the thread cache share. heap.c has the slow paths of malloc and free, heap_lists.c says how long
 * lists may be and empties them, heap_life.c is about start, thread exit and fork. All data is the calling thread's.
 */
#ifndef HK_CORE_HEAP_INT_H
#define HK_CORE_HEAP_INT_H

#include "core/heap.h"

/* How many blocks are on the list that free() pushes to. */
static inline unsigned hk_heap_nfreed(const struct hk_heap *heap, unsigned c)
{
	return (unsigned) ((int32_t) heap->limit[c] - heap->freed[c].room);
}

/* The list that free() pushes to is empty now. */
static inline void hk_heap_reset_freed(struct hk_heap *heap, unsigned c)
{
	heap->freed[c].head = NULL;
	heap->freed[c].room = heap->cap[c];
	heap->limit[c] = heap->cap[c];
}

/* Allocations and visits of the pool, to be reported. */
static inline void hk_heap_count_allocs(struct hk_heap *heap, unsigned c, uint64_t allocs, uint64_t refills)
{
	if (c <= HK_TINY_CLASSES) {
		heap->tiny_allocs += allocs;
		heap->tiny_refills += refills;
	} else {
		heap->medium_allocs += allocs;
		heap->medium_refills += refills;
	}
}

/* A class is in demand: let it hold twice as much, within what the thread may hold in all. */
void hk_lists_grow(struct hk_heap *heap, unsigned c);
/* Follow the knobs, all lists empty. A heap that may not cache keeps room 0. */
void hk_lists_follow_knobs(struct hk_heap *heap);
/* Classes that did not visit the slow path since the last time give up what they hold; if that is not enough,
   because there are more threads now, the others hold less from now on. */
void hk_lists_decay(struct hk_heap *heap);
/* Add what was counted to the shard's counters. */
void hk_lists_report(struct hk_heap *heap);
/* This many threads share what lists may hold. */
void hk_lists_share(uint32_t threads);

#endif
