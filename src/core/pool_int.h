/* SPDX-License-Identifier: MIT
 *
 * What the files of the pool share: bins, their locks, their lists of partial slabs. pool.c makes slabs and takes
 * blocks, pool_give.c takes blocks back, pool_purge.c purges, pool_hard.c is for security = full.
 *
 * Lock order: bin, then metadata, then page heap. Never two bins.
 */
#ifndef HK_CORE_POOL_INT_H
#define HK_CORE_POOL_INT_H

#include "base/lock.h"
#include "core/pool.h"
#include "core/stats.h"

#define HK_BATCHES 4U            /* of one bin */
#define HK_BATCH_BYTES(c) ((c) <= HK_TINY_CLASSES ? 64 * HK_KIB : 32 * HK_KIB) /* … in all */

/* Partial slabs: taken from the head, added at the tail, so that a slab gathers frees before its turn. */
struct hk_pool_bin {
	struct hk_span *head, *tail;
	struct hk_block *batch[HK_BATCHES];
	uint16_t length[HK_BATCHES]; /* of a batch */
	uint16_t empty;  /* wholly free slabs in the list */
	uint8_t nbatch;
	bool asked;      /* a batch was taken since the last hk_pool_age */
} HK_ALIGNED(HK_CACHE_LINE);
_Static_assert(sizeof(struct hk_pool_bin) == HK_CACHE_LINE, "one cache line per bin");
extern struct hk_pool_bin hk_pool_bins[HK_SHARDS_MAX][HK_CLASSES];

/* The locks stand together, apart from what they guard: fork takes them all. */
struct hk_pool_locks {
	struct hk_lock lock[HK_CLASSES];
} HK_ALIGNED(HK_CACHE_LINE);
extern struct hk_pool_locks hk_pool_locks[HK_SHARDS_MAX];

/* All shards below were joined once; the others have nothing. */
extern _Atomic uint32_t hk_pool_shards_used;

/* The slab that a purge looks at next, in the list of the bin that it is at; changes under that bin's lock. */
extern struct hk_span *_Atomic hk_pool_cursor;

/* Calls of hk_pool_purge that may still find something: blocks came back to slabs. */
extern _Atomic uint32_t hk_pool_stirred;

#define HK_SLAB_RESTED 4U /* calls of hk_pool_purge without a block coming back to a slab */
enum { HK_UNLISTED, HK_LISTED, HK_HELD /* out of the list while it is purged: its free blocks are not to be touched */ };

static inline struct hk_pool_bin *hk_bin_lock(unsigned shard, unsigned c)
{
	hk_lock_take(&hk_pool_locks[shard].lock[c]);
	return &hk_pool_bins[shard][c];
}

static inline void hk_bin_unlock(unsigned shard, unsigned c)
{
	hk_lock_drop(&hk_pool_locks[shard].lock[c]);
}

static inline unsigned hk_shards_used(void)
{
	return atomic_load_explicit(&hk_pool_shards_used, memory_order_relaxed);
}

static inline bool hk_slab_is_empty(const struct hk_span *slab)
{
	return slab->nfree == slab->carved;
}

static inline size_t hk_slab_words(const struct hk_span *slab)
{
	return (slab->capacity + 63U) / 64;
}

/* The number of the block of the slab that p points into. */
size_t hk_pool_block_index(const struct hk_span *slab, const void *p);

/* A block that its slab counts as free is in use, or on a list: freed twice. Drops the lock of the bin, ends the process. */
HK_COLD _Noreturn void hk_pool_taken_twice(const struct hk_span *slab, const struct hk_block *b);

/* All under the bin's lock. */
struct hk_span *hk_pool_slab_make(unsigned shard, unsigned c); /* NULL: no memory */
void hk_pool_list_append(struct hk_pool_bin *bin, struct hk_span *slab);
void hk_pool_list_remove(struct hk_pool_bin *bin, struct hk_span *slab);
/* The slab has become wholly free: it is kept if it is tiny blocks' and the bin has no other, else the page heap's. */
void hk_pool_slab_emptied(struct hk_pool_bin *bin, struct hk_span *slab);
struct hk_chain hk_pool_take_batch(struct hk_pool_bin *bin); /* there is one */
void hk_pool_slab_destroy(struct hk_span *slab); /* in no list */

#endif
