/* SPDX-License-Identifier: MIT */
#include "core/ebb.h"

#include "base/lock.h"
#include "core/knobs.h"
#include "core/pageheap.h"
#include "core/stats.h"

static struct {
	struct hk_lock lock; /* only ever tried */
	struct hk_ebb ebb;
	_Atomic bool driven;
} own;

void hk_ebb_driven(void)
{
	atomic_store_explicit(&own.driven, true, memory_order_relaxed);
}

void hk_ebb_alone(void)
{
	hk_lock_reset(&own.lock);
	atomic_store_explicit(&own.driven, false, memory_order_relaxed);
}

bool hk_ebb_watches(void)
{
	return !atomic_load_explicit(&own.driven, memory_order_relaxed) && HK_KNOB(free_policy) == HK_FREE_ADAPTIVE;
}

uint64_t hk_ebb_used(void)
{
	uint64_t cached = HK_STAT_GET(bigcache_bytes), charged = hk_pageheap_used(); /* with what BigCache holds */

	return charged - hk_min(cached, charged);
}

bool hk_ebb_over(uint64_t now_ns)
{
	bool over;

	if (!hk_ebb_watches() || hk_lock_forking() || !hk_lock_try(&own.lock))
		return false;
	over = hk_ebb_turn(&own.ebb, now_ns, hk_ebb_used(), HK_STAT_GET(dirty_bytes) + HK_STAT_GET(bigcache_bytes),
	                   HK_KNOB(purge_delay_ns));
	hk_lock_drop(&own.lock);
	return over;
}
