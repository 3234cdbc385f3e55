/* SPDX-License-Identifier: MIT
 *
 * The life of thread caches: the first call of the process and of each thread, thread exit, exit, fork.
 */
#include "core/heap_int.h"

#include "base/lock.h"
#include "core/guard.h"
#include "core/harden.h"
#include "core/hk.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/meta.h"
#include "core/pageheap.h"
#include "core/purge.h"
#include "core/sample.h"
#include "core/stats.h"

#include <pthread.h>

__thread struct hk_heap hk_heap;

static struct {
	struct hk_lock lock;      /* of first initialisation, and of threads that come and go */
	_Atomic uint32_t ready;
	uint32_t threads;         /* live */
	pthread_key_t key;
	bool has_key;
} process;

static void thread_ends(void *unused)
{
	(void) unused;
	hk_thread_exit();
}

/* First allocation of the process: tables, shards, and the handlers that libc keeps for us. */
static void process_init(void)
{
	bool first;

	if (HK_LIKELY(atomic_load_explicit(&process.ready, memory_order_acquire) != 0))
		return;
	hk_lock_take(&process.lock);
	first = atomic_load_explicit(&process.ready, memory_order_relaxed) == 0;
	if (first) {
		hk_sizeclass_init();
		hk_pool_init();
		hk_pageheap_init();
		process.has_key = pthread_key_create(&process.key, thread_ends) == 0; /* does not allocate */
		atomic_store_explicit(&process.ready, 1, memory_order_release);
	}
	hk_lock_drop(&process.lock);
	if (first) /* may allocate where many handlers are registered already: we are ready */
		(void) pthread_atfork(hk_fork_prepare, hk_fork_parent, hk_fork_child);
}

/* A thread comes (1) or goes (−1). */
static void count_thread(struct hk_heap *heap, int change)
{
	hk_lock_take(&process.lock);
	process.threads += (uint32_t) change;
	hk_lists_share(process.threads);
	if (change > 0)
		heap->shard = hk_pool_join();
	else
		hk_pool_leave(heap->shard);
	hk_lock_drop(&process.lock);
	HK_STAT_ADD(threads, (uint64_t) change);
}

static HK_COLD void heap_setup(struct hk_heap *heap)
{
	heap->state = HK_HEAP_SETTING_UP;
	process_init();
	count_thread(heap, 1);
	heap->state = HK_HEAP_LIVE;
	hk_lists_follow_knobs(heap);
	/* The key's value only has to be non-NULL for the destructor to run. May allocate: we are live. */
	if (process.has_key)
		(void) pthread_setspecific(process.key, heap);
}

struct hk_heap *hk_heap_ready(void)
{
	struct hk_heap *heap = &hk_heap;

	if (HK_UNLIKELY(heap->state == HK_HEAP_NEW))
		heap_setup(heap);
	return heap;
}

void hk_thread_exit(void)
{
	struct hk_heap *heap = &hk_heap;

	if (heap->state != HK_HEAP_LIVE)
		return;
	heap->state = HK_HEAP_DEAD;
	hk_heap_flush(heap);
	hk_lists_follow_knobs(heap); /* not live any more: no room from now on */
	count_thread(heap, -1);
}

/* What was freed twice is found when it is given back the second time: at the end, all of it. And what was written beyond
   its end, or after its end, is found where it hit free memory. */
void hk_finish(void)
{
	if (hk_heap.state != HK_HEAP_LIVE || HK_KNOB(security) == HK_SECURITY_OFF)
		return;
	hk_heap_flush(&hk_heap);
	hk_pool_check();
	hk_pool_trim();
}

/* ---- fork ---- */

/* Of a process with one thread a signal handler may fork in the midst of malloc, as those do that call a debugger: what is
   locked then is locked by the caller itself, who goes on with it in parent and child. */
void hk_fork_prepare(void)
{
	if (hk_single_threaded())
		hk_lock_fork_begin();
	hk_lock_take(hk_purge_gate_lock());
	hk_lock_take(hk_purge_step_lock());
	hk_lock_take(&process.lock);
	hk_lock_take(hk_harden_lock());
	hk_lock_take(hk_guard_lock());
	hk_lock_take(hk_sample_lock());
	hk_pool_fork_lock();
	hk_lock_take(hk_large_lock());
	hk_lock_take(hk_meta_lock());
	hk_lock_take(hk_pageheap_lock());
	hk_lock_fork_begin();
}

static void fork_unlock(void)
{
	hk_lock_reset(hk_meta_lock());
	hk_lock_reset(hk_pageheap_lock());
	hk_lock_reset(hk_large_lock());
	hk_pool_fork_unlock();
	hk_lock_reset(hk_sample_lock());
	hk_lock_reset(hk_guard_lock());
	hk_lock_reset(hk_harden_lock());
	hk_lock_reset(&process.lock);
	hk_lock_reset(hk_purge_step_lock());
	/* Before the lock that the next forker waits for: it names itself the owner as soon as it has it. */
	hk_lock_fork_end();
	hk_lock_reset(hk_purge_gate_lock());
}

void hk_fork_parent(void)
{
	fork_unlock();
}

/* The other threads are gone; what their caches held stays out of use in the child. */
void hk_fork_child(void)
{
	void (*handler)(void);

	fork_unlock();
	hk_purge_alone();
	handler = atomic_load_explicit(&hk_hooks.on_fork_child, memory_order_acquire);
	if (handler != NULL)
		handler();
	process.threads = hk_heap.state == HK_HEAP_LIVE;
	hk_lists_share(process.threads);
	hk_pool_alone(hk_heap.state == HK_HEAP_LIVE, hk_heap.shard);
	atomic_store_explicit(&hk_counters->threads, process.threads, memory_order_relaxed);
}
