/* SPDX-License-Identifier: MIT
 *
 * Contended paths of struct hk_lock, and its behaviour across fork.
 */
#include "base/lock.h"

#include "base/sys.h"

#define HK_LOCK_SPINS 64

_Atomic uintptr_t hk_lock_fork_owner;

/* The thread pointer is the same in parent and child, which the thread id is not. */
static uintptr_t self(void)
{
	return (uintptr_t) __builtin_thread_pointer();
}

bool hk_lock_forking(void)
{
	return atomic_load_explicit(&hk_lock_fork_owner, memory_order_relaxed) == self();
}

void hk_lock_slow(struct hk_lock *lock)
{
	if (hk_lock_forking())
		return;
	for (int i = 0; i < HK_LOCK_SPINS; i++) {
		if (atomic_load_explicit(&lock->word, memory_order_relaxed) == 0 && hk_lock_try(lock))
			return;
		hk_sys_pause();
	}
	while (atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
		hk_sys_futex_wait(&lock->word, 2);
}

void hk_unlock_slow(struct hk_lock *lock)
{
	hk_sys_futex_wake(&lock->word, 1);
}

/* A drop while some thread forks: a no-op for that thread, an ordinary drop for any other. */
void hk_unlock_forking(struct hk_lock *lock)
{
	if (!hk_lock_forking())
		hk_lock_reset(lock);
}

void hk_lock_reset(struct hk_lock *lock)
{
	if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
		hk_unlock_slow(lock);
}

void hk_lock_fork_begin(void)
{
	atomic_store_explicit(&hk_lock_fork_owner, self(), memory_order_relaxed);
}

void hk_lock_fork_end(void)
{
	atomic_store_explicit(&hk_lock_fork_owner, 0, memory_order_release);
}
