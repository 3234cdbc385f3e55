/* SPDX-License-Identifier: MIT
 *
 * Slabs and their bins. A slab has a bitmap of its free blocks, so free blocks that rest in it need no
 * memory of their own to be touched, refills come out in address order, and a block that is freed
 * twice meets its own bit. Blocks beyond `carved` were never handed out: their pages are untouched.
 *
 * Lock order: bin, then metadata, then page heap.
 */
#include "core/pool.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "core/knobs.h"
#include "core/meta.h"
#include "core/pageheap.h"
#include "core/stats.h"

#include <string.h>

/* Partial slabs: taken from the head, added at the tail, so that a slab gathers frees before its turn. */
struct pool_bin {
	struct hk_lock lock;
	uint32_t empty; /* wholly free slabs in the list */
	struct hk_span *head, *tail;
};

struct shard {
	struct pool_bin bin[HK_CLASSES];
} HK_ALIGNED(HK_CACHE_LINE);

static struct shard shards[HK_SHARDS_MAX];
static unsigned nshards;

#define SHARD_ADD(s, field, n) \
	hk_counter_add(&hk_counters->shard[s].field, (n))

void hk_pool_init(void)
{
	unsigned want = 4 * hk_sys_cpus();

	nshards = 4;
	while (nshards < want && nshards < HK_SHARDS_MAX)
		nshards *= 2;
}

unsigned hk_pool_shards(void)
{
	return nshards;
}

/* ---- list of partial slabs ---- */

static void list_append(struct pool_bin *bin, struct hk_span *slab)
{
	slab->next = NULL;
	slab->prev = bin->tail;
	if (bin->tail != NULL)
		bin->tail->next = slab;
	else
		bin->head = slab;
	bin->tail = slab;
	slab->listed = 1;
}

static void list_remove(struct pool_bin *bin, struct hk_span *slab)
{
	if (slab->prev != NULL)
		slab->prev->next = slab->next;
	else
		bin->head = slab->next;
	if (slab->next != NULL)
		slab->next->prev = slab->prev;
	else
		bin->tail = slab->prev;
	slab->listed = 0;
}

/* ---- slabs ---- */

static size_t bitmap_words(const struct hk_span *slab)
{
	return (slab->capacity + 63U) / 64;
}

static struct hk_span *slab_make(unsigned shard, unsigned c)
{
	const struct hk_class_info *info = &hk_classes[c];
	bool zero;
	struct hk_span *slab = hk_pageheap_alloc(info->granules, 4, &zero);

	if (slab == NULL)
		return NULL;
	slab->capacity = (uint16_t) info->capacity;
	slab->bits = &slab->word;
	if (info->capacity > 64) {
		slab->bits = hk_meta_alloc(bitmap_words(slab) * sizeof(uint64_t));
		if (slab->bits == NULL) {
			hk_pageheap_free(slab, 0, 0);
			return NULL;
		}
	}
	memset(slab->bits, 0, bitmap_words(slab) * sizeof(uint64_t));
	slab->carved = slab->nfree = slab->hint = 0;
	slab->class_number = (uint8_t) c;
	slab->shard = (uint8_t) shard;
	hk_span_name(slab, HK_SPAN_SLAB);
	hk_pagemap_slab(slab, HK_CODE(c));
	SHARD_ADD(shard, slabs_made, 1);
	SHARD_ADD(shard, slab_bytes, slab->granules * HK_GRANULE);
	return slab;
}

static void slab_destroy(struct hk_span *slab)
{
	size_t touched = (size_t) slab->carved * hk_classes[slab->class_number].size;

	SHARD_ADD(slab->shard, slabs_freed, 1);
	SHARD_ADD(slab->shard, slab_bytes, (uint64_t) 0 - slab->granules * HK_GRANULE);
	hk_pagemap_slab(slab, 0);
	if (slab->bits != &slab->word)
		hk_meta_free(slab->bits, bitmap_words(slab) * sizeof(uint64_t));
	hk_pageheap_free(slab, touched, hk_sys_now_ns());
}

static bool slab_is_empty(const struct hk_span *slab)
{
	return slab->nfree == slab->carved;
}

/* Append block to the chain that ends in *link. */
static struct hk_block **link_block(struct hk_block **link, char *block)
{
	struct hk_block *b = (struct hk_block *) (void *) block;

	b->key = HK_FREE_KEY;
	*link = b;
	return &b->next;
}

/* Up to want free blocks out of the bitmap, lowest addresses first. */
static size_t take_bits(struct hk_span *slab, size_t want, struct hk_block ***link)
{
	size_t size = hk_classes[slab->class_number].size, taken = 0;
	size_t words = bitmap_words(slab), w = slab->hint;

	want = hk_min(want, slab->nfree);
	for (; taken < want && w < words; w++) {
		uint64_t bits = slab->bits[w];

		while (bits != 0 && taken < want) {
			size_t i = w * 64 + (size_t) __builtin_ctzll(bits);

			bits &= bits - 1;
			*link = link_block(*link, slab->base + i * size);
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

/* Up to want blocks that were never used, not going beyond the page that the first one ends in. */
static size_t take_fresh(struct hk_span *slab, size_t want, struct hk_block ***link)
{
	size_t size = hk_classes[slab->class_number].size, first = slab->carved;
	size_t page_end = hk_align_up((first + 1) * size, HK_PAGE);

	want = hk_min(want, hk_min(page_end / size, slab->capacity) - first);
	for (size_t i = first; i < first + want; i++)
		*link = link_block(*link, slab->base + i * size);
	slab->carved = (uint16_t) (first + want);
	return want;
}

/* The slab to take from next, made if need be. NULL: no memory. */
static struct hk_span *bin_slab(struct pool_bin *bin, unsigned shard, unsigned c)
{
	struct hk_span *slab = bin->head;

	if (slab == NULL) {
		slab = slab_make(shard, c);
		if (slab == NULL)
			return NULL;
		list_append(bin, slab);
		bin->empty++;
	}
	return slab;
}

struct hk_chain hk_pool_take(unsigned shard, unsigned c, size_t want)
{
	struct pool_bin *bin = &shards[shard].bin[c];
	struct hk_chain chain = {NULL, NULL, 0};
	struct hk_block **link = &chain.head;
	bool fresh = false; /* fresh memory comes a page at a time */

	hk_lock_take(&bin->lock);
	while (chain.length < want && !fresh) {
		struct hk_span *slab = bin_slab(bin, shard, c);
		size_t n;

		if (slab == NULL)
			break;
		if (slab_is_empty(slab))
			bin->empty--;
		fresh = slab->nfree == 0;
		if (fresh)
			n = take_fresh(slab, want - chain.length, &link);
		else
			n = take_bits(slab, want - chain.length, &link);
		chain.length += n;
		if (slab->nfree == 0 && slab->carved == slab->capacity)
			list_remove(bin, slab);
	}
	hk_lock_drop(&bin->lock);
	*link = NULL;
	chain.tail = (struct hk_block *) (void *) link; /* `next` is the first member */
	SHARD_ADD(shard, slab_bytes_out, chain.length * hk_classes[c].size);
	return chain;
}

/* ---- giving back ---- */

/* A stray write may have put anything into a link: never follow it out of the class. */
static struct hk_span *checked_slab(const struct hk_block *b, unsigned c)
{
	if (HK_UNLIKELY(hk_code_of(b) != HK_CODE(c)))
		hk_fatal("corrupted free list", b);
	return hk_slab_of(b);
}

/* The slab is wholly free: keep one such slab a bin, return the others. True if it is gone. */
static bool slab_emptied(struct pool_bin *bin, struct hk_span *slab)
{
	if (bin->empty == 0) {
		bin->empty = 1;
		return false;
	}
	list_remove(bin, slab);
	slab_destroy(slab);
	return true;
}

/* Put one block back into its slab, under the lock of the slab's bin. True if the slab is gone with it. */
HK_INLINE bool slab_put(struct pool_bin *bin, struct hk_span *slab, const struct hk_class_info *info, void *p)
{
	uint64_t offset = (uint64_t) ((char *) p - slab->base);
	size_t i = (size_t) ((offset * info->inverse) >> 42);
	uint64_t *word = &slab->bits[i / 64], bit = (uint64_t) 1 << (i % 64);

	if (HK_UNLIKELY(i >= slab->carved || i * info->size != offset))
		hk_fatal("free of a pointer that malloc did not return", p);
	if (HK_UNLIKELY((*word & bit) != 0))
		hk_fatal("double free", p);
	*word |= bit;
	if (i / 64 < slab->hint)
		slab->hint = (uint16_t) (i / 64);
	if (HK_UNLIKELY(!slab->listed))
		list_append(bin, slab);
	return HK_UNLIKELY(++slab->nfree == slab->carved) && slab_emptied(bin, slab);
}

/*
 * Give back all blocks of the list that belong to the shard of its first one, under one lock; *head becomes the
 * list of the others. Neighbours in the list are often neighbours in a slab: it is looked up only
 * when it changes.
 */
static size_t give_shard(unsigned c, struct hk_block **head)
{
	const struct hk_class_info *info = &hk_classes[c];
	size_t slab_bytes = info->granules * HK_GRANULE, n = 0;
	struct hk_block *b = *head, *next, *others = NULL;
	struct hk_span *slab = checked_slab(b, c);
	unsigned shard = slab->shard;
	struct pool_bin *bin = &shards[shard].bin[c];

	hk_lock_take(&bin->lock);
	for (; b != NULL; b = next) {
		if (slab == NULL || (size_t) ((char *) b - slab->base) >= slab_bytes)
			slab = checked_slab(b, c);
		next = b->next;
		if (HK_UNLIKELY(slab->shard != shard)) {
			b->next = others;
			others = b;
			continue;
		}
		if (slab_put(bin, slab, info, b))
			slab = NULL;
		n++;
	}
	hk_lock_drop(&bin->lock);
	SHARD_ADD(shard, slab_bytes_in, n * info->size);
	SHARD_ADD(shard, flushes, 1);
	*head = others;
	return n;
}

size_t hk_pool_give(unsigned c, struct hk_block *head)
{
	size_t total = 0;

	while (head != NULL)
		total += give_shard(c, &head);
	return total;
}

void hk_pool_give_one(unsigned c, void *p)
{
	struct hk_span *slab = hk_slab_of(p);
	unsigned shard = slab->shard;
	struct pool_bin *bin = &shards[shard].bin[c];

	hk_lock_take(&bin->lock);
	(void) slab_put(bin, slab, &hk_classes[c], p);
	hk_lock_drop(&bin->lock);
	SHARD_ADD(shard, slab_bytes_in, hk_classes[c].size);
}

void hk_pool_trim(void)
{
	for (unsigned s = 0; s < nshards; s++) {
		for (unsigned c = 1; c < HK_CLASSES; c++) {
			struct pool_bin *bin = &shards[s].bin[c];

			hk_lock_take(&bin->lock);
			for (struct hk_span *slab = bin->head, *next; slab != NULL; slab = next) {
				next = slab->next;
				if (slab_is_empty(slab)) {
					list_remove(bin, slab);
					slab_destroy(slab);
					bin->empty--;
				}
			}
			hk_lock_drop(&bin->lock);
		}
	}
}

static size_t block_index(const struct hk_span *slab, const void *p)
{
	size_t offset = (size_t) ((const char *) p - slab->base);
	return (size_t) ((offset * hk_classes[slab->class_number].inverse) >> 42);
}

bool hk_pool_is_free(const void *p)
{
	struct hk_span *slab = hk_slab_of(p);
	struct pool_bin *bin = &shards[slab->shard].bin[slab->class_number];
	size_t i = block_index(slab, p);
	bool is_free;

	hk_lock_take(&bin->lock);
	is_free = i >= slab->carved || (slab->bits[i / 64] >> (i % 64) & 1) != 0;
	hk_lock_drop(&bin->lock);
	return is_free;
}

void *hk_pool_block_start(const void *p)
{
	struct hk_span *slab = hk_slab_of(p);

	return slab->base + block_index(slab, p) * hk_classes[slab->class_number].size;
}

/* ---- fork ---- */

void hk_pool_fork_lock(void)
{
	for (unsigned s = 0; s < nshards; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			hk_lock_take(&shards[s].bin[c].lock);
}

void hk_pool_fork_unlock(void)
{
	for (unsigned s = 0; s < nshards; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			hk_lock_reset(&shards[s].bin[c].lock);
}
