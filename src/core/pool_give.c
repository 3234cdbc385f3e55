/* SPDX-License-Identifier: MIT
 *
 * The pool's side of freeing: blocks return to their slabs' bitmaps, under the lock of the slab's bin, or rest as a
 * batch for the next thread that asks.
 */
#include "core/pool_int.h"

#include "base/log.h"

/* A stray write may have put anything into a link: never follow it out of the class. */
HK_INLINE struct hk_span *checked_slab(const struct hk_block *b, unsigned c)
{
	struct hk_span *slab = hk_slab_with(b, HK_CODE(c));

	if (HK_UNLIKELY(slab == NULL))
		hk_fatal("corrupted free list", b);
	return slab;
}

size_t hk_pool_block_index(const struct hk_span *slab, const void *p)
{
	return (size_t) (((uint64_t) ((const char *) p - slab->base) * hk_classes[slab->class_number].inverse) >> 42);
}

_Atomic uint32_t hk_pool_stirred;

/* Blocks came back: the next purges have something to look at. A shared line, written once per purge. */
HK_INLINE void stir(void)
{
	if (HK_UNLIKELY(atomic_load_explicit(&hk_pool_stirred, memory_order_relaxed) != HK_SLAB_RESTED + 2))
		atomic_store_explicit(&hk_pool_stirred, HK_SLAB_RESTED + 2, memory_order_relaxed);
}

/* n blocks came back to the slab. */
HK_INLINE void slab_gained(struct hk_pool_bin *bin, struct hk_span *slab, size_t n)
{
	slab->age = 0;
	slab->nfree = (uint16_t) (slab->nfree + n);
	if (slab->listed == HK_UNLISTED)
		hk_pool_list_append(bin, slab);
	if (HK_UNLIKELY(hk_slab_is_empty(slab)))
		hk_pool_slab_emptied(bin, slab);
}

/* A block that was never used, but written to, that is free already, or whose key is gone: overwritten, or taken when it was handed out or returned. */
static HK_COLD _Noreturn void refuse(const struct hk_block *b, bool is_free)
{
	if (b->key == HK_FRESH_KEY)
		hk_fatal("write beyond a neighbouring block", b);
	hk_fatal(is_free || b->key == 0 || b->key == HK_POOL_KEY ? "double free" : "corrupted free list", b);
}

/*
 * The same with a bin locked: it must not stay so, or a handler of SIGABRT that allocates would wait for ever. Nor should
 * that handler meet the fault again: what is free gets back the key that the wrong free() overwrote.
 */
static HK_COLD _Noreturn void refuse_locked(const struct hk_span *slab, struct hk_block *b, bool is_free)
{
	if (is_free)
		b->key = HK_POOL_KEY;
	hk_bin_unlock(slab->shard, slab->class_number);
	refuse(b, is_free);
}

_Noreturn void hk_pool_taken_twice(const struct hk_span *slab, const struct hk_block *b)
{
	hk_bin_unlock(slab->shard, slab->class_number);
	refuse(b, hk_block_linked(b));
}

void hk_pool_keyless(const struct hk_block *block)
{
	bool known = hk_code_of(block) != 0 && hk_pool_block_start(block) == block;

	refuse(block, known && hk_pool_is_free(block));
}

/* Put blocks from the head of a list back into the slab, as long as they are of this slab: each must have its key, which
   is taken, and not its bit. The rest of the list. */
HK_INLINE struct hk_block *put_run(struct hk_span *slab, uint64_t inverse, struct hk_block *b, size_t *ret_count)
{
	uintptr_t base = hk_align_down((uintptr_t) b, HK_SLAB_BYTES);
	uint64_t *bits = slab->bits, word = bits[0]; /* a word stays in a register from one block to the next */
	size_t n = 0, at = 0, carved = slab->carved;

	do {
		size_t i = (size_t) ((((uintptr_t) b & (HK_SLAB_BYTES - 1)) * inverse) >> 42);

		if (HK_UNLIKELY(i >= carved))
			refuse_locked(slab, b, false); /* never handed out: a stray link */
		if (i / 64 != at) {
			bits[at] = word;
			at = i / 64;
			word = bits[at];
		}
		if (HK_UNLIKELY(hk_bit_set(&word, i)))
			refuse_locked(slab, b, true);
		if (HK_UNLIKELY(!hk_block_linked(b)))
			refuse_locked(slab, b, false);
		b->key = HK_POOL_KEY;
		b = b->next;
		n++;
	} while (hk_align_down((uintptr_t) b, HK_SLAB_BYTES) == base); /* the end is in no slab */
	bits[at] = word;
	*ret_count = n;
	return b;
}

/*
 * Give back all blocks of the list that belong to the shard of its first one, under one lock; *head becomes the
 * list of the others. Neighbours in the list are often neighbours in a slab.
 */
static size_t give_shard(unsigned c, struct hk_block **head)
{
	struct hk_block *b = *head, *others = NULL;
	struct hk_span *slab = checked_slab(b, c);
	unsigned shard = slab->shard;
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);
	uint64_t inverse = hk_classes[c].inverse;
	size_t total = 0, n;

	while (b != NULL) {
		slab = hk_slab_with(b, HK_CODE(c));
		if (HK_UNLIKELY(slab == NULL)) {
			hk_bin_unlock(shard, c);
			hk_fatal("corrupted free list", b);
		}
		if (HK_LIKELY(slab->shard == shard)) {
			b = put_run(slab, inverse, b, &n);
			slab->hint = 0;
			slab_gained(bin, slab, n);
			total += n;
		} else {
			struct hk_block *next = b->next;

			if (HK_UNLIKELY(!hk_block_linked(b))) {
				hk_bin_unlock(shard, c);
				refuse(b, false);
			}
			hk_block_link(b, others);
			others = b;
			b = next;
		}
	}
	hk_bin_unlock(shard, c);
	stir();
	HK_SHARD_ADD(shard, slab_bytes_in, total * hk_classes[c].size);
	HK_SHARD_ADD(shard, flushes, 1);
	*head = others;
	return total;
}

size_t hk_pool_give(unsigned c, struct hk_block *head)
{
	size_t total = 0;

	while (head != NULL)
		total += give_shard(c, &head);
	return total;
}

void hk_pool_give_batch(unsigned c, struct hk_block *head, size_t n)
{
	unsigned shard = checked_slab(head, c)->shard;
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);
	size_t bytes = n * hk_classes[c].size;
	bool kept = bin->nbatch < HK_BATCHES && (bin->nbatch + 1U) * bytes <= HK_BATCH_BYTES(c) && n <= UINT16_MAX;

	if (kept) {
		bin->batch[bin->nbatch] = head;
		bin->length[bin->nbatch++] = (uint16_t) n;
	}
	hk_bin_unlock(shard, c);
	if (kept)
		HK_SHARD_ADD(shard, slab_bytes_in, bytes);
	else
		(void) hk_pool_give(c, head);
}

void hk_pool_give_one(unsigned c, void *p)
{
	struct hk_span *slab = hk_slab_of(p);
	unsigned shard = slab->shard;
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);
	size_t i = hk_pool_block_index(slab, p);
	uint64_t *word = &slab->bits[i / 64], bit = (uint64_t) 1 << (i % 64);

	if (HK_UNLIKELY(i >= slab->carved || (*word & bit) != 0))
		refuse_locked(slab, p, true);
	*word |= bit;
	if (HK_LIKELY(!hk_slab_is_hard(slab)))
		((struct hk_block *) p)->key = HK_POOL_KEY;
	else
		atomic_store_explicit((_Atomic uint64_t *) ((uintptr_t) p + hk_classes[c].size) - 1, 0, memory_order_relaxed); /* its seal */
	slab->hint = (uint16_t) hk_min(slab->hint, i / 64);
	slab_gained(bin, slab, 1);
	hk_bin_unlock(shard, c);
	stir();
	HK_SHARD_ADD(shard, slab_bytes_in, hk_classes[c].size);
}

/* ---- diagnosis ---- */

bool hk_pool_is_free(const void *p)
{
	struct hk_span *slab = hk_slab_of(p);
	unsigned shard = slab->shard, c = slab->class_number;
	size_t i = hk_pool_block_index(slab, p);
	bool is_free;

	(void) hk_bin_lock(shard, c);
	is_free = i >= slab->carved || (slab->bits[i / 64] >> (i % 64) & 1) != 0;
	hk_bin_unlock(shard, c);
	return is_free;
}

void *hk_pool_block_start(const void *p)
{
	struct hk_span *slab = hk_slab_of(p);

	return slab->base + hk_pool_block_index(slab, p) * hk_classes[slab->class_number].size;
}
