/* SPDX-License-Identifier: MIT
 *
 * Large blocks (> 32 KiB) and BigCache. Up to 32 MiB a block is a span of an arena, above a mapping of
 * its own. Freed blocks rest in BigCache, warm and mapped, in bands by size, bounded in bytes; what it
 * does not keep goes back to the page heap or the system.
 */
#ifndef HK_CORE_LARGE_H
#define HK_CORE_LARGE_H

#include "base/sys.h"
#include "core/span.h"

/* Large blocks begin and end with pages of the kernel, so that free runs do, too. */
static inline size_t hk_large_unit(void)
{
	return hk_max(HK_GRANULE, hk_sys_page());
}

/* align: power of two. zero: contents must be zero. NULL on failure; errno is the caller's. */
void *hk_large_alloc(size_t size, size_t align, bool zero);
/* p: any pointer that is in no slab; ends the process if it is no block (security = off: nothing happens). */
void hk_large_free(void *p);
/* NULL when it cannot be done without copying; the block is then as before. */
void *hk_large_resize(struct hk_span *span, size_t size);
size_t hk_large_usable(const struct hk_span *span);

/* One more was handed out, also by guard.c: the engine's window may end with it. No lock may be held. */
void hk_large_count(size_t size);

#define HK_LARGE_LIMIT ((size_t) 1 << 45) /* granules of a span are 32 bits */

/* Move cached blocks that were freed at or before before_ns out of BigCache, at most max of them, to the page heap
   (to be purged there) or the system. How many. */
size_t hk_bigcache_evict(uint64_t before_ns, size_t max);

/* Let the kernel take the pages of cached blocks when it needs them. They stay in BigCache. */
void hk_bigcache_soften(void);

/* Bring BigCache down to what the knobs allow now (a limit was lowered, or it was switched off). */
void hk_bigcache_fit(void);

struct hk_lock *hk_large_lock(void);

#endif
