/* SPDX-License-Identifier: MIT
 *
 * Size classes of small and medium blocks. Tiny: steps of 16 bytes up to 1 KiB, so that a class number is
 * (size + 15) / 16 and malloc needs no table. Medium: eight steps a doubling, 1,152, 1,280, … 2 KiB, … 32 KiB, so that
 * internal waste stays ≤ 12.5 %. The table is filled once by hk_sizeclass_init and constant afterwards.
 *
 * In the page map a class is kept as its *code*, 16 × its number: the offset of its free list in a thread cache.
 * Code 0 is no class at all.
 */
#ifndef HK_CORE_SIZECLASS_H
#define HK_CORE_SIZECLASS_H

#include "base/bits.h"

#define HK_TINY_MAX ((size_t) 1024)
#define HK_MEDIUM_MAX ((size_t) 32768)
#define HK_SLAB_BYTES 65536U /* of every class, and their alignment: the low 16 bits of an address are an offset */
#define HK_TINY_CLASSES 64
#define HK_CLASSES 105 /* numbers 1 … 104; 0 is malloc(0)'s and always empty */
#define HK_TINY_CLASS(size) (((size) + 15) / 16) /* for size ≤ HK_TINY_MAX */
#define HK_CODE(class_number) (16U * (class_number))

struct hk_class_info {
	uint32_t size;     /* bytes of one block */
	uint32_t capacity; /* blocks of a slab; what is left at its end is never touched */
	uint32_t fit;      /* for the test of a block's start, see heap.h */
	uint64_t inverse;  /* ⌈2^42 ÷ size⌉: block index = offset × inverse >> 42 */
};
extern struct hk_class_info hk_classes[HK_CLASSES];

/* For sized delete: requests of size − step + 1 to size bytes get this class. */
struct hk_size_range {
	uint32_t size, step;
};
/* From now on no size is plainly that of a block. */
void hk_sizeclass_distrust(void);
void hk_sizeclass_init(void);

/* Class number for HK_TINY_MAX < size ≤ HK_MEDIUM_MAX. */
static inline unsigned hk_sizeclass_medium(size_t size)
{
	unsigned lg = hk_log2(size - 1);

	/* The highest four bits count from 8 to 15 in each doubling. */
	return 8 * lg + (unsigned) ((size - 1) >> (lg - 3)) + HK_TINY_CLASSES + 1 - (8 * 10 + 8);
}

/* Class number for 1 ≤ size ≤ HK_MEDIUM_MAX. */
static inline unsigned hk_sizeclass_of(size_t size)
{
	return size <= HK_TINY_MAX ? (unsigned) HK_TINY_CLASS(size) : hk_sizeclass_medium(size);
}

/* Bytes of a block of class number c. */
static inline size_t hk_sizeclass_bytes(unsigned c)
{
	if (c <= HK_TINY_CLASSES)
		return (size_t) c * 16;
	c -= HK_TINY_CLASSES + 1;
	return (size_t) (9 + (c & 7)) << (7 + (c >> 3));
}

#endif
