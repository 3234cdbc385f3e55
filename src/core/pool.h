/* SPDX-License-Identifier: MIT
 *
 * The sharded pool behind the thread caches: class × shard, each with a lock of its own and a list of
 * slabs with free blocks. A slab belongs to the shard that made it; a block may be freed through any
 * thread and goes back to its slab's shard, so nothing depends on the thread that allocated it,
 * and the slabs of exited threads are simply used on.
 *
 * Free blocks are linked through their first word while they are out of their slab's bitmap; the
 * second word then holds a key that no live block is likely to hold: finding it in a block that is
 * being freed means a double free, missing it in one that is being allocated means a stray write.
 */
#ifndef HK_CORE_POOL_H
#define HK_CORE_POOL_H

#include "core/sizeclass.h"
#include "core/span.h"

struct hk_block {
	struct hk_block *next;
	uintptr_t key;
};

struct hk_chain {
	struct hk_block *head, *tail;
	size_t length;
};

void hk_pool_init(void);
unsigned hk_pool_shards(void);

/* Up to want blocks of class c from shard, in address order, linked and keyed. Length 0: no memory. */
struct hk_chain hk_pool_take(unsigned shard, unsigned c, size_t want);
/* Give a linked list of blocks of class c (any shards) back to their slabs; checks each. Its length. */
size_t hk_pool_give(unsigned c, struct hk_block *head);
/* One block at the call, for paths without a cache. */
void hk_pool_give_one(unsigned c, void *p);
/* Return empty slabs that bins keep in reserve to the page heap. */
void hk_pool_trim(void);
/* Is p a block that its slab counts as free (bitmap)? For diagnosis. */
bool hk_pool_is_free(const void *p);
/* First byte of the block that p points into. */
void *hk_pool_block_start(const void *p);

void hk_pool_fork_lock(void);
void hk_pool_fork_unlock(void);

#endif
