/* SPDX-License-Identifier: MIT
 *
 * The free runs of the page heap, by length and by age. All under its lock.
 */
#ifndef HK_CORE_RUNS_H
#define HK_CORE_RUNS_H

#include "core/pageheap.h"

/* One byte a granule of the span: 1 if it may have been written since the kernel last gave it. */
uint8_t *hk_runs_dirty(const struct hk_span *span);
uint32_t hk_runs_count_dirty(const struct hk_span *span, size_t n);
/* Describe a run of n granules that is in no list. */
void hk_runs_make(struct hk_span *head, char *base, size_t n, uint64_t stamp_ns, uint32_t ndirty);
/* Merge it with free neighbours inside the leaf and keep it. */
void hk_runs_release(struct hk_span *run);
/* Take it out. */
void hk_runs_remove(struct hk_span *run);
/* A run for an aligned span of n granules, and where in it the span best begins; NULL if there is none. */
struct hk_span *hk_runs_find(size_t n, size_t align, char **ret_start);
/* Cut [start, start + n granules) out of a run that was removed; both remainders go back. */
struct hk_span *hk_runs_carve(struct hk_span *run, char *start, size_t n);
/* The dirty run that was freed first; the others follow by `newer`. */
struct hk_span *hk_runs_oldest(void);

#endif
