/* SPDX-License-Identifier: MIT
 *
 * Which counters are of which kind.
 */
#include "control/tally.h"

#include "base/bits.h"

#include <stddef.h>

#define WORD sizeof(uint64_t)
#define AT(field) (offsetof(struct hk_counters, field) / WORD)
#define ROW_AT(field) (offsetof(struct hk_shard_counters, field) / WORD)

/* What a process has. */
static const uint16_t levels[] = {
        AT(large_live_bytes), AT(large_live_blocks), AT(bigcache_bytes), AT(bigcache_blocks), AT(mapped_bytes), AT(free_run_bytes),
        AT(dirty_bytes),      AT(metadata_bytes),    AT(threads),        AT(mappings),
};
static const uint16_t row_levels[] = {ROW_AT(slab_bytes), ROW_AT(cache_bytes)};

static bool is_level(const uint16_t *list, size_t n, size_t word)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == word)
			return true;
	return false;
}

static uint64_t get(const void *words, size_t i)
{
	return atomic_load_explicit((const _Atomic uint64_t *) words + i, memory_order_relaxed);
}

static void put(void *words, size_t i, uint64_t value)
{
	if (get(words, i) != value)
		atomic_store_explicit((_Atomic uint64_t *) words + i, value, memory_order_relaxed);
}

static void add(void *words, size_t i, uint64_t value)
{
	if (value != 0)
		atomic_fetch_add_explicit((_Atomic uint64_t *) words + i, value, memory_order_relaxed);
}

static void begin_row(struct hk_shard_counters *row)
{
	uint64_t out = get(row, ROW_AT(slab_bytes_out)), in = get(row, ROW_AT(slab_bytes_in));

	for (size_t i = 0; i < sizeof(*row) / WORD; i++)
		if (!is_level(row_levels, HK_COUNT(row_levels), i))
			put(row, i, 0);
	put(row, ROW_AT(slab_bytes_out), out - in); /* their difference is a level */
}

void hk_tally_begin(struct hk_counters *counters)
{
	for (size_t i = 0; i < AT(shard); i++)
		if (!is_level(levels, HK_COUNT(levels), i))
			put(counters, i, 0);
	for (size_t i = 0; i < HK_SHARDS_MAX; i++)
		begin_row(&counters->shard[i]);
}

void hk_tally_outlive(struct hk_counters *sum, const struct hk_counters *ended)
{
	for (size_t i = 0; i < AT(shard); i++)
		if (!is_level(levels, HK_COUNT(levels), i))
			add(sum, i, get(ended, i));
	for (size_t shard = 0; shard < HK_SHARDS_MAX; shard++) {
		const struct hk_shard_counters *row = &ended->shard[shard];

		for (size_t i = 0; i < sizeof(*row) / WORD; i++)
			if (!is_level(row_levels, HK_COUNT(row_levels), i) && i != ROW_AT(slab_bytes_in))
				add(&sum->shard[shard], i, get(row, i));
		/* All it had has come back. */
		add(&sum->shard[shard], ROW_AT(slab_bytes_in), get(row, ROW_AT(slab_bytes_out)));
	}
}
