/* SPDX-License-Identifier: MIT
 *
 * Slabs and their bins. A slab has a bitmap of its free blocks, so free blocks that rest in it need no
 * memory of their own to be touched, refills come out in address order, and a block that is freed
 * twice meets its own bit. Blocks beyond `carved` were never handed out: their pages are untouched.
 */
#include "core/pool_int.h"

#include "base/sys.h"
#include "core/meta.h"
#include "core/pageheap.h"
#include "core/purge.h"

#include <string.h>

#define HK_CHECK_BLOCKS 256U /* of a bin that hk_pool_check looks at */

struct hk_pool_bin hk_pool_bins[HK_SHARDS_MAX][HK_CLASSES];
struct hk_pool_locks hk_pool_locks[HK_SHARDS_MAX];
_Atomic uint32_t hk_pool_shards_used;
struct hk_span *_Atomic hk_pool_cursor;
static _Atomic uint32_t members[HK_SHARDS_MAX]; /* threads of a shard */
static unsigned nshards;

void hk_pool_init(void)
{
	unsigned want = 4 * hk_sys_cpus();

	nshards = 4;
	while (nshards < want && nshards < HK_SHARDS_MAX)
		nshards *= 2;
}

unsigned hk_pool_join(void)
{
	unsigned best = 0, used = hk_shards_used();

	for (unsigned s = 0; s < nshards; s++) {
		if (atomic_load_explicit(&members[s], memory_order_relaxed) <
		    atomic_load_explicit(&members[best], memory_order_relaxed))
			best = s;
	}
	atomic_fetch_add_explicit(&members[best], 1, memory_order_relaxed);
	if (best >= used)
		atomic_store_explicit(&hk_pool_shards_used, best + 1, memory_order_relaxed);
	return best;
}

void hk_pool_leave(unsigned shard)
{
	atomic_fetch_sub_explicit(&members[shard], 1, memory_order_relaxed);
}

void hk_pool_alone(bool joined, unsigned shard)
{
	for (unsigned s = 0; s < HK_SHARDS_MAX; s++)
		atomic_store_explicit(&members[s], joined && s == shard, memory_order_relaxed);
}

/* ---- list of partial slabs ---- */

void hk_pool_list_append(struct hk_pool_bin *bin, struct hk_span *slab)
{
	slab->next = NULL;
	slab->prev = bin->tail;
	if (bin->tail != NULL)
		bin->tail->next = slab;
	else
		bin->head = slab;
	bin->tail = slab;
	slab->listed = HK_LISTED;
}

void hk_pool_list_remove(struct hk_pool_bin *bin, struct hk_span *slab)
{
	struct hk_span *here = slab;

	if (HK_UNLIKELY(atomic_load_explicit(&hk_pool_cursor, memory_order_relaxed) == slab)) /* unless it just left this bin */
		(void) atomic_compare_exchange_strong_explicit(&hk_pool_cursor, &here, slab->next, memory_order_relaxed,
		                                               memory_order_relaxed);
	if (slab->prev != NULL)
		slab->prev->next = slab->next;
	else
		bin->head = slab->next;
	if (slab->next != NULL)
		slab->next->prev = slab->prev;
	else
		bin->tail = slab->prev;
	slab->listed = HK_UNLISTED;
}

/* ---- slabs ---- */

struct hk_span *hk_pool_slab_make(unsigned shard, unsigned c)
{
	const struct hk_class_info *info = &hk_classes[c];
	bool zero;
	struct hk_span *slab = hk_pageheap_alloc(HK_SLAB_GRANULES, HK_SLAB_GRANULES, &zero);

	if (slab == NULL)
		return NULL;
	slab->capacity = (uint16_t) info->capacity;
	slab->bits = &slab->word;
	if (info->capacity > 64) {
		slab->bits = hk_meta_alloc(hk_slab_words(slab) * sizeof(uint64_t));
		if (slab->bits == NULL) {
			hk_pageheap_free(slab, 0, 0);
			return NULL;
		}
	}
	memset(slab->bits, 0, hk_slab_words(slab) * sizeof(uint64_t));
	slab->carved = slab->nfree = slab->hint = slab->purged = 0;
	slab->age = 0;
	slab->class_number = (uint8_t) c;
	slab->shard = (uint8_t) shard;
	slab->direct = zero ? HK_SLAB_ZEROED : 0;
	hk_span_name(slab, HK_SPAN_SLAB);
	hk_pagemap_slab(slab, HK_CODE(c));
	HK_SHARD_ADD(shard, slabs_made, 1);
	HK_SHARD_ADD(shard, slab_bytes, HK_SLAB_BYTES);
	return slab;
}

void hk_pool_slab_destroy(struct hk_span *slab)
{
	size_t touched = (size_t) slab->carved * hk_classes[slab->class_number].size;

	HK_SHARD_ADD(slab->shard, slabs_freed, 1);
	HK_SHARD_ADD(slab->shard, slab_bytes, (uint64_t) 0 - HK_SLAB_BYTES);
	hk_pagemap_slab(slab, 0);
	if (slab->bits != &slab->word)
		hk_meta_free(slab->bits, hk_slab_words(slab) * sizeof(uint64_t));
	hk_pageheap_free(slab, touched, hk_sys_now_ns());
}

/* Hard slabs stay for a while: what is written to their free blocks would not be found elsewhere. */
#define HK_HARD_EMPTY 4U

void hk_pool_slab_emptied(struct hk_pool_bin *bin, struct hk_span *slab)
{
	if (slab->listed == HK_HELD)
		return;
	if (hk_slab_is_hard(slab) && bin->empty < HK_HARD_EMPTY) {
		bin->empty++;
		return;
	}
	if (bin->empty == 0 && bin->head == slab && slab->next == NULL && slab->class_number <= HK_TINY_CLASSES) {
		bin->empty = 1;
		return;
	}
	hk_pool_list_remove(bin, slab);
	hk_pool_slab_destroy(slab);
}

/* Of a block that was never used: what stands next to its neighbours. */
static bool is_untouched(const struct hk_block *b, size_t size)
{
	const uintptr_t *last = (const uintptr_t *) (const void *) ((const char *) b + size) - 1;

	return b->next == NULL && (size <= sizeof(*b) || *last == 0);
}

/* Does a block that is free by its bit look like one? */
HK_INLINE bool looks_free(const struct hk_span *slab, size_t offset)
{
	const struct hk_block *b = (const struct hk_block *) (const void *) (slab->base + offset);

	return b->key == HK_POOL_KEY || (b->key == 0 && b->next == NULL && (slab->purged >> (offset / HK_PAGE) & 1) != 0) ||
	       (b->key == HK_FRESH_KEY && is_untouched(b, hk_classes[slab->class_number].size));
}

/* A purged page is about to be used again: its free blocks get back the keys that they lost. */
static void unpurge_page(struct hk_span *slab, size_t page, size_t size)
{
	size_t i = (page * HK_PAGE + size - 1 - offsetof(struct hk_block, key)) / size;

	slab->purged &= (uint16_t) ~(1U << page);
	for (; i < slab->carved && i * size + offsetof(struct hk_block, key) < (page + 1) * HK_PAGE; i++)
		if ((slab->bits[i / 64] >> (i % 64) & 1) != 0)
			((struct hk_block *) (void *) (slab->base + i * size))->key = HK_POOL_KEY;
}

/* Bytes of the slab from offset on are about to be used. */
static void unpurge(struct hk_span *slab, size_t offset, size_t bytes)
{
	for (size_t page = offset / HK_PAGE; page <= (offset + bytes - 1) / HK_PAGE; page++)
		if ((slab->purged >> page & 1) != 0)
			unpurge_page(slab, page, hk_classes[slab->class_number].size);
}

/* Up to want free blocks out of the bitmap, lowest addresses first, linked behind *last, which becomes the last of them. */
static size_t take_bits(struct hk_span *slab, size_t want, struct hk_block **last)
{
	size_t size = hk_classes[slab->class_number].size, taken = 0;
	size_t words = hk_slab_words(slab), w = slab->hint;

	want = hk_min(want, slab->nfree);
	for (; taken < want && w < words; w++) {
		uint64_t bits = slab->bits[w];
		char *base = slab->base + w * 64 * size;

		while (bits != 0 && taken < want) {
			size_t offset = (size_t) __builtin_ctzll(bits) * size;

			bits &= bits - 1;
			if (HK_UNLIKELY(!looks_free(slab, w * 64 * size + offset))) {
				slab->bits[w] = bits; /* not to be met again by a handler of SIGABRT */
				slab->nfree = (uint16_t) (slab->nfree - taken - 1);
				hk_pool_taken_twice(slab, (const struct hk_block *) (const void *) (base + offset));
			}
			if (HK_UNLIKELY(slab->purged != 0)) /* the first block on a page, so none before it has its key there */
				unpurge(slab, w * 64 * size + offset, size);
			hk_block_link(*last, (struct hk_block *) (void *) (base + offset));
			*last = (*last)->next;
			taken++;
		}
		slab->bits[w] = bits;
		if (bits != 0)
			break;
	}
	slab->hint = (uint16_t) w;
	slab->nfree = (uint16_t) (slab->nfree - taken);
	return taken;
}

/* Nobody had the block before, so it is zero where the slab was; who is next to it may have written there. */
static struct hk_block *fresh_block(struct hk_span *slab, size_t i)
{
	struct hk_block *b = (struct hk_block *) (void *) (slab->base + i * hk_classes[slab->class_number].size);

	if (HK_UNLIKELY(hk_slab_zeroed(slab) && (b->next != NULL || b->key != 0))) {
		b->key = HK_FRESH_KEY;
		slab->carved = (uint16_t) (i + 1); /* not to be met again by a handler of SIGABRT */
		hk_pool_taken_twice(slab, b);
	}
	return b;
}

/* The block stays free beside ones that are handed out. */
static void leave_out(struct hk_span *slab, size_t i)
{
	struct hk_block *b = fresh_block(slab, i);

	b->key = hk_slab_zeroed(slab) ? HK_FRESH_KEY : HK_POOL_KEY;
	slab->bits[i / 64] |= (uint64_t) 1 << (i % 64);
	slab->hint = (uint16_t) hk_min(slab->hint, i / 64);
	slab->nfree++;
}

/*
 * Up to want blocks that were never used: to the end of the page that the first one ends in, or of the fourth, where the
 * slab is so far used that this is little. Every other one is left out, and comes next: until then, writes beyond the
 * blocks that are handed out meet nobody's data, and are found.
 */
static size_t take_fresh(struct hk_span *slab, size_t want, struct hk_block **last)
{
	size_t size = hk_classes[slab->class_number].size, first = slab->carved;
	size_t end = hk_align_up((first + 1) * size, HK_PAGE), n, left = 0;

	if (end > HK_SLAB_BYTES / 4)
		end += 3 * HK_PAGE;
	if (size >= HK_PAGE)
		n = hk_min(2, slab->capacity - first);
	else
		n = hk_min(2 * want, hk_min(end / size, slab->capacity) - first);
	if (HK_UNLIKELY(slab->purged != 0)) /* the page that ended what was carved, and with huge pages any */
		unpurge(slab, first * size, n * size);
	for (size_t i = first; i < first + n; i++) {
		if ((i - first) % 2 == 0 && i + 1 < first + n) {
			leave_out(slab, i);
			left++;
		} else {
			hk_block_link(*last, fresh_block(slab, i));
			*last = (*last)->next;
		}
	}
	slab->carved = (uint16_t) (first + n);
	return n - left;
}

/* Free blocks of the bin's slabs, lock held. Fresh memory comes a page at a time. */
static struct hk_chain take_listed(struct hk_pool_bin *bin, size_t want)
{
	struct hk_block before = {NULL, 0}, *last = &before;
	struct hk_span *slab;
	size_t length = 0;
	bool fresh = false;

	while (length < want && !fresh && (slab = bin->head) != NULL) {
		if (hk_slab_is_empty(slab))
			bin->empty--;
		fresh = slab->nfree == 0;
		if (fresh) /* may leave some to be taken: then the slab stays in its list */
			length += take_fresh(slab, want - length, &last);
		else
			length += take_bits(slab, want - length, &last);
		if (slab->nfree == 0 && slab->carved == slab->capacity)
			hk_pool_list_remove(bin, slab);
	}
	hk_block_link(last, NULL);
	return (struct hk_chain){before.next, length};
}

struct hk_chain hk_pool_take_batch(struct hk_pool_bin *bin)
{
	unsigned last = --bin->nbatch;

	bin->asked = true;
	return (struct hk_chain){bin->batch[last], bin->length[last]};
}

/* The first block of the last batch. Its link must lead to one more block of the class. */
static struct hk_chain take_of_batch(struct hk_pool_bin *bin, unsigned shard, unsigned c)
{
	unsigned last = bin->nbatch - 1U;
	struct hk_block *block = bin->batch[last];

	if (bin->length[last] == 1)
		return hk_pool_take_batch(bin);
	if (HK_UNLIKELY(!hk_block_linked(block) || hk_slab_with(block->next, HK_CODE(c)) == NULL)) {
		bin->nbatch--;
		hk_bin_unlock(shard, c);
		hk_pool_keyless(block);
	}
	bin->batch[last] = block->next;
	hk_block_link(block, NULL);
	bin->length[last]--;
	bin->asked = true;
	return (struct hk_chain){block, 1};
}

static struct hk_chain take_from(unsigned shard, unsigned c, size_t want)
{
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);
	struct hk_chain chain;

	if (bin->nbatch == 0)
		chain = take_listed(bin, want);
	else
		chain = want > 1 ? hk_pool_take_batch(bin) : take_of_batch(bin, shard, c);
	hk_bin_unlock(shard, c);
	return chain;
}

/* Slabs of medium classes are large and many for the number of their blocks: fewer shards share them. */
static unsigned home_of(unsigned shard, unsigned c)
{
	return c <= HK_TINY_CLASSES ? shard : shard % (nshards / 4);
}

/* Shards that no thread is in: what exited threads left there is used before new memory. */
static struct hk_chain take_orphaned(unsigned c, size_t want)
{
	struct hk_chain chain = {NULL, 0};
	unsigned used = hk_shards_used();

	for (unsigned s = 0; s < used && chain.length == 0; s++)
		if (atomic_load_explicit(&members[s], memory_order_relaxed) == 0)
			chain = take_from(s, c, want);
	return chain;
}

static struct hk_chain take_new(unsigned shard, unsigned c, size_t want)
{
	struct hk_chain chain = {NULL, 0};
	struct hk_pool_bin *bin;
	struct hk_span *slab;

	hk_purge_before_fresh(HK_SLAB_BYTES);
	bin = hk_bin_lock(shard, c);
	slab = hk_pool_slab_make(shard, c);
	if (slab != NULL) {
		hk_pool_list_append(bin, slab);
		bin->empty++;
		chain = take_listed(bin, want);
	}
	hk_bin_unlock(shard, c);
	return chain;
}

struct hk_chain hk_pool_take(unsigned shard, unsigned c, size_t want)
{
	unsigned home = home_of(shard, c);
	struct hk_chain chain = take_from(home, c, want);

	if (HK_UNLIKELY(chain.length == 0) && home == shard)
		chain = take_orphaned(c, want);
	if (HK_UNLIKELY(chain.length == 0))
		chain = take_new(home, c, want);
	HK_SHARD_ADD(shard, slab_bytes_out, chain.length * hk_classes[c].size);
	return chain;
}

/* ---- what nobody may have written to ---- */

/* The first of the slab's free blocks, and what lies behind all that was handed out. */
static size_t check_slab(struct hk_span *slab, size_t most)
{
	size_t size = hk_classes[slab->class_number].size, n = 0;

	if (HK_UNLIKELY(hk_slab_is_hard(slab)))
		return 0; /* hk_pool_hard_find */
	for (size_t w = 0; w < hk_slab_words(slab) && n < most; w++)
		for (uint64_t bits = slab->bits[w]; bits != 0 && n < most; bits &= bits - 1, n++) {
			size_t i = w * 64 + (size_t) __builtin_ctzll(bits);

			if (HK_LIKELY(looks_free(slab, i * size)))
				continue;
			slab->bits[w] &= ~((uint64_t) 1 << (i % 64)); /* not to be met again by a handler of SIGABRT */
			slab->nfree--;
			hk_pool_taken_twice(slab, (const struct hk_block *) (const void *) (slab->base + i * size));
		}
	if (slab->carved < slab->capacity && slab->carved * size % HK_PAGE != 0) /* on a page that is in use */
		(void) fresh_block(slab, slab->carved);
	return n;
}

void hk_pool_check(void)
{
	unsigned used = hk_shards_used();

	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++) {
			struct hk_pool_bin *bin = hk_bin_lock(s, c);
			size_t left = HK_CHECK_BLOCKS;

			for (struct hk_span *slab = bin->tail; slab != NULL && left > 0; slab = slab->prev)
				left -= hk_min(check_slab(slab, left) + 1, left);
			hk_bin_unlock(s, c);
		}
}

uint64_t hk_pool_bytes_out(void)
{
	uint64_t out = 0;

	for (unsigned s = 0; s < hk_shards_used(); s++)
		out += atomic_load_explicit(&hk_counters->shard[s].slab_bytes_out, memory_order_relaxed) -
		       atomic_load_explicit(&hk_counters->shard[s].slab_bytes_in, memory_order_relaxed);
	return out <= INT64_MAX ? out : 0; /* the two are counted at different times */
}

/* ---- fork ---- */

/* No thread joins a shard meanwhile: the caller holds the lock for that. */
void hk_pool_fork_lock(void)
{
	unsigned used = hk_shards_used();

	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			hk_lock_take(&hk_pool_locks[s].lock[c]);
}

void hk_pool_fork_unlock(void)
{
	unsigned used = hk_shards_used();

	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			hk_lock_reset(&hk_pool_locks[s].lock[c]);
}
