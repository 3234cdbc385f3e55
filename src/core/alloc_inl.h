/* SPDX-License-Identifier: MIT
 *
 * The two fast paths, inlined into what is exported. They read the calling thread's own lists and
 * the page map, nothing else; every miss is a tail call into heap.c or alloc.c. Their length in instructions is
 * watched by a test.
 */
#ifndef HK_CORE_ALLOC_INL_H
#define HK_CORE_ALLOC_INL_H

#include "core/heap.h"

void *hk_malloc_beyond(size_t size); /* above HK_TINY_MAX */

/* A block of class c off the calling thread's list, or NULL if that is empty, or begins with a block that the slow path will
   not take either. */
HK_INLINE void *hk_pop_inl(size_t c)
{
	uintptr_t heap = hk_own_heap();
	struct hk_block *block = hk_own_first(heap, c);

	if (HK_UNLIKELY(block == NULL) || HK_UNLIKELY(!hk_block_linked(block)))
		return NULL;
	hk_own_set_first(heap, c, block->next);
	block->key = 0;
	return block;
}

HK_INLINE void *hk_malloc_class(size_t c, size_t size)
{
	void *p = hk_pop_inl(c);

	return HK_LIKELY(p != NULL) ? p : hk_heap_malloc_slow(c, size);
}

HK_INLINE void *hk_malloc_inl(size_t size)
{
	if (HK_UNLIKELY(size > HK_TINY_MAX))
		return hk_malloc_beyond(size);
	return hk_malloc_class(HK_TINY_CLASS(size), size);
}

HK_INLINE void hk_free_inl(void *p)
{
	struct hk_list HK_TLS *list = hk_own_freed(hk_code_of(p));
	struct hk_block *block = p;

	if (HK_UNLIKELY(hk_own_fit((uint16_t) (uintptr_t) p, list) >= list->fit)) {
		hk_heap_free_odd(p);
		return;
	}
	hk_block_link(block, list->head);
	list->head = block;
	if (HK_UNLIKELY(--list->room < 0))
		hk_heap_free_slow(p);
}

/* Is p in a slab for requests of this size? */
HK_INLINE bool hk_fits_inl(const void *p, size_t size)
{
	const struct hk_size_range *range = (const void *) ((const char *) hk_map.range + hk_code_of(p) / 2);

	return HK_LIKELY(range->size - (uint32_t) size < range->step);
}

#endif
