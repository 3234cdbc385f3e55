/* SPDX-License-Identifier: MIT
 *
 * Fills the size-class table.
 */
#include "core/sizeclass.h"

#include "core/span.h"

struct hk_class_info hk_classes[HK_CLASSES] HK_ALIGNED(4096); /* not across two pages */

void hk_sizeclass_init(void)
{
	for (unsigned c = 1; c < HK_CLASSES; c++) {
		struct hk_class_info *info = &hk_classes[c];

		info->size = (uint32_t) hk_sizeclass_bytes(c);
		hk_map.range[c] = (struct hk_size_range){info->size, info->size - hk_classes[c - 1].size};
		info->capacity = HK_SLAB_BYTES / info->size;
		info->fit = (uint32_t) ((((uint64_t) 1 << 32) + info->size - 1) / info->size);
		info->inverse = (((uint64_t) 1 << 42) + info->size - 1) / info->size;
	}
}

void hk_sizeclass_distrust(void)
{
	for (unsigned c = 1; c < HK_CLASSES; c++)
		hk_map.range[c].step = 0;
}
