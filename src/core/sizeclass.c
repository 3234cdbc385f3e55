/* SPDX-License-Identifier: MIT
 *
 * Fills the size-class tables. Slabs are 64 KiB up to 8 KiB blocks, so that free() can test for a
 * block's start by the low 16 bits of its address; larger classes get the slab length up to 256 KiB that
 * leaves the smallest part of it unused.
 */
#include "core/sizeclass.h"

#include "core/span.h"

#define HK_SLAB_GRANULES 4U
#define HK_MAX_SLAB_GRANULES 16U

struct hk_class_info hk_classes[HK_CLASSES];

static uint32_t slab_granules(size_t size)
{
	uint32_t best = HK_SLAB_GRANULES;
	double least = 1.0;

	if (size <= HK_FIT_MAX)
		return HK_SLAB_GRANULES;
	for (uint32_t n = HK_SLAB_GRANULES; n <= HK_MAX_SLAB_GRANULES; n += HK_SLAB_GRANULES) {
		size_t bytes = n * HK_GRANULE;
		double waste = (double) (bytes % size) / (double) bytes;

		if (bytes / size >= 8 && waste < least - 0.01) {
			least = waste;
			best = n;
		}
	}
	return best;
}

void hk_sizeclass_init(void)
{
	for (unsigned c = 1; c < HK_CLASSES; c++) {
		struct hk_class_info *info = &hk_classes[c];

		info->size = (uint32_t) hk_sizeclass_bytes(c);
		info->granules = slab_granules(info->size);
		info->capacity = (uint32_t) (info->granules * HK_GRANULE / info->size);
		if (info->size <= HK_FIT_MAX)
			info->fit = (uint32_t) ((((uint64_t) 1 << 32) + info->size - 1) / info->size);
		info->inverse = (((uint64_t) 1 << 42) + info->size - 1) / info->size;
	}
}
