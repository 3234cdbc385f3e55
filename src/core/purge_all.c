/* SPDX-License-Identifier: MIT
 *
 * Purging everything: on demand, when a limit or the kernel refuses, at the end of a burst. No start runs this.
 */
#include "core/purge.h"

#include "base/lock.h"
#include "core/ebb.h"
#include "core/guard.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/pool.h"
#include "core/stats.h"

uint64_t hk_purge_drive(void)
{
	hk_ebb_driven();
	return hk_purge_tick();
}

uint64_t hk_purge_all(void)
{
	uint64_t direct = HK_STAT_GET(mapped_bytes), bytes, guarded;

	if (hk_lock_forking())
		return 0;
	hk_pool_trim();
	guarded = HK_KNOB(security) == HK_SECURITY_FULL ? hk_guard_trim() : 0;
	hk_lock_take(hk_purge_lock());
	(void) hk_bigcache_evict(UINT64_MAX, SIZE_MAX);
	bytes = guarded + hk_purge_runs(UINT64_MAX, 1);
	bytes += hk_pool_purge(true);
	hk_lock_drop(hk_purge_lock());
	HK_STAT_ADD(trims, 1);
	direct -= HK_STAT_GET(mapped_bytes);
	return bytes + (direct <= (uint64_t) INT64_MAX ? direct : 0); /* others may have mapped meanwhile */
}

uint64_t hk_purge_for_room(void)
{
	return hk_purge_all() + (hk_guard_any() && !hk_lock_forking() ? hk_guard_give_up() : 0);
}

void hk_purge_at_once(void)
{
	if (hk_lock_forking() || !hk_lock_try(hk_purge_lock()))
		return;
	(void) hk_bigcache_evict(UINT64_MAX, SIZE_MAX);
	(void) hk_purge_runs(UINT64_MAX, 1);
	hk_lock_drop(hk_purge_lock());
}
