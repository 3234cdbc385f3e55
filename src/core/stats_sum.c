/* SPDX-License-Identifier: MIT
 *
 * The counters of all shards in one, for those who look.
 */
#include "core/stats.h"

#include <string.h>

static double rate(uint64_t misses, uint64_t all)
{
	return misses >= all ? 0.0 : 1.0 - (double) misses / (double) all;
}

/* Sums of counters that different threads add to at different times: a difference may dip below 0. */
static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void hk_stats_summarise(const struct hk_counters *counters, struct hk_summary *ret)
{
	uint64_t out = 0, in = 0, cached = 0, slab = 0, held;

	memset(ret, 0, sizeof(*ret));
	for (size_t s = 0; s < HK_SHARDS_MAX; s++) {
		const struct hk_shard_counters *row = &counters->shard[s];

		in += row->slab_bytes_in; /* before what left, which comes first there */
		out += row->slab_bytes_out;
		cached += row->cache_bytes;
		slab += row->slab_bytes;
		ret->tiny_allocs += row->tiny_allocs;
		ret->tiny_refills += row->tiny_refills;
		ret->medium_allocs += row->medium_allocs;
		ret->medium_refills += row->medium_refills;
	}
	held = minus(out, in);
	ret->large_allocs = counters->large_allocs;
	ret->large_frees = counters->large_frees;
	ret->large_live_bytes = counters->large_live_bytes;
	ret->live_bytes = minus(held, cached) + counters->large_live_bytes;
	ret->bigcache_bytes = counters->bigcache_bytes;
	ret->dirty_bytes = counters->dirty_bytes;
	ret->cached_bytes = cached + ret->bigcache_bytes + ret->dirty_bytes;
	ret->metadata_bytes = counters->metadata_bytes;
	ret->mapped_bytes = counters->mapped_bytes;
	ret->slab_bytes = slab;
	ret->slab_free_bytes = minus(slab, held);
	ret->bigcache_hits = counters->bigcache_hits;
	ret->bigcache_misses = counters->bigcache_misses;
	ret->tinypool_hit_rate = rate(ret->tiny_refills, ret->tiny_allocs);
	ret->medium_hit_rate = rate(ret->medium_refills, ret->medium_allocs);
	ret->bigcache_hit_rate = rate(ret->bigcache_misses, ret->bigcache_hits + ret->bigcache_misses);
}
