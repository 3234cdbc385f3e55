/* SPDX-License-Identifier: MIT
 *
 * Counters. Each process has one struct hk_counters, in its slot of the control block if there is
 * one, else private; both fork and hakmemctl from outside rely on its being plain data. Threads
 * add to the row of their shard with relaxed atomics, on slow paths only; readers sum the rows, so a
 * total may lag by what thread caches have not yet reported.
 */
#ifndef HK_CORE_STATS_H
#define HK_CORE_STATS_H

#include "base/counter.h"

#include <stdatomic.h>

#define HK_SHARDS_MAX 64
#define HK_SIZE_BANDS 16 /* of large blocks: up to 64 KiB, 128 KiB, … 1 GiB, and all above */

/* One shard's share: two cache lines of its own. */
struct hk_shard_counters {
	_Atomic uint64_t tiny_allocs;    /* blocks ≤ 1 KiB handed out, as reported by thread caches */
	_Atomic uint64_t tiny_refills;   /* … for which the cache had to go to the pool */
	_Atomic uint64_t medium_allocs, medium_refills;
	_Atomic uint64_t flushes;        /* batches returned to slabs */
	_Atomic uint64_t slab_bytes_out; /* bytes of blocks that left slabs (to programs and caches), … */
	_Atomic uint64_t slab_bytes_in;  /* … and came back; out − in is live + cached */
	_Atomic uint64_t slabs_made, slabs_freed;
	_Atomic uint64_t slab_bytes;     /* address space of the slabs that exist now (wraps: add/sub) */
	_Atomic uint64_t cache_bytes;    /* free blocks in thread caches, as last reported (wraps) */
	uint64_t reserved[5];
} HK_ALIGNED(HK_CACHE_LINE);

/* The rows last: of most processes only the first is ever touched. */
struct hk_counters {
	/* Large blocks (> HK_MEDIUM_MAX), and guarded ones of any size. */
	_Atomic uint64_t large_allocs, large_frees;
	_Atomic uint64_t large_live_bytes, large_live_blocks;
	_Atomic uint64_t large_sizes[HK_SIZE_BANDS]; /* allocations by size band */
	_Atomic uint64_t bigcache_hits, bigcache_misses, bigcache_bytes, bigcache_blocks;
	/* Memory from the system. */
	_Atomic uint64_t mapped_bytes;   /* address space of arenas and direct mappings */
	_Atomic uint64_t free_run_bytes; /* free runs of arenas, clean or dirty */
	_Atomic uint64_t dirty_bytes;    /* … of these, bytes that may be resident */
	_Atomic uint64_t metadata_bytes; /* mapped for the allocator's own structures */
	_Atomic uint64_t purged_bytes, purge_batches, purge_ranges, purge_ns;
	_Atomic uint64_t trims, soft_limit_hits, hard_limit_hits, enomem;
	_Atomic uint64_t pressure_trims; /* trims because the host or the memory group had little room left */
	_Atomic uint64_t threads;        /* thread caches alive */
	_Atomic uint64_t mappings;       /* direct mappings + arenas: about the VMAs we cause */
	_Atomic uint64_t sys_mmap, sys_munmap, sys_madvise, sys_mremap; /* copied from base at publish */
	_Atomic uint64_t windows;        /* engine windows closed */
	_Atomic uint64_t samples;        /* allocations that were guarded (security = sampled) */
	struct hk_shard_counters shard[HK_SHARDS_MAX];
};

/* The counters of this process; never NULL. Moved at start-up, when the block exists, and in the child of a fork, with no other
   thread of ours. */
extern struct hk_counters *hk_counters;
void hk_stats_place(struct hk_counters *where); /* copies what was counted so far; start-up or atfork child only */

/* A readable summary, in bytes and counts. */
struct hk_summary {
	uint64_t live_bytes;     /* allocated by the program (thread caches subtracted as far as known) */
	uint64_t cached_bytes;   /* thread caches, BigCache, dirty free runs */
	uint64_t metadata_bytes, mapped_bytes, dirty_bytes, bigcache_bytes, slab_bytes;
	uint64_t slab_free_bytes; /* of slabs, not handed out: free blocks, and room for more that may never have been touched */
	uint64_t tiny_allocs, tiny_refills, medium_allocs, medium_refills, large_allocs, large_frees;
	uint64_t large_live_bytes, bigcache_hits, bigcache_misses;
	double tinypool_hit_rate, medium_hit_rate, bigcache_hit_rate; /* 0 to 1; 0 when nothing was asked */
};
/* Pure: works on a copy read from another process too. */
void hk_stats_summarise(const struct hk_counters *counters, struct hk_summary *ret);
/* Refresh the copied fields (system call counts) of hk_counters. */
void hk_stats_publish(void);

#define HK_STAT_ADD(field, n) hk_counter_add(&hk_counters->field, (n))
#define HK_STAT_SUB(field, n) hk_counter_add(&hk_counters->field, (uint64_t) 0 - (n))
#define HK_SHARD_ADD(s, field, n) hk_counter_add(&hk_counters->shard[s].field, (n))
#define HK_STAT_GET(field) atomic_load_explicit(&hk_counters->field, memory_order_relaxed)

/* Bytes that freed guarded blocks keep (guard.c); changes under its lock. */
extern _Atomic uint64_t hk_guard_warm_bytes;

/* Bytes of free memory that may be resident and are not charged to hard_limit, outside of slabs and thread caches. */
HK_INLINE uint64_t hk_stats_uncharged(void)
{
	return HK_STAT_GET(dirty_bytes) + atomic_load_explicit(&hk_guard_warm_bytes, memory_order_relaxed);
}

/* The same, and what BigCache holds. */
HK_INLINE uint64_t hk_stats_warm(void)
{
	return hk_stats_uncharged() + HK_STAT_GET(bigcache_bytes);
}

#endif
