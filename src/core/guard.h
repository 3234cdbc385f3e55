/* SPDX-License-Identifier: MIT
 *
 * Guarded blocks: a mapping of its own for each, closed pages before and behind. For security = full above 8 KiB, and for
 * samples. Any thread; where a freed block was written to, the process ends.
 */
#ifndef HK_CORE_GUARD_H
#define HK_CORE_GUARD_H

#include "base/bits.h"

/* NULL: no memory, or too many of them: then it is to be had without closed pages. */
void *hk_guard_alloc(size_t size, size_t align);
/* Was there ever a guarded block? */
bool hk_guard_any(void);
/* False if p is no guarded block. */
bool hk_guard_free(void *p);
/* Give the memory back that freed blocks still hold. Bytes. */
uint64_t hk_guard_trim(void);
/* The addresses of freed blocks, too, which then may be anybody's. Bytes. */
uint64_t hk_guard_give_up(void);
/* At the end of the process: examine those that still hold memory. */
void hk_guard_finish(void);
struct hk_lock *hk_guard_lock(void);

#endif
