/* SPDX-License-Identifier: MIT
 *
 * Guarded blocks: a mapping of its own for each, a closed page before and behind, the block's end at the end of its last page. Who
 * runs beyond the end meets the closed page at once; the few bytes that alignment leaves there, and those from the page's
 * beginning to the block's, are filled and examined by free(). After that the pages stay closed for a while: who still uses the
 * block is stopped. Middling blocks keep their memory for a later block of as many pages; of these only the first page is closed, the others are
 * filled, and examined later: closing and opening many pages costs more than filling them, in virtual machines a hundred times more.
 * A program that frees very many of them has even the first one filled only, beyond so many a second.
 *
 *   closed | fill … block … fill | closed
 *
 * Blocks of 0 bytes have no open page at all.
 */
#include "core/guard.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "core/harden.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/pageheap.h"
#include "core/purge.h"
#include "core/sample.h"
#include "core/sample_int.h"
#include "core/stats.h"

#include <string.h>

#define HK_CLOSED 4096U                 /* freed blocks whose addresses stay closed (of samples HK_SAMPLES_CLOSED), … */
#define HK_CLOSED_BYTES (4 * HK_GIB)    /* … of so many bytes in all */
#define HK_REST 16U                     /* so many others must have been freed since, before a block's pages are opened again */
#define HK_WARM_MAX (2 * HK_MIB)        /* of one block that keeps its memory ("warm"), … */
#define HK_WARM_BYTES (64 * HK_MIB)     /* … of all that wait */
#define HK_CLOSES_NS 4000000U           /* in so long … */
#define HK_CLOSES 2U                    /* … so many first pages of warm blocks are closed */
#define HK_GUARD_MAX (HK_LARGE_LIMIT / 2) /* bytes; with room to align it */
#define HK_GUARDED_MAX 16000U           /* blocks: each takes two of the mappings that the kernel allows a process (65,530) */

static struct {
	struct hk_lock lock;
	uint32_t next, oldest; /* of those that wait: ring index is modulo HK_CLOSED */
	uint64_t bytes; /* and hk_guard_warm_bytes (stats.h) */
	uint32_t hint[HK_WARM_MAX / HK_PAGE + 1]; /* by pages: no warm block of so many waits before this one */
	struct waiting {
		struct hk_span *span; /* NULL: opened again */
		uint64_t warm_bytes;  /* 0: without memory */
		bool open;            /* its first page, too */
	} ring[HK_CLOSED];
} closed;

static _Atomic uint32_t guarded; /* blocks in use */
static _Atomic bool any;

struct hk_lock *hk_guard_lock(void)
{
	return &closed.lock;
}

bool hk_guard_any(void)
{
	return atomic_load_explicit(&any, memory_order_relaxed);
}

static char *map_of(const struct hk_span *span)
{
	return span->guard_map;
}

static size_t map_bytes(const struct hk_span *span)
{
	return (size_t) span->granules << HK_GRANULE_SHIFT;
}

/* The open pages. */
static char *first_page(const struct hk_span *span)
{
	return (char *) hk_align_down((uintptr_t) span->base, HK_PAGE);
}

static size_t open_bytes(const struct hk_span *span)
{
	return span->requested == 0 ? 0 : (size_t) ((char *) hk_align_up((uintptr_t) span->base + span->requested, HK_PAGE) - first_page(span));
}

/* Where in the mapping the block begins: as near to the end of a page as its alignment allows. */
static char *place(char *map, size_t size, size_t align)
{
	size_t pages = hk_align_up(size, HK_PAGE);
	char *start = map + HK_PAGE;

	if (align > HK_PAGE)
		return (char *) hk_align_up((uintptr_t) start, align);
	return start + hk_align_down(pages - size, hk_max(align, 16));
}

static struct hk_span *describe(char *map, size_t bytes, char *p, size_t size)
{
	struct hk_span *span = hk_span_at(p);

	span->base = p;
	span->granules = (uint32_t) (bytes >> HK_GRANULE_SHIFT);
	span->guard_map = map;
	span->requested = size;
	span->sample = 0;
	return span;
}

static void unmap(struct hk_span *span)
{
	char *map = map_of(span);
	size_t bytes = map_bytes(span);

	hk_sample_forget(span);
	hk_span_name(span, HK_SPAN_NONE);
	HK_STAT_SUB(mapped_bytes, bytes);
	HK_STAT_SUB(mappings, 1);
	hk_sys_unmap(map, bytes);
}

static bool is_filled(const char *p, const char *end, unsigned char fill)
{
	return p == end || ((unsigned char) *p == fill && memcmp(p, p + 1, (size_t) (end - p) - 1) == 0);
}

/* Was one that is warm left alone since it was freed? */
static bool is_whole(const struct waiting *one)
{
	const char *first = map_of(one->span) + HK_PAGE;

	return one->warm_bytes == 0 || is_filled(first + (one->open ? 0 : HK_PAGE), first + one->warm_bytes, HK_FILL_FREED);
}

/* Before its memory becomes anything else's. */
static void examine_freed(const struct waiting *one)
{
	if (!is_whole(one))
		hk_fatal("write after free", one->span->base);
}

/* The same of one in the ring, under the lock. A handler of SIGABRT that allocates needs the lock, and must not meet the block. */
static void examine_waiting(struct waiting *one)
{
	const char *block = one->span->base;

	if (is_whole(one))
		return;
	closed.bytes -= map_bytes(one->span);
	hk_guard_warm_bytes -= one->warm_bytes;
	*one = (struct waiting){.span = NULL};
	hk_lock_drop(&closed.lock);
	hk_fatal("write after free", block);
}

/* How many may wait. */
static uint32_t closed_most(void)
{
	return HK_KNOB(security) == HK_SECURITY_FULL ? HK_CLOSED : HK_SAMPLES_CLOSED;
}

/* The block that has been closed for longest, if its time is over or (all) in any case; or none. */
static struct waiting expire(bool all)
{
	while (closed.next != closed.oldest && (all || closed.next - closed.oldest >= closed_most() || closed.bytes > HK_CLOSED_BYTES ||
	                                        closed.ring[closed.oldest % HK_CLOSED].span == NULL)) {
		struct waiting one = closed.ring[closed.oldest++ % HK_CLOSED];

		if (one.span == NULL)
			continue;
		closed.bytes -= map_bytes(one.span);
		hk_guard_warm_bytes -= one.warm_bytes;
		return one;
	}
	return (struct waiting){.span = NULL};
}

static void dismiss(const struct waiting *one)
{
	examine_freed(one);
	unmap(one->span);
}

/* Bytes of addresses; 0: none is closed. */
static uint64_t unmap_oldest(void)
{
	struct waiting one;
	uint64_t bytes;

	hk_lock_take(&closed.lock);
	one = expire(true);
	hk_lock_drop(&closed.lock);
	if (one.span == NULL)
		return 0;
	bytes = map_bytes(one.span);
	dismiss(&one);
	return bytes;
}

/* A closed mapping in which the page map knows the place of the block, or NULL. Where addresses are limited, those of freed blocks
   are not kept from others any longer. */
static char *reserve(size_t bytes, size_t size, size_t align)
{
	char *map;
	bool covered;

	do
		map = hk_sys_reserve(bytes, HK_GRANULE);
	while (map == NULL && bytes <= HK_CLOSED_BYTES && unmap_oldest() > 0);
	if (map == NULL)
		return NULL;
	hk_lock_take(hk_pageheap_lock());
	covered = hk_pagemap_cover(place(map, size, align), 1);
	hk_lock_drop(hk_pageheap_lock());
	if (covered)
		return map;
	hk_sys_unmap(map, bytes);
	return NULL;
}

/* The oldest that rests and has as many pages, with its memory; or none. */
static struct waiting search(size_t pages_bytes)
{
	struct waiting found = {.span = NULL};
	uint32_t *hint = &closed.hint[pages_bytes / HK_PAGE], i;

	hk_lock_take(&closed.lock);
	i = *hint - closed.oldest < closed.next - closed.oldest ? *hint : closed.oldest;
	for (; found.span == NULL && hk_guard_warm_bytes > 0 && closed.next - i > HK_REST; *hint = ++i) {
		struct waiting *one = &closed.ring[i % HK_CLOSED];

		if (one->warm_bytes != pages_bytes)
			continue;
		found = *one;
		closed.bytes -= map_bytes(found.span);
		hk_guard_warm_bytes -= pages_bytes;
		*one = (struct waiting){.span = NULL};
	}
	hk_lock_drop(&closed.lock);
	return found;
}

static void hand_out(struct hk_span *span)
{
	HK_STAT_ADD(large_live_bytes, span->requested);
	HK_STAT_ADD(large_live_blocks, 1);
	atomic_store_explicit(&any, true, memory_order_relaxed);
	atomic_fetch_add_explicit(&guarded, 1, memory_order_relaxed);
	hk_span_name(span, HK_SPAN_GUARDED);
	hk_large_count(span->requested);
}

static void fill_edges(const struct hk_span *span)
{
	char *first = first_page(span), *end = first + open_bytes(span), *p = span->base;

	memset(first, HK_FILL_EDGE, (size_t) (p - first));
	memset(p + span->requested, HK_FILL_EDGE, (size_t) (end - (p + span->requested)));
}

static void *open_again(size_t size, size_t align)
{
	size_t pages_bytes = hk_align_up(size, HK_PAGE);
	struct waiting one = {.span = NULL};
	struct hk_span *span;
	char *map;

	if (size > 0 && align <= HK_PAGE && pages_bytes <= HK_WARM_MAX)
		one = search(pages_bytes);
	span = one.span;
	if (span == NULL)
		return NULL;
	examine_freed(&one);
	map = map_of(span);
	if (!one.open && hk_sys_open(map + HK_PAGE, HK_PAGE) != 0) {
		unmap(span);
		return NULL;
	}
	memset(map + HK_PAGE, 0, pages_bytes);
	span = describe(map, map_bytes(span), place(map, size, align), size); /* in the same granule */
	fill_edges(span);
	hand_out(span);
	return span->base;
}

void *hk_guard_alloc(size_t size, size_t align)
{
	size_t bytes = hk_align_up(hk_align_up(size, HK_PAGE) + 2 * HK_PAGE + (align > HK_PAGE ? align : 0), HK_GRANULE);
	struct hk_span *span;
	char *map, *p;

	if (size > HK_GUARD_MAX || hk_sys_page() != HK_PAGE || align > HK_GUARD_MAX || atomic_load_explicit(&guarded, memory_order_relaxed) >= HK_GUARDED_MAX ||
	    !hk_pageheap_charge(hk_align_up(size, HK_PAGE)))
		return NULL;
	p = open_again(size, align);
	if (p != NULL)
		return p;
	hk_purge_before(bytes);
	hk_purge_before_fresh(bytes);
	map = reserve(bytes, size, align);
	if (map == NULL) {
		hk_pageheap_uncharge(hk_align_up(size, HK_PAGE));
		return NULL;
	}
	p = place(map, size, align);
	span = describe(map, bytes, p, size);
	if (size > 0 && hk_sys_open(first_page(span), open_bytes(span)) != 0) {
		hk_sys_unmap(map, bytes);
		hk_pageheap_uncharge(hk_align_up(size, HK_PAGE));
		return NULL;
	}
	if (size > 0)
		fill_edges(span);
	hk_pageheap_count_fresh(open_bytes(span));
	HK_STAT_ADD(mapped_bytes, bytes);
	HK_STAT_ADD(mappings, 1);
	hand_out(span);
	return p;
}

static void examine(const struct hk_span *span)
{
	const char *first = first_page(span);

	if (span->requested == 0)
		return;
	if (!is_filled(first, span->base, HK_FILL_EDGE))
		hk_fatal("write before the beginning of a block", span->base);
	if (!is_filled(span->base + span->requested, first + open_bytes(span), HK_FILL_EDGE))
		hk_fatal("write beyond the end of a block", span->base);
}

/* Is there still a page to be closed for in this stretch of time? Threads that ask at once may get one more. */
static bool may_close(void)
{
	static _Atomic uint64_t since;
	static _Atomic uint32_t closes;
	uint64_t now = hk_sys_now_ns();

	if (now - atomic_load_explicit(&since, memory_order_relaxed) >= HK_CLOSES_NS) {
		atomic_store_explicit(&since, now, memory_order_relaxed);
		atomic_store_explicit(&closes, 0, memory_order_relaxed);
	}
	return atomic_fetch_add_explicit(&closes, 1, memory_order_relaxed) < HK_CLOSES;
}

/* Close the block's pages, or the first of them, or none. What becomes of it. */
static struct waiting shut(struct hk_span *span)
{
	size_t bytes = open_bytes(span);
	char *first = first_page(span);
	bool warm = bytes > 0 && span->sample == 0 && first == map_of(span) + HK_PAGE && bytes <= HK_WARM_MAX &&
	            atomic_load_explicit(&hk_guard_warm_bytes, memory_order_relaxed) + bytes <= HK_WARM_BYTES;

	bool open = warm && !may_close();

	if (bytes > 0 && !open)
		hk_sys_close(first, warm ? HK_PAGE : bytes, !warm);
	if (!warm)
		return (struct waiting){.span = span};
	memset(first + (open ? 0 : HK_PAGE), HK_FILL_FREED, bytes - (open ? 0 : HK_PAGE));
	return (struct waiting){span, bytes, open};
}

uint64_t hk_guard_trim(void)
{
	uint64_t bytes = 0;

	hk_lock_take(&closed.lock);
	for (uint32_t i = closed.oldest; hk_guard_warm_bytes > 0 && i != closed.next; i++) {
		struct waiting *one = &closed.ring[i % HK_CLOSED];

		if (one->warm_bytes == 0)
			continue;
		examine_waiting(one);
		hk_sys_close(map_of(one->span) + HK_PAGE, one->warm_bytes, true);
		bytes += one->warm_bytes;
		hk_guard_warm_bytes -= one->warm_bytes;
		one->warm_bytes = 0;
		one->open = false;
	}
	hk_lock_drop(&closed.lock);
	return bytes;
}

void hk_guard_finish(void)
{
	hk_lock_take(&closed.lock);
	for (uint32_t i = closed.oldest; hk_guard_warm_bytes > 0 && i != closed.next; i++)
		if (closed.ring[i % HK_CLOSED].span != NULL)
			examine_waiting(&closed.ring[i % HK_CLOSED]);
	hk_lock_drop(&closed.lock);
}

uint64_t hk_guard_give_up(void)
{
	uint64_t bytes = 0, one;

	while ((one = unmap_oldest()) > 0)
		bytes += one;
	return bytes;
}

bool hk_guard_free(void *p)
{
	struct hk_span *span = hk_large_span(p);
	struct waiting old, one;

	if (span == NULL || hk_span_kind(span) != HK_SPAN_GUARDED)
		return false;
	if (!hk_span_claim(span, HK_SPAN_GUARDED))
		hk_fatal("double free", span->base);
	examine(span);
	hk_sample_freed(span);
	atomic_fetch_sub_explicit(&guarded, 1, memory_order_relaxed);
	one = shut(span);
	hk_pageheap_uncharge(hk_align_up(span->requested, HK_PAGE));
	HK_STAT_ADD(large_frees, 1);
	HK_STAT_SUB(large_live_bytes, span->requested);
	HK_STAT_SUB(large_live_blocks, 1);
	hk_lock_take(&closed.lock);
	while ((old = expire(false)).span != NULL) {
		hk_lock_drop(&closed.lock);
		dismiss(&old);
		hk_lock_take(&closed.lock);
	}
	closed.ring[closed.next++ % HK_CLOSED] = one;
	closed.bytes += map_bytes(span);
	hk_guard_warm_bytes += one.warm_bytes;
	hk_lock_drop(&closed.lock);
	return true;
}
