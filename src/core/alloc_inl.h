/* SPDX-License-Identifier: MIT
 *
 * The two fast paths, inlined into what is exported. They read the calling thread's own lists and
 * the page map, nothing else; every miss is a tail call into heap.c. Their length in instructions is
 * watched by a test.
 */
#ifndef HK_CORE_ALLOC_INL_H
#define HK_CORE_ALLOC_INL_H

#include "core/heap.h"

void *hk_malloc_beyond(size_t size); /* above HK_TINY_MAX */

HK_INLINE void *hk_malloc_class(size_t c)
{
	uintptr_t heap = hk_own_heap();
	struct hk_block *block = hk_own_first(heap, c);

	if (HK_UNLIKELY(block == NULL))
		return hk_heap_malloc_slow(c);
	if (HK_UNLIKELY(block->key != HK_FREE_KEY))
		return hk_heap_corrupted(block);
	hk_own_set_first(heap, c, block->next);
	block->key = 0;
	return block;
}

HK_INLINE void *hk_malloc_inl(size_t size)
{
	if (HK_UNLIKELY(size > HK_TINY_MAX))
		return hk_malloc_beyond(size);
	return hk_malloc_class((size + 15) / 16);
}

HK_INLINE void hk_free_inl(void *p)
{
	struct hk_list HK_TLS *list = hk_own_freed(hk_code_of(p));
	struct hk_block *block = p;

	if (HK_UNLIKELY(hk_own_fit((uint16_t) (uintptr_t) p, list) >= list->fit)) {
		hk_heap_free_odd(p);
		return;
	}
	block->next = list->head;
	block->key = HK_FREE_KEY;
	list->head = block;
	if (HK_UNLIKELY(--list->room < 0))
		hk_heap_free_slow(p);
}

#endif
