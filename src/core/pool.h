/* SPDX-License-Identifier: MIT
 *
 * The sharded pool behind the thread caches: class × shard, each with a lock of its own, a list of
 * slabs with free blocks, and a few batches: whole lists that thread caches returned, handed to the next one as they
 * are. A slab belongs to the shard that made it; a block may be freed through any
 * thread and goes back to its slab's shard, so nothing depends on the thread that allocated it,
 * and the slabs of exited threads are simply used on.
 *
 * Free blocks are linked through their first word while they are out of their slab's bitmap; the
 * second word then holds a key made of both addresses (heap.h).
 */
#ifndef HK_CORE_POOL_H
#define HK_CORE_POOL_H

#include "core/sizeclass.h"
#include "core/span.h"

struct hk_block {
	struct hk_block *next;
	uintptr_t key;
};

/* Added to two addresses it gives none that a program has a use for; an immediate operand in the fast paths. */
#define HK_FREE_KEY ((uintptr_t) (intptr_t) -0x5a3c1e09)

/* Make block the one before next on a list, NULL: its end. The key binds the link to its place: who overwrites
   one of the two, or copies both from another block, is found by hk_block_linked. */
HK_INLINE void hk_block_link(struct hk_block *block, struct hk_block *next)
{
	block->next = next;
	block->key = (uintptr_t) block + (uintptr_t) next + HK_FREE_KEY;
}

/* Is block on a list, its link as it was written? To be asked before the link is followed. */
HK_INLINE bool hk_block_linked(const struct hk_block *block)
{
	return block->key == (uintptr_t) block + (uintptr_t) block->next + HK_FREE_KEY;
}

/* In a block beside ones that are handed out, which itself was never used: its first and last words are zero. Who writes
   beyond the end or the beginning of its neighbours breaks that. */
#define HK_FRESH_KEY ((uintptr_t) (intptr_t) -0x71c95d31)

/* What give leaves in the second word of a block that is free in its slab: free() would overwrite it, and so would who
   was handed the block by mistake. Pages that were purged read as 0. */
#define HK_POOL_KEY ((uintptr_t) (intptr_t) -0x2b6d40f7)

struct hk_chain {
	struct hk_block *head;
	size_t length;
};

void hk_pool_init(void);
/* A shard for a new thread, the one with the fewest; and its release. Lock: the caller's, process-wide. */
unsigned hk_pool_join(void);
void hk_pool_leave(unsigned shard);
/* After fork, in the child: the other threads are gone; the one that is left, if it has joined, stays in its shard. */
void hk_pool_alone(bool joined, unsigned shard);

/* Up to want blocks of class c from shard, linked and keyed: a batch that was returned lately, or out of slabs in
   address order. Length 0: no memory. */
struct hk_chain hk_pool_take(unsigned shard, unsigned c, size_t want);
/* Give n ≥ 1 linked blocks of class c (any shards) back, as a batch if there is a place, else to their slabs. */
void hk_pool_give_batch(unsigned c, struct hk_block *head, size_t n);
/* Give a linked list of blocks of class c (any shards) back to their slabs; checks each. Its length. */
size_t hk_pool_give(unsigned c, struct hk_block *head);
/* One block at the call, for paths without a cache. */
void hk_pool_give_one(unsigned c, void *p);
/* Return batches to their slabs, and empty slabs that bins keep in reserve to the page heap. */
void hk_pool_trim(void);
/* The same for batches that were not asked for since the last call. */
void hk_pool_age(void);
/* Purge whole free pages inside slabs that have rested for some calls of this (all: any); no lock is held during the
   system calls. Bytes. */
uint64_t hk_pool_purge(bool all);
/* May a further call find something, if nothing else happens? */
bool hk_pool_waiting(void);
/* Bytes of blocks that are out of slabs, with programs and in thread caches; about. */
uint64_t hk_pool_bytes_out(void);
/* Is p a block that its slab counts as free (bitmap)? For diagnosis. */
bool hk_pool_is_free(const void *p);
/* A block on a free list without its key: ends the process. */
HK_COLD _Noreturn void hk_pool_keyless(const struct hk_block *block);
/* First byte of the block that p points into. */
void *hk_pool_block_start(const void *p);

/* security = full (pool_hard.c): a block of zeros of class c; NULL: no memory. hk_pool_give_one takes it back, zeroed. */
void *hk_pool_hard_take(unsigned shard, unsigned c);
/* Is p, the block before one of a hard slab, not free, and its last word 0? */
bool hk_pool_hard_unsealed(const void *p);
/* The first of many blocks of hard slabs that is free and was written to, or in which, not free, look() finds a fault (with the
   lock of its bin held); or NULL. */
void *hk_pool_hard_find(const char *(*look)(const void *p), const char **ret_fault);
/* Look at a part of the free blocks in slabs: none may have been written to. Ends the process if one was. */
void hk_pool_check(void);

/* The lock `process` (heap_life.c) is held: no shard comes into use meanwhile. */
void hk_pool_fork_lock(void);
void hk_pool_fork_unlock(void);

#endif
