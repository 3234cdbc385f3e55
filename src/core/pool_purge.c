/* SPDX-License-Identifier: MIT
 *
 * What the pool gives up with time or on demand: batches that nobody asks for, empty slabs kept in reserve, and the
 * pages inside slabs on which no block is in use. A slab has no free lists in its memory, so such pages can be purged
 * while their blocks stay free. No lock is held during the system calls: the slab is out of its list meanwhile.
 */
#include "core/pool_int.h"

#include "base/sys.h"
#include "core/knobs.h"
#include "core/purge.h"

/* ---- batches and reserves go back ---- */

/* Batches of a bin return to their slabs; only those of a bin where none was asked for, unless all. */
static void return_batches(unsigned shard, unsigned c, bool all)
{
	struct hk_chain batch[HK_BATCHES];
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);
	unsigned n = 0;

	if (all || !bin->asked)
		while (bin->nbatch > 0)
			batch[n++] = hk_pool_take_batch(bin);
	bin->asked = false;
	hk_bin_unlock(shard, c);
	while (n-- > 0) {
		HK_SHARD_ADD(shard, slab_bytes_out, batch[n].length * hk_classes[c].size);
		(void) hk_pool_give(c, batch[n].head);
	}
}

static void return_reserve(unsigned shard, unsigned c)
{
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);

	for (struct hk_span *slab = bin->head, *next; slab != NULL && bin->empty > 0; slab = next) {
		next = slab->next;
		if (hk_slab_is_empty(slab)) {
			hk_pool_list_remove(bin, slab);
			hk_pool_slab_destroy(slab);
			bin->empty--;
		}
	}
	hk_bin_unlock(shard, c);
}

void hk_pool_age(void)
{
	unsigned used = hk_shards_used();

	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			return_batches(s, c, false);
}

void hk_pool_trim(void)
{
	unsigned used = hk_shards_used();

	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			return_batches(s, c, true);
	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			return_reserve(s, c);
}

/* ---- purging inside slabs ---- */

/* Are all blocks free that lie, or lay before the slab was carved so far, in [from, to) of the slab? */
static bool range_is_free(const struct hk_span *slab, size_t from, size_t to)
{
	const struct hk_class_info *info = &hk_classes[slab->class_number];
	size_t i = (size_t) ((from * info->inverse) >> 42);
	size_t end = hk_min((size_t) (((to - 1) * info->inverse) >> 42) + 1, slab->carved);

	for (; i < end; i++)
		if ((slab->bits[i / 64] >> (i % 64) & 1) == 0)
			return false;
	return true;
}

/* Where the kernel's pages are larger: those of them of which each part is free. */
static unsigned whole_pages(unsigned mask, unsigned purged)
{
	size_t parts = hk_min(hk_sys_page(), HK_SLAB_BYTES) / HK_PAGE;
	unsigned whole = 0;

	for (size_t u = 0; parts > 1 && u < HK_SLAB_BYTES / HK_PAGE; u += parts) {
		unsigned bits = ((1U << parts) - 1) << u;

		if ((mask & bits) != 0 && ((mask | purged) & bits) == bits)
			whole |= bits;
	}
	return parts > 1 ? whole : mask;
}

/* Pages of the slab that hold no block in use and may be resident: those that were handed out once, and where huge pages
   come in, all. */
static uint16_t purgeable(const struct hk_span *slab)
{
	size_t touched = (size_t) slab->carved * hk_classes[slab->class_number].size;
	unsigned mask = 0;

	if (HK_KNOB(thp) != HK_THP_OFF || hk_sys_page() != HK_PAGE)
		touched = HK_SLAB_BYTES;
	for (size_t u = 0; u * HK_PAGE < touched; u++)
		if ((slab->purged >> u & 1) == 0 && range_is_free(slab, u * HK_PAGE, (u + 1) * HK_PAGE))
			mask |= 1U << u;
	return (uint16_t) whole_pages(mask, slab->purged);
}

#define HK_HELD_MAX 16U /* slabs purged at a time: up to 8 ranges each */
#define HK_LOOK_MAX 256U /* … and looked at under one hold of the lock */
struct held {
	struct hk_span *slab;
	uint16_t mask;
};

/* Is it worth a closer look? Not if it was looked at before and nothing came back since. */
static bool may_be_purged(const struct hk_span *slab, bool all)
{
	return (all || slab->age == HK_SLAB_RESTED) && slab->age <= HK_SLAB_RESTED &&
	       slab->nfree * hk_classes[slab->class_number].size >= HK_PAGE;
}

/* Take rested slabs with purgeable pages out of the bin's list, from the cursor on. */
static size_t hold(struct hk_pool_bin *bin, struct held *held, bool all)
{
	struct hk_span *slab;
	size_t n = 0;

	for (unsigned looked = 0; n < HK_HELD_MAX && looked < HK_LOOK_MAX; looked++) {
		slab = atomic_load_explicit(&hk_pool_cursor, memory_order_relaxed);
		if (slab == NULL)
			break;
		atomic_store_explicit(&hk_pool_cursor, slab->next, memory_order_relaxed);
		if (!may_be_purged(slab, all))
			continue;
		slab->age = HK_SLAB_RESTED + 1;
		held[n].mask = purgeable(slab);
		if (held[n].mask == 0)
			continue;
		if (hk_slab_is_empty(slab))
			bin->empty--;
		hk_pool_list_remove(bin, slab);
		slab->listed = HK_HELD;
		held[n++].slab = slab;
	}
	return n;
}

static size_t ranges_of(const struct held *held, struct iovec *ranges)
{
	size_t n = 0;

	for (size_t u = 0; u < 16; u++) {
		if ((held->mask >> u & 1) == 0)
			continue;
		if (u > 0 && (held->mask >> (u - 1) & 1) != 0)
			ranges[n - 1].iov_len += HK_PAGE;
		else
			ranges[n++] = (struct iovec){held->slab->base + u * HK_PAGE, HK_PAGE};
	}
	return n;
}

static uint64_t purge_held(const struct held *held, size_t n)
{
	struct iovec ranges[8 * HK_HELD_MAX];
	bool ok[8 * HK_HELD_MAX];
	uint64_t bytes = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ranges_of(&held[i], ranges + count);
	hk_sys_purge_vec(ranges, count, ok);
	for (size_t r = 0; r < count; r++)
		bytes += ok[r] ? ranges[r].iov_len : 0;
	return bytes;
}

/* Put what was held back into the list: blocks may have come back meanwhile. */
static void release(struct hk_pool_bin *bin, const struct held *held, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hk_span *slab = held[i].slab;

		slab->purged |= held[i].mask;
		hk_pool_list_append(bin, slab);
		if (hk_slab_is_empty(slab))
			hk_pool_slab_emptied(bin, slab);
	}
}

/* Some slabs of the bin, from the cursor on. Fork waits for this much at most. */
static uint64_t purge_some(unsigned shard, unsigned c, bool all)
{
	struct held held[HK_HELD_MAX];
	struct hk_pool_bin *bin;
	uint64_t bytes = 0;
	size_t n;

	hk_purge_step_begin();
	bin = hk_bin_lock(shard, c);
	n = hold(bin, held, all);
	if (n > 0) {
		hk_bin_unlock(shard, c);
		bytes = purge_held(held, n);
		(void) hk_bin_lock(shard, c);
		release(bin, held, n);
	}
	hk_bin_unlock(shard, c);
	hk_purge_step_end();
	return bytes;
}

/* Every slab that is in the list now is looked at once; what joins meanwhile may wait. */
static uint64_t purge_bin(unsigned shard, unsigned c, bool all)
{
	struct hk_pool_bin *bin = hk_bin_lock(shard, c);
	uint64_t bytes = 0;
	size_t left = 0;

	for (struct hk_span *slab = bin->head; slab != NULL; slab = slab->next, left++)
		slab->age = (uint8_t) (slab->age + (slab->age < HK_SLAB_RESTED));
	atomic_store_explicit(&hk_pool_cursor, bin->head, memory_order_relaxed);
	hk_bin_unlock(shard, c);
	for (; left > 0; left -= hk_min(left, HK_HELD_MAX)) {
		bytes += purge_some(shard, c, all);
		if (atomic_load_explicit(&hk_pool_cursor, memory_order_relaxed) == NULL)
			break;
	}
	return bytes;
}

bool hk_pool_waiting(void)
{
	return atomic_load_explicit(&hk_pool_stirred, memory_order_relaxed) > 0;
}

uint64_t hk_pool_purge(bool all)
{
	unsigned used = hk_shards_used();
	uint32_t stirred = atomic_load_explicit(&hk_pool_stirred, memory_order_relaxed);
	uint64_t bytes = 0;

	if (stirred > 0)
		atomic_store_explicit(&hk_pool_stirred, stirred - 1, memory_order_relaxed);
	for (unsigned s = 0; s < used; s++)
		for (unsigned c = 1; c < HK_CLASSES; c++)
			bytes += purge_bin(s, c, all);
	return bytes;
}
