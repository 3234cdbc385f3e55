/* SPDX-License-Identifier: MIT
 *
 * security = sampled: of all allocations one in sample_rate, chosen by chance, is guarded (guard.c): it has pages of its own between closed ones,
 * which are closed again when it is freed. Who misuses it is stopped at that very instruction, and a report names the
 * stacks of allocation and free. All others are as under basic, and as fast: which allocation is the next is decided where a thread's list is filled.
 * Locks: the table's own, inside none, and nothing inside it.
 */
#ifndef HK_CORE_SAMPLE_H
#define HK_CORE_SAMPLE_H

#include "core/heap.h"
#include "core/span.h"

/* The knobs say so: make ready, and watch for SIGSEGV; or stop watching. Guarded blocks stay guarded. Any thread, one at a time. */
void hk_sample_begin(void);
void hk_sample_end(void);

/* The thread's next sample: count anew. */
void hk_sample_settle(struct hk_heap *heap);
/* The alloc list of class c has just been filled: if one of its blocks would be the sample, the list ends before it. */
void hk_sample_cut(struct hk_heap *heap, unsigned c);
/* Is the next allocation of class c, its list empty, the sample? Only once. */
bool hk_sample_is_due(struct hk_heap *heap, unsigned c);
/* The same for one that comes from no list. */
bool hk_sample_step(struct hk_heap *heap);
/* The sample, or NULL: there are as many as there may be, or no memory; a good while passes before the next. */
void *hk_sample_alloc(struct hk_heap *heap, size_t size, size_t align);

/* guard.c: span is freed; its addresses are open to others from now on. */
void hk_sample_freed(const struct hk_span *span);
void hk_sample_forget(const struct hk_span *span);

struct hk_lock *hk_sample_lock(void);

#endif
