/* SPDX-License-Identifier: MIT
 *
 * The slabs of security = full: a free block holds nothing but zeros, and which of them is handed out next is chance.
 * Block 0 never is: it stands before the first one as each stands before the next. Slabs that were made before the configuration was
 * known take back what is theirs, and hand out nothing more.
 */
#include "core/pool_int.h"

#include "base/log.h"
#include "base/sys.h"
#include "core/harden.h"
#include "core/purge.h"

#include <string.h>

static void make_hard(struct hk_span *slab)
{
	if (!hk_slab_zeroed(slab))
		memset(slab->base, 0, HK_SLAB_BYTES);
	for (size_t i = 0; i < slab->capacity; i++)
		slab->bits[i / 64] |= (uint64_t) 1 << (i % 64);
	slab->carved = slab->nfree = slab->capacity;
	slab->ahead = 0;
	slab->direct = HK_SLAB_ZEROED | HK_SLAB_HARD;
}

/* Good enough to be hard to foresee from outside; two threads that step at once cost a step. */
static uint64_t chance(void)
{
	static _Atomic uint64_t state;
	uint64_t x = hk_random_step(atomic_load_explicit(&state, memory_order_relaxed));

	atomic_store_explicit(&state, x, memory_order_relaxed);
	return x * 0x9e3779b97f4a7c15U >> 32;
}

/* One of the slab's free blocks, all alike but for block 0. */
static size_t pick(const struct hk_span *slab)
{
	size_t words = hk_slab_words(slab), start = chance() % slab->capacity, w = start / 64;

	for (size_t n = 0; n <= words; n++, w = (w + 1) % words) {
		uint64_t bits = slab->bits[w] & (w == 0 ? ~(uint64_t) 1 : ~(uint64_t) 0);

		if (n == 0)
			bits &= ~(uint64_t) 0 << (start % 64);
		if (bits != 0)
			return w * 64 + (size_t) __builtin_ctzll(bits);
	}
	return 0;
}

static hk_word *last_word(const char *p, size_t size)
{
	return (hk_word *) ((uintptr_t) p + size) - 1;
}

/* Take the block that was chosen when the one before was taken, and choose the next: nobody else takes it meanwhile, and
   its memory, which chance has often put outside the processor's caches, is on its way. */
static char *take_block(struct hk_span *slab, size_t size)
{
	size_t i = slab->ahead != 0 ? slab->ahead : pick(slab);
	size_t last = (i * size + size - 1) / HK_PAGE;
	char *next;

	slab->bits[i / 64] &= ~((uint64_t) 1 << (i % 64));
	slab->nfree--;
	slab->purged &= (uint16_t) ~((2U << last) - (1U << i * size / HK_PAGE));
	slab->ahead = (uint16_t) pick(slab);
	next = slab->base + slab->ahead * size;
	__builtin_prefetch(next, 1);
	__builtin_prefetch(next + size - 1, 1);
	return slab->base + i * size;
}

/* The first slab of the bin that has a block; plain ones, and those that have none, leave the list. */
static struct hk_span *find_slab(struct hk_pool_bin *bin)
{
	struct hk_span *slab;

	while ((slab = bin->head) != NULL && (!hk_slab_is_hard(slab) || slab->nfree < 2)) {
		bool is_empty = hk_slab_is_empty(slab); /* a plain one that was kept for further use */

		if (is_empty && bin->empty > 0)
			bin->empty--;
		hk_pool_list_remove(bin, slab);
		if (is_empty)
			hk_pool_slab_destroy(slab);
	}
	return slab;
}

static struct hk_span *new_slab(struct hk_pool_bin *bin, unsigned shard, unsigned c)
{
	struct hk_span *slab = hk_pool_slab_make(shard, c);

	if (slab == NULL)
		return NULL;
	make_hard(slab);
	hk_pool_list_append(bin, slab);
	bin->empty++;
	return slab;
}

/* Locks the bin. */
static struct hk_pool_bin *bin_with_slab(unsigned shard, unsigned c, struct hk_span **ret_slab)
{
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);

	*ret_slab = find_slab(bin);
	if (HK_LIKELY(*ret_slab != NULL))
		return bin;
	hk_bin_unlock(shard, c);
	hk_purge_before_fresh(HK_SLAB_BYTES);
	bin = hk_bin_lock(shard, c);
	*ret_slab = find_slab(bin);
	if (*ret_slab == NULL)
		*ret_slab = new_slab(bin, shard, c);
	return bin;
}

void *hk_pool_hard_take(unsigned shard, unsigned c)
{
	size_t size = hk_classes[c].size;
	struct hk_span *slab;
	struct hk_pool_bin *bin = bin_with_slab(shard, c, &slab);
	bool whole = true;
	char *p = NULL;

	if (HK_LIKELY(slab != NULL)) {
		if (hk_slab_is_empty(slab))
			bin->empty--;
		p = take_block(slab, size);
		whole = *last_word(p, size) == 0;
		hk_harden_take(p, size);
	}
	hk_bin_unlock(shard, c);
	if (p != NULL && (!whole || !hk_filled(p, size - sizeof(hk_word), 0)))
		hk_fatal("write after free", p);
	HK_SHARD_ADD(shard, slab_bytes_out, p != NULL ? size : 0);
	return p;
}

bool hk_pool_hard_unsealed(const void *p)
{
	struct hk_span *slab = hk_slab_of(p);
	unsigned shard = slab->shard, c = slab->class_number;
	size_t i = hk_pool_block_index(slab, p);
	bool unsealed;

	if (i == 0 || (__atomic_load_n(&slab->bits[i / 64], __ATOMIC_RELAXED) >> (i % 64) & 1) != 0)
		return false; /* block 0 never is anybody's */
	(void) hk_bin_lock(shard, c);
	unsealed = (slab->bits[i / 64] >> (i % 64) & 1) == 0 && *last_word(p, hk_classes[c].size) == 0;
	hk_bin_unlock(shard, c);
	return unsealed;
}

#define HK_CHECK_HARD 65536U /* blocks of a bin */

/* What is wrong with a block, or NULL. A free one is not to be met again by a handler of SIGABRT. */
static const char *look_at(struct hk_span *slab, size_t i, const char *(*look)(const void *p))
{
	size_t size = hk_classes[slab->class_number].size;
	const char *p = slab->base + i * size;
	uint64_t bit = (uint64_t) 1 << (i % 64);

	if ((slab->bits[i / 64] & bit) == 0)
		return look(p);
	if ((slab->purged >> (i * size / HK_PAGE) & 1) != 0 || hk_filled(p, size, 0))
		return NULL;
	slab->bits[i / 64] &= ~bit;
	slab->nfree--;
	if (slab->ahead == i)
		slab->ahead = 0;
	return "write after free";
}

static void *find_in_bin(const struct hk_pool_bin *bin, unsigned c, const char *(*look)(const void *p), const char **ret_fault)
{
	size_t n = 0;

	for (struct hk_span *slab = bin->tail; slab != NULL && n < HK_CHECK_HARD; slab = slab->prev)
		for (size_t i = 1; hk_slab_is_hard(slab) && i < slab->capacity; i++, n++) {
			*ret_fault = look_at(slab, i, look);
			if (*ret_fault != NULL)
				return slab->base + i * hk_classes[c].size;
		}
	return NULL;
}

void *hk_pool_hard_find(const char *(*look)(const void *p), const char **ret_fault)
{
	unsigned used = hk_shards_used();
	void *bad = NULL;

	for (unsigned s = 0; s < used && bad == NULL; s++)
		for (unsigned c = 1; c < HK_CLASSES && bad == NULL; c++) {
			bad = find_in_bin(hk_bin_lock(s, c), c, look, ret_fault);
			hk_bin_unlock(s, c);
		}
	return bad;
}
