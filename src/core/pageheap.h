/* SPDX-License-Identifier: MIT
 *
 * The page heap: arenas of granules from the system, handed out as spans and taken back as free runs.
 * One lock, taken once per span.
 *
 * Invariants under the lock: free runs never touch each other within a leaf (they are merged); a free
 * run is in exactly one bin; it is in the dirty list if and only if one of its granules is dirty.
 */
#ifndef HK_CORE_PAGEHEAP_H
#define HK_CORE_PAGEHEAP_H

#include "core/span.h"

#include <sys/uio.h>

/* Largest span of an arena; larger blocks are direct mappings. */
#define HK_ARENA_SPAN_MAX ((size_t) 2048) /* granules: 32 MiB */

void hk_pageheap_init(void);

/* A span of n granules at a multiple of align granules (a power of two), kind BUSY, for the caller to
   name; NULL when limits or the kernel refuse. *ret_zero: every byte is known to be zero. */
struct hk_span *hk_pageheap_alloc(size_t n, size_t align, bool *ret_zero);
/* Take a span back. touched: bytes from its start that may have been written; stamp_ns: when it came
   out of use (hk_sys_now_ns), from which purge_delay counts. */
void hk_pageheap_free(struct hk_span *span, size_t touched, uint64_t stamp_ns);
/* Cut a span to n granules; the rest becomes free. */
void hk_pageheap_shrink(struct hk_span *span, size_t n);
/* Extend a span to n granules in place if the run behind it is free. */
bool hk_pageheap_grow(struct hk_span *span, size_t n);

/*
 * Purging in three steps, so that no lock is held during the system call. take: move up to max dirty
 * runs that were freed at or before `before_ns` out of the heap, with their dirty ranges; the caller
 * purges the ranges, then gives the runs back clean.
 */
struct hk_purge_run {
	struct hk_span *span;
	struct iovec range; /* smallest range that covers the dirty granules */
	bool clean;         /* the purge succeeded; else the run goes back dirty, as freed at done's now_ns */
};
size_t hk_pageheap_purge_take(uint64_t before_ns, size_t min_granules, struct hk_purge_run *runs, size_t max);
void hk_pageheap_purge_done(const struct hk_purge_run *runs, size_t n, uint64_t now_ns);

/* Bytes that spans in use occupy, direct mappings, the pages of guarded blocks and what BigCache holds included; checked
   against hard_limit (hard_limit_hits counts refusals). */
bool hk_pageheap_charge(size_t bytes); /* false: hard_limit */
void hk_pageheap_uncharge(size_t bytes);
uint64_t hk_pageheap_used(void);

/* Bytes of clean memory that were ever handed out: about what residency can have grown by. */
uint64_t hk_pageheap_fresh(void);
void hk_pageheap_count_fresh(size_t bytes);

/* Bytes that ever came back warm, to free runs and to BigCache. */
uint64_t hk_pageheap_freed(void);
void hk_pageheap_count_freed(size_t bytes);

/* Index of the size bin that holds runs of n granules (also BigCache's bands); runs in a higher bin are longer. */
#define HK_RUN_BINS 128
unsigned hk_run_bin(size_t n);

/* Advise for (thp = on) or against huge pages in all arenas: it concerns what is faulted in from now on. */
void hk_pageheap_huge(bool want);

/* For fork. */
struct hk_lock *hk_pageheap_lock(void);

#endif
