/* SPDX-License-Identifier: MIT */
#include "core/ebb.h"

#include "base/lock.h"
#include "core/knobs.h"
#include "core/pageheap.h"
#include "core/stats.h"

#define HK_WAIT_MAX 64U /* times purge_delay */

static struct {
	struct hk_lock lock; /* only ever tried */
	struct hk_ebb ebb;
	_Atomic bool driven;
} own;

/* The first fall after a rise: is it the end of a burst that came alone? */
static void fall(struct hk_ebb *ebb, uint64_t now_ns, uint64_t delay_ns)
{
	ebb->falling = true;
	ebb->granted = now_ns - ebb->fell_ns >= hk_max(delay_ns, ebb->wait_ns);
	ebb->fell_ns = now_ns;
}

/* The first rise after a fall: was it right to give back? */
static void rise(struct hk_ebb *ebb, uint64_t now_ns, uint64_t delay_ns)
{
	ebb->falling = false;
	if (ebb->granted)
		ebb->wait_ns = now_ns - ebb->fell_ns >= delay_ns ? 0 : hk_min(2 * hk_max(ebb->wait_ns, delay_ns), HK_WAIT_MAX * delay_ns);
	ebb->granted = false;
}

bool hk_ebb_turn(struct hk_ebb *ebb, uint64_t now_ns, uint64_t used, uint64_t warm, uint64_t delay_ns)
{
	bool over;

	if (ebb->fell_ns == 0)
		ebb->fell_ns = now_ns;
	if (!ebb->falling) {
		ebb->mark = hk_max(ebb->mark, used);
		if (ebb->mark < HK_EBB_LEAST || used > ebb->mark / 2)
			return false;
		fall(ebb, now_ns, delay_ns);
	} else if (used >= ebb->mark + HK_EBB_LEAST) {
		rise(ebb, now_ns, delay_ns);
	}
	ebb->mark = ebb->falling ? hk_min(ebb->mark, used) : used;
	over = ebb->granted && warm >= HK_EBB_LEAST && warm >= used;
	if (over)
		ebb->fell_ns = now_ns;
	return over;
}

void hk_ebb_driven(void)
{
	atomic_store_explicit(&own.driven, true, memory_order_relaxed);
}

void hk_ebb_alone(void)
{
	hk_lock_reset(&own.lock);
	atomic_store_explicit(&own.driven, false, memory_order_relaxed);
}

bool hk_ebb_over(uint64_t now_ns)
{
	uint64_t cached = HK_STAT_GET(bigcache_bytes), charged = hk_pageheap_used(); /* with what BigCache holds */
	bool over;

	if (atomic_load_explicit(&own.driven, memory_order_relaxed) || HK_KNOB(free_policy) != HK_FREE_ADAPTIVE ||
	    atomic_load_explicit(&hk_hooks.on_large, memory_order_relaxed) != NULL || hk_lock_forking() ||
	    !hk_lock_try(&own.lock))
		return false;
	over = hk_ebb_turn(&own.ebb, now_ns, charged - hk_min(cached, charged), HK_STAT_GET(dirty_bytes) + cached,
	                   HK_KNOB(purge_delay_ns));
	hk_lock_drop(&own.lock);
	return over;
}
