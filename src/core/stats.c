/* SPDX-License-Identifier: MIT
 *
 * Where the counters are.
 */
#include "core/stats.h"

#include "base/sys.h"

#include <string.h>

static struct hk_counters private_counters;
_Atomic uint64_t hk_guard_warm_bytes;
struct hk_counters *hk_counters = &private_counters;

void hk_stats_place(struct hk_counters *where)
{
	memcpy(where, hk_counters, sizeof(*where));
	hk_counters = where;
}

void hk_stats_publish(void)
{
	atomic_store_explicit(&hk_counters->sys_mmap, hk_sys_counts.mmap, memory_order_relaxed);
	atomic_store_explicit(&hk_counters->sys_munmap, hk_sys_counts.munmap, memory_order_relaxed);
	atomic_store_explicit(&hk_counters->sys_madvise, hk_sys_counts.madvise, memory_order_relaxed);
	atomic_store_explicit(&hk_counters->sys_mremap, hk_sys_counts.mremap, memory_order_relaxed);
}
