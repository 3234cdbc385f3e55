/* SPDX-License-Identifier: MIT
 *
 * Purging by policy. One lock makes one purge at a time of them: it is only ever tried, except by a purge of everything.
 * It may be held for a long time, so nobody else waits for it, fork least of all. A second one is held for each step,
 * that is, while some free memory is out of its place for one system call. No program error may be found under the first
 * one, since a handler of SIGABRT may allocate: blocks return to their slabs outside of it.
 */
#include "core/purge.h"

#include "base/lock.h"
#include "base/sys.h"
#include "core/ebb.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/pageheap.h"
#include "core/pool.h"
#include "core/pressure.h"
#include "core/stats.h"

#define HK_BATCH_CAP 64U            /* ranges collected on the stack at a time */
#define HK_BATCH_MIN_GRANULES 8U    /* free_policy = batch: shorter runs (< 128 KiB) age instead */
#define HK_BATCH_BYTES_MAX (64 * HK_MIB)
#define HK_TICK_MIN_NS 10000000U    /* 10 ms between ticks at least */
#define HK_SOFT_PAUSE_NS 100000000U /* 100 ms between trims for soft_limit, … */
#define HK_SOFT_PART 8U             /* … unless so large a part of it has become free since, … */
#define HK_SOFT_LEAST (4 * HK_MIB)  /* … and at least so much: who frees a lot may not allocate again for a long time */

static struct {
	struct hk_lock lock, gate, step;
	_Atomic uint64_t last_tick, last_soft;
	_Atomic uint64_t soft_left; /* what the last trim for soft_limit could not give back */
	_Atomic uint32_t pending; /* large frees since the last full batch */
	_Atomic uint64_t largest; /* block freed so far, up to HK_BATCH_BYTES_MAX ÷ 2 */
} purge;

struct hk_lock *hk_purge_gate_lock(void)
{
	return &purge.gate;
}

struct hk_lock *hk_purge_lock(void)
{
	return &purge.lock;
}

struct hk_lock *hk_purge_step_lock(void)
{
	return &purge.step;
}

/* Who waits for the end of this step holds the gate, and comes before the next one. */
void hk_purge_step_begin(void)
{
	hk_lock_take(&purge.gate);
	hk_lock_take(&purge.step);
	hk_lock_drop(&purge.gate);
}

void hk_purge_step_end(void)
{
	hk_lock_drop(&purge.step);
}

void hk_purge_alone(void)
{
	hk_lock_reset(&purge.lock);
	hk_ebb_alone();
	hk_pressure_alone();
}

static uint64_t waiting(void)
{
	return hk_stats_warm() + (hk_pool_waiting() ? HK_PAGE : 0);
}

/* The system calls for runs that are out of the page heap. True if any went back. */
static bool purge_taken(struct hk_purge_run *runs, size_t n, uint64_t *bytes)
{
	struct iovec ranges[HK_BATCH_CAP];
	uint64_t start, sum = 0;
	bool ok[HK_BATCH_CAP], any = false;

	for (size_t i = 0; i < n; i++)
		ranges[i] = runs[i].range;
	start = hk_sys_precise_ns();
	hk_sys_purge_vec(ranges, n, ok);
	for (size_t i = 0; i < n; i++) {
		runs[i].clean = ok[i];
		any |= ok[i];
		sum += ok[i] ? ranges[i].iov_len : 0;
	}
	HK_STAT_ADD(purge_ns, hk_sys_precise_ns() - start);
	HK_STAT_ADD(purged_bytes, sum);
	HK_STAT_ADD(purge_batches, 1);
	HK_STAT_ADD(purge_ranges, n);
	*bytes += sum;
	return any;
}

/* One batch: taken out of the page heap, purged, given back clean. */
static bool purge_batch(uint64_t before_ns, size_t min_granules, size_t max, uint64_t *bytes)
{
	struct hk_purge_run runs[HK_BATCH_CAP];
	bool any = false;
	size_t n;

	hk_purge_step_begin();
	n = hk_pageheap_purge_take(before_ns, min_granules, runs, hk_min(max, HK_BATCH_CAP));
	if (n > 0) {
		any = purge_taken(runs, n, bytes);
		hk_pageheap_purge_done(runs, n, hk_sys_now_ns());
	}
	hk_purge_step_end();
	return any; /* nothing went back: do not come round to the same runs again */
}

uint64_t hk_purge_runs(uint64_t before_ns, size_t min_granules)
{
	size_t max = HK_KNOB(batch) ? HK_KNOB(batch_max) : 1;
	uint64_t bytes = 0;

	while (purge_batch(before_ns, min_granules, max, &bytes))
		;
	return bytes;
}

uint64_t hk_purge_ticked_ns(void)
{
	return atomic_load_explicit(&purge.last_tick, memory_order_relaxed);
}

uint64_t hk_purge_tick(void)
{
	uint64_t now = hk_sys_now_ns(), delay = HK_KNOB(purge_delay_ns), before;

	if (HK_KNOB(free_policy) == HK_FREE_KEEP)
		return 0;
	if (waiting() == 0 || hk_lock_forking() || hk_lock_is_held(&purge.lock))
		return waiting();
	atomic_store_explicit(&purge.last_tick, now, memory_order_relaxed);
	hk_stats_publish();
	hk_pool_age();
	if (!hk_lock_try(&purge.lock))
		return waiting();
	delay /= hk_pressure_haste(now);
	before = now > delay ? now - delay : 0;
	(void) hk_bigcache_evict(before, SIZE_MAX);
	(void) hk_purge_runs(before, 1);
	HK_STAT_ADD(purged_bytes, hk_pool_purge(false));
	hk_lock_drop(&purge.lock);
	return waiting();
}

static void poll_at(uint64_t now)
{
	uint64_t last = atomic_load_explicit(&purge.last_tick, memory_order_relaxed);

	hk_purge_before(0);
	if (HK_UNLIKELY(hk_ebb_over(now)))
		hk_purge_at_once();
	if (HK_UNLIKELY(hk_stats_warm() >= HK_WARM_MIN) && hk_pressure_after() &&
	    HK_KNOB(free_policy) != HK_FREE_KEEP)
		hk_purge_soften();
	if (now - last >= hk_max(HK_KNOB(purge_delay_ns) / 4, HK_TICK_MIN_NS))
		(void) hk_purge_tick();
}

void hk_purge_poll(void)
{
	if (HK_UNLIKELY(waiting() != 0))
		poll_at(hk_sys_now_ns());
}

/*
 * A batch is full when enough ranges are waiting (one, with batch = off), and twice the largest block freed so far: a
 * program that frees a block and allocates it again must not fault in every page each time. glibc's trim
 * threshold follows the program in the same way, up to the same 64 MiB.
 */
static bool batch_full(size_t size)
{
	uint32_t full = HK_KNOB(batch) ? HK_KNOB(batch_max) : 1;
	uint64_t largest = atomic_load_explicit(&purge.largest, memory_order_relaxed);

	if (size > largest) {
		largest = hk_min(size, HK_BATCH_BYTES_MAX / 2);
		atomic_store_explicit(&purge.largest, largest, memory_order_relaxed);
	}
	return atomic_fetch_add_explicit(&purge.pending, 1, memory_order_relaxed) + 1 >= full &&
	       HK_STAT_GET(dirty_bytes) > 2 * largest;
}

void hk_purge_after_free(size_t size, uint64_t now_ns)
{
	if (HK_UNLIKELY(HK_KNOB(purge_delay_ns) == 0) && HK_KNOB(free_policy) == HK_FREE_ADAPTIVE)
		hk_purge_at_once();
	if (HK_KNOB(free_policy) == HK_FREE_BATCH && batch_full(size) && !hk_lock_forking() &&
	    hk_lock_try(&purge.lock)) {
		atomic_store_explicit(&purge.pending, 0, memory_order_relaxed);
		(void) hk_purge_runs(UINT64_MAX, HK_BATCH_MIN_GRANULES);
		hk_lock_drop(&purge.lock);
	}
	poll_at(now_ns);
}

void hk_purge_before(size_t size)
{
	uint64_t limit = HK_KNOB(soft_limit), now, last, left;

	if (HK_LIKELY(limit == 0) || hk_pageheap_used() + hk_stats_uncharged() + size <= limit || waiting() == 0)
		return;
	now = hk_sys_now_ns();
	last = atomic_load_explicit(&purge.last_soft, memory_order_relaxed);
	left = atomic_load_explicit(&purge.soft_left, memory_order_relaxed);
	if ((now - last < HK_SOFT_PAUSE_NS && waiting() < left + hk_max(limit / HK_SOFT_PART, HK_SOFT_LEAST)) ||
	    !atomic_compare_exchange_strong_explicit(&purge.last_soft, &last, now, memory_order_relaxed,
	                                             memory_order_relaxed))
		return;
	HK_STAT_ADD(soft_limit_hits, 1);
	(void) hk_purge_all();
	atomic_store_explicit(&purge.soft_left, waiting(), memory_order_relaxed);
}

void hk_purge_before_fresh(size_t size)
{
	if (HK_KNOB(free_policy) != HK_FREE_KEEP && hk_pressure_before(size)) {
		HK_STAT_ADD(pressure_trims, 1);
		(void) hk_purge_all();
	}
}
