/* SPDX-License-Identifier: MIT
 *
 * The page map: leaves appear when memory in their 4 GiB is first mapped and stay for good.
 */
#include "core/span.h"

#include "base/sys.h"
#include "core/stats.h"

struct hk_map hk_map HK_ALIGNED(HK_CACHE_LINE);

/* The same by the name under which hakmemctl finds it (explain). Nothing here uses it: the hidden name needs no table. */
extern struct hk_map hakmem_page_map __attribute__((alias("hk_map"), visibility("default")));

bool hk_pagemap_cover(const void *base, size_t size)
{
	uintptr_t first = (uintptr_t) base >> HK_LEAF_SHIFT;
	uintptr_t last = ((uintptr_t) base + size - 1) >> HK_LEAF_SHIFT;

	if (last >= HK_ROOT_ENTRIES)
		return false;
	for (uintptr_t i = first; i <= last; i++) {
		char *leaf;

		if (hk_map.root[i] != 0)
			continue;
		leaf = hk_sys_map(sizeof(struct hk_leaf), HK_PAGE);
		if (leaf == NULL)
			return false;
		/* Touched here and there: huge pages would only waste memory. */
		(void) hk_sys_huge(leaf, sizeof(struct hk_leaf), false);
		HK_STAT_ADD(mappings, 1);
		__atomic_store_n(&hk_map.root[i], ((uintptr_t) leaf - (uintptr_t) &hk_map) / 2, __ATOMIC_RELEASE);
	}
	return true;
}

void hk_pagemap_slab(struct hk_span *slab, unsigned code)
{
	struct hk_leaf *leaf = hk_leaf_of(slab->base);
	size_t first = hk_granule_index(slab->base);

	for (size_t i = 0; i < slab->granules; i++)
		__atomic_store_n(&leaf->code[first + i], (uint16_t) code, __ATOMIC_RELAXED);
}

struct hk_span *hk_large_span(const void *p)
{
	struct hk_leaf *leaf = hk_leaf_of(p);
	struct hk_span *span;

	if (leaf == NULL)
		return NULL;
	span = &leaf->span[hk_granule_index(p)];
	if (span->base != p || (hk_span_kind(span) != HK_SPAN_LARGE && hk_span_kind(span) != HK_SPAN_DIRECT &&
	                        hk_span_kind(span) != HK_SPAN_GUARDED))
		return NULL;
	return span;
}
