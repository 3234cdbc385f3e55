/* SPDX-License-Identifier: MIT
 *
 * Shared counters: relaxed atomics, without the bus lock while the process has one thread. A locked
 * instruction costs little by itself but waits for every store before it, which shows on blocks that
 * the program has just written. glibc tells us when the first thread is about to start, and its own malloc goes
 * by the same word. Anybody may read at any time.
 */
#ifndef HK_BASE_COUNTER_H
#define HK_BASE_COUNTER_H

#include "base/bits.h"

#include <stdatomic.h>
#include <sys/single_threaded.h>

HK_INLINE bool hk_single_threaded(void)
{
	return __libc_single_threaded != 0;
}

/* Add n (which may be a two's complement negative); the value before. */
HK_INLINE uint64_t hk_counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	if (hk_single_threaded()) {
		uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);

		atomic_store_explicit(counter, old + n, memory_order_relaxed);
		return old;
	}
	return atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
