/* SPDX-License-Identifier: MIT
 *
 * Knobs: the configuration as the allocator's slow paths read it, plain words with relaxed
 * loads. Written by hk_knobs_apply, by one thread at a time, read by every thread.
 * No fast path reads a knob: a switch changes what the slow path sets up.
 */
#ifndef HK_CORE_KNOBS_H
#define HK_CORE_KNOBS_H

#include "base/bits.h"
#include "config/config.h"

#include <stdatomic.h>

struct hk_knobs {
	_Atomic uint32_t epoch; /* grows with every change that thread caches must notice */
	_Atomic uint32_t sample_rate;
	_Atomic uint8_t tinypool, bigcache, batch, security;
	_Atomic uint8_t free_policy, thp;
	_Atomic uint16_t batch_max;
	_Atomic uint64_t purge_delay_ns;
	_Atomic uint64_t bigcache_limit, bigcache_max_block;
	_Atomic uint64_t tinypool_limit;
	_Atomic uint64_t soft_limit, hard_limit;
} HK_ALIGNED(HK_CACHE_LINE);
_Static_assert(sizeof(struct hk_knobs) == HK_CACHE_LINE, "one cache line, hot on slow paths");
extern struct hk_knobs hk_knobs;

#define HK_KNOB(field) atomic_load_explicit(&hk_knobs.field, memory_order_relaxed)
#define HK_KNOB_SET(field, v) atomic_store_explicit(&hk_knobs.field, (v), memory_order_relaxed)

/* Copy the values of config that the allocator reads, and let every thread notice. Any thread; that there is one at a time is
   the caller's business. */
void hk_knobs_apply(const struct hk_config *config);

/*
 * What connects the core to the layers above it, all optional and called from slow paths with no
 * lock held. `pulse` points at two words of the control block: [0] is the generation that operators
 * publish, [1] is moved by the engine. Both are compared with relaxed loads on each visit of a slow
 * path; when one differs from what this process saw last, on_pulse runs in whichever thread notices.
 */
struct hk_hooks {
	_Atomic(_Atomic uint64_t *) pulse;  /* never NULL: two static zeros until the block exists */
	_Atomic uint64_t seen[2];           /* what this process has applied; stored by on_pulse */
	void (*_Atomic on_pulse)(void);     /* apply what changed; must not block or allocate */
	_Atomic uint32_t window;            /* large allocations per window; 0: nobody is counting */
	void (*_Atomic on_fork_child)(void); /* in the child of a fork, after the locks are free again */
	void (*_Atomic on_large)(size_t old, size_t new); /* a large block of old bytes becomes one of new bytes; 0: none */
	void (*_Atomic on_window)(void);    /* the engine's turn, after every `window` large allocations */
};
extern struct hk_hooks hk_hooks;

HK_INLINE void hk_hooks_tell(size_t old, size_t new)
{
	void (*handler)(size_t, size_t) = atomic_load_explicit(&hk_hooks.on_large, memory_order_acquire);

	if (HK_UNLIKELY(handler != NULL))
		handler(old, new);
}

#endif
