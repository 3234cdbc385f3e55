/* SPDX-License-Identifier: MIT
 *
 * Memory for the allocator's own structures: carved from mappings that are never returned, recycled by
 * size. Lock: its own; only the page heap's is taken inside it.
 */
#ifndef HK_CORE_META_H
#define HK_CORE_META_H

#include "base/bits.h"

/* size: up to 4 KiB, rounded up to a cache line; NULL when the kernel refuses. Contents undefined. */
void *hk_meta_alloc(size_t size);
void hk_meta_free(void *p, size_t size);
struct hk_lock *hk_meta_lock(void);

#endif
