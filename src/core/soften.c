/* SPDX-License-Identifier: MIT
 *
 * Free memory that the kernel may take when it needs it (MADV_FREE): under pressure, instead of a purge.
 */
#include "base/lock.h"
#include "base/sys.h"
#include "core/large.h"
#include "core/pageheap.h"
#include "core/purge.h"

#define HK_SOFTEN_CAP 64U /* runs out of the page heap at a time */

/* One batch of runs freed up to now: the kernel may take them. They go back a moment younger, so as not to be met again
   in this pass. */
static bool soften_batch(uint64_t now)
{
	struct hk_purge_run runs[HK_SOFTEN_CAP];
	size_t n;

	hk_purge_step_begin();
	n = hk_pageheap_purge_take(now, 1, runs, HK_SOFTEN_CAP);
	for (size_t i = 0; i < n; i++) {
		runs[i].clean = false;
		(void) hk_sys_soften(runs[i].range.iov_base, runs[i].range.iov_len);
	}
	if (n > 0)
		hk_pageheap_purge_done(runs, n, now + 1);
	hk_purge_step_end();
	return n > 0;
}

/* What is kept warm must not make others starve: it stays, but the kernel takes it before anybody is killed. */
void hk_purge_soften(void)
{
	static uint64_t softened_ns; /* stamp that the last one left; under the lock */
	uint64_t now;

	if (hk_lock_forking() || !hk_lock_try(hk_purge_lock()))
		return;
	/* The clock is coarse: a second pass in one tick of it must meet the runs of the first. */
	now = hk_max(hk_sys_now_ns(), softened_ns + 1);
	softened_ns = now + 1;
	hk_purge_step_begin();
	hk_bigcache_soften();
	hk_purge_step_end();
	while (soften_batch(now))
		;
	hk_lock_drop(hk_purge_lock());
}
