/* SPDX-License-Identifier: MIT
 *
 * A four-byte lock: one compare-and-swap to take, one exchange to drop, a futex when contended.
 * While the process has one thread, plain loads and stores do. It never allocates and calls nothing in libc, so malloc may hold it. Locks are not recursive,
 * with one exception: from hk_lock_fork_begin() to hk_lock_fork_end() the forking thread holds
 * every lock that is waited for on normal paths and passes through them freely, so that an atfork handler of the
 * program may allocate even after ours took the locks. Others are only ever tried, after hk_lock_forking().
 */
#ifndef HK_BASE_LOCK_H
#define HK_BASE_LOCK_H

#include "base/counter.h"

#include <stdatomic.h>

/* 0 free, 1 held, 2 held and somebody waits. */
struct hk_lock {
	_Atomic uint32_t word;
};

/* Identity of the thread that forks right now (its thread pointer), or 0. */
extern _Atomic uintptr_t hk_lock_fork_owner;

void hk_lock_slow(struct hk_lock *lock);
void hk_unlock_slow(struct hk_lock *lock); /* dropped already: wake a waiter */
void hk_unlock_forking(struct hk_lock *lock);

/* Call with all of those locks held (but one, while the process has one thread); from here on this thread passes through them. */
void hk_lock_fork_begin(void);
/* Is the calling thread the one that forks? It then leaves alone what it would need a lock for that fork does not take. */
bool hk_lock_forking(void);
/* Ends that, in parent and child; all locks but the first must be reset before, the first right after. */
void hk_lock_fork_end(void);
/* Force the lock free and wake a waiter. For atfork handlers only. */
void hk_lock_reset(struct hk_lock *lock);

HK_INLINE bool hk_lock_try(struct hk_lock *lock)
{
	uint32_t expected = 0;

	if (hk_single_threaded()) {
		if (atomic_load_explicit(&lock->word, memory_order_relaxed) != 0)
			return false;
		atomic_store_explicit(&lock->word, 1, memory_order_relaxed);
		return true;
	}
	return atomic_compare_exchange_strong_explicit(&lock->word, &expected, 1, memory_order_acquire,
	                                               memory_order_relaxed);
}

/* By anybody, a moment ago. */
HK_INLINE bool hk_lock_is_held(struct hk_lock *lock)
{
	return atomic_load_explicit(&lock->word, memory_order_relaxed) != 0;
}

HK_INLINE void hk_lock_take(struct hk_lock *lock)
{
	if (HK_UNLIKELY(!hk_lock_try(lock)))
		hk_lock_slow(lock);
}

HK_INLINE void hk_lock_drop(struct hk_lock *lock)
{
	if (HK_UNLIKELY(atomic_load_explicit(&hk_lock_fork_owner, memory_order_relaxed) != 0))
		hk_unlock_forking(lock);
	else if (hk_single_threaded())
		atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
	else if (HK_UNLIKELY(atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2))
		hk_unlock_slow(lock);
}

#endif
