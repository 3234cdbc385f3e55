/* SPDX-License-Identifier: MIT
 *
 * Size classes of small and medium blocks. Steps of 16 bytes up to 128, then eight steps a
 * doubling, so that internal waste above 128 B stays ≤ 12.5 %: 16, 32, … 128, 144, 160, … 256,
 * 288, … 1 KiB (tiny), … 32 KiB (medium). Tables (here and in struct hk_map)
 * are filled once by hk_sizeclass_init and constant afterwards.
 *
 * A class is passed around as its *code*, 3 × its number: a thread cache keeps 24 bytes per class,
 * and 8 × code is then an offset that the processor adds for free. Code 0 is no class at all.
 */
#ifndef HK_CORE_SIZECLASS_H
#define HK_CORE_SIZECLASS_H

#include "base/bits.h"

#define HK_TINY_MAX ((size_t) 1024)
#define HK_MEDIUM_MAX ((size_t) 32768)
#define HK_FIT_MAX ((size_t) 8192) /* up to here slabs are 64 KiB */
#define HK_CLASSES 73 /* numbers 1 … 72; 0 is unused */
#define HK_TINY_CLASSES 32
#define HK_CODE(class_number) (3U * (class_number))
#define HK_CODES (3 * HK_CLASSES)

struct hk_class_info {
	uint32_t size;     /* bytes of one block */
	uint32_t granules; /* of a slab */
	uint32_t capacity; /* blocks of a slab */
	uint64_t inverse;  /* ⌈2^42 ÷ size⌉: block index = offset × inverse >> 42, exact below 2 MiB */
};
extern struct hk_class_info hk_classes[HK_CLASSES];
void hk_sizeclass_init(void);

/* Class number for 1 ≤ size ≤ HK_MEDIUM_MAX. */
static inline unsigned hk_sizeclass_of(size_t size)
{
	unsigned lg;

	if (size <= 128)
		return size <= 16 ? 1 : (unsigned) ((size + 15) >> 4);
	lg = hk_log2(size - 1);
	return 9 + (lg - 7) * 8 + (unsigned) (((size - 1) >> (lg - 3)) & 7);
}

/* Bytes of a block of class number c. */
static inline size_t hk_sizeclass_bytes(unsigned c)
{
	if (c <= 8)
		return (size_t) c * 16;
	c -= 9;
	return (size_t) (9 + (c & 7)) << (4 + (c >> 3));
}

#endif
