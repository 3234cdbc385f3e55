/* SPDX-License-Identifier: MIT
 *
 * The two fast paths, inlined into what is exported. They read the calling thread's own cache and
 * the page map, nothing else; every miss is a tail call into heap.c. Their length in instructions is
 * watched by a test.
 */
#ifndef HK_CORE_ALLOC_INL_H
#define HK_CORE_ALLOC_INL_H

#include "core/heap.h"

void *hk_malloc_beyond(size_t size); /* above HK_TINY_MAX */

HK_INLINE void *hk_malloc_code(size_t size, unsigned code)
{
	struct hk_cache HK_TLS *cache = hk_own_cache(code);
	struct hk_block *block = cache->alloc;

	if (HK_UNLIKELY(block == NULL))
		return hk_heap_malloc_slow(size, code);
	if (HK_UNLIKELY(block->key != HK_FREE_KEY))
		return hk_heap_corrupted(block);
	cache->alloc = block->next;
	block->key = 0;
	return block;
}

HK_INLINE void *hk_malloc_inl(size_t size)
{
	if (HK_UNLIKELY(size > HK_TINY_MAX))
		return hk_malloc_beyond(size);
	return hk_malloc_code(size, hk_table_code(&hk_map.tiny_codes[(size + 15) / 16]));
}

HK_INLINE void hk_free_inl(void *p)
{
	uintptr_t code = hk_code_of(p);
	struct hk_cache HK_TLS *cache = hk_own_cache(code);
	struct hk_block *block = p;

	if (HK_UNLIKELY((uint16_t) (uintptr_t) p * cache->fit >= cache->fit) ||
	    HK_UNLIKELY(block->key == HK_FREE_KEY)) {
		hk_heap_free_odd(p, (unsigned) code);
		return;
	}
	block->next = cache->free;
	block->key = HK_FREE_KEY;
	cache->free = block;
	if (HK_UNLIKELY(--cache->room < 0))
		hk_heap_free_slow((unsigned) code);
}

#endif
