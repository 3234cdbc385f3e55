/* SPDX-License-Identifier: MIT
 *
 * Spans and the page map. Memory is managed in granules of 16 KiB; a span is a run of them: a slab
 * of equal blocks, one large block, a direct mapping, or free. All metadata is outside the memory it
 * describes, dense, in one leaf per 4 GiB of address space:
 *
 *   root[address >> 32] ──► leaf { code[], dirty[], span[] }, one entry per granule
 *
 * code   code of the size class (sizeclass.h) in every granule of a slab, else 0: all that free() needs
 * dirty  1 if the granule may have been written since the kernel last gave it zeroed
 * span   the descriptor; valid for the first granule of a span (and the last of a free run)
 *
 * code[] of a slab changes only while no block of it is out. root entries are written
 * once, under the page heap's lock.
 *
 * hakmemctl reads all of this in the memory of live processes (src/ctl/heapmap.c): a change of these structs raises
 * HK_BLOCK_LAYOUT.
 */
#ifndef HK_CORE_SPAN_H
#define HK_CORE_SPAN_H

#include "base/bits.h"
#include "core/sizeclass.h"

#include <stdatomic.h>

#define HK_GRANULE_SHIFT 14
#define HK_GRANULE ((size_t) 1 << HK_GRANULE_SHIFT)
#define HK_SLAB_GRANULES (HK_SLAB_BYTES >> HK_GRANULE_SHIFT)
#define HK_LEAF_SHIFT 32
#define HK_LEAF_GRANULES ((size_t) 1 << (HK_LEAF_SHIFT - HK_GRANULE_SHIFT))
#define HK_ROOT_ENTRIES ((size_t) 1 << 16) /* 48 bits of address */

enum hk_span_kind {
	HK_SPAN_NONE,
	HK_SPAN_FREE,      /* free run, in a bin of the page heap */
	HK_SPAN_FREE_TAIL, /* last granule of a free run longer than one: granules is set */
	HK_SPAN_BUSY,      /* taken out of the page heap by a purge under way */
	HK_SPAN_SLAB,
	HK_SPAN_LARGE,     /* one block, granules of an arena */
	HK_SPAN_DIRECT,    /* one block, a mapping of its own */
	HK_SPAN_CACHED,    /* LARGE or DIRECT resting in BigCache */
	HK_SPAN_GUARDED    /* one block between closed pages (guard.c): at the granule in which it begins */
};

struct hk_span {
	struct hk_span *next, *prev; /* bin of the page heap, of the pool, or band of BigCache */
	char *base;
	uint32_t granules;
	_Atomic uint8_t kind;        /* enum hk_span_kind; neighbours look at it: hk_span_kind, hk_span_name */
	uint8_t class_number;        /* SLAB */
	uint8_t shard;               /* SLAB */
	uint8_t direct;              /* CACHED: it was DIRECT; SLAB: HK_SLAB_… */
	union {
		struct { /* SLAB; lock: its pool bin's */
			uint64_t *bits;    /* 1: block is free; words in metadata, or &word */
			uint64_t word;
			uint16_t capacity; /* blocks */
			uint16_t carved;   /* blocks that were ever handed out: the rest is untouched */
			uint16_t nfree;    /* bits set */
			uint16_t hint;     /* no bit is set in words before this one */
			uint16_t purged;   /* bit per page: it was given back, and no block on it handed out since */
			uint8_t listed;    /* enum in pool_int.h: in its pool bin's list or not */
			uint8_t age;       /* calls of hk_pool_purge since a block came back, up to HK_SLAB_RESTED */
			uint16_t ahead;    /* hard slabs: the free block that is handed out next, 0: none was chosen */
		};
		struct { /* FREE, CACHED */
			struct hk_span *older, *newer; /* by age: page heap's dirty list, BigCache */
			uint64_t stamp_ns; /* when it was freed; FREE: 0 if and only if ndirty is 0 */
			uint32_t ndirty;   /* FREE: dirty granules; CACHED: 1 if the kernel may take its pages */
		};
		struct { /* GUARDED; base is the block, granules those of the mapping */
			char *guard_map;
			uint64_t requested; /* bytes */
			uint32_t sample;    /* its number among the samples (sample.c), or 0 */
		};
	};
};
_Static_assert(sizeof(struct hk_span) == 64, "one cache line per span");

#define HK_SLAB_ZEROED 1U /* its memory was all zero when it was made */
#define HK_SLAB_HARD 2U   /* of security = full: pool_hard.c */

static inline bool hk_slab_zeroed(const struct hk_span *slab)
{
	return (slab->direct & HK_SLAB_ZEROED) != 0;
}

static inline bool hk_slab_is_hard(const struct hk_span *slab)
{
	return (slab->direct & HK_SLAB_HARD) != 0;
}

HK_INLINE unsigned hk_span_kind(const struct hk_span *span)
{
	return atomic_load_explicit(&span->kind, memory_order_relaxed);
}

/* The owner of a span renames it without a lock; a free run's kind changes only under the page heap's. */
HK_INLINE void hk_span_name(struct hk_span *span, unsigned kind)
{
	atomic_store_explicit(&span->kind, (uint8_t) kind, memory_order_relaxed);
}

/* From kind to HK_SPAN_BUSY, unless another thread was first: two of them may free one block at once. */
HK_INLINE bool hk_span_claim(struct hk_span *span, unsigned kind)
{
	uint8_t expected = (uint8_t) kind;

	return atomic_compare_exchange_strong_explicit(&span->kind, &expected, HK_SPAN_BUSY, memory_order_relaxed,
	                                               memory_order_relaxed);
}

struct hk_leaf {
	uint16_t code[HK_LEAF_GRANULES];
	uint8_t dirty[HK_LEAF_GRANULES];
	struct hk_span span[HK_LEAF_GRANULES];
};

/*
 * What the fast paths read, behind one address. Never-mapped addresses have root entry 0, which leads to
 * the all-zero codes at the start: a look-up needs no test.
 */
struct hk_map {
	uint16_t zero[HK_LEAF_GRANULES]; /* the codes of addresses that were never mapped */
	uintptr_t root[HK_ROOT_ENTRIES]; /* distance of a leaf from this struct, in units of a code */
	struct hk_size_range range[HK_CLASSES]; /* by class; here because the address is at hand where the code is */
};
extern struct hk_map hk_map;

HK_INLINE size_t hk_granule_index(const void *p)
{
	return (uint32_t) (uintptr_t) p >> HK_GRANULE_SHIFT;
}

/* Code of the size class that p's granule belongs to; 0 for any address that is in no slab. */
HK_INLINE uintptr_t hk_code_of(const void *p)
{
	uintptr_t at = hk_granule_index(p) + hk_map.root[(uint16_t) ((uintptr_t) p >> HK_LEAF_SHIFT)];
	return *(const uint16_t *) ((uintptr_t) &hk_map + 2 * at);
}

/* The leaf for p, or NULL if nothing was ever mapped there. */
static inline struct hk_leaf *hk_leaf_of(const void *p)
{
	uintptr_t top = (uintptr_t) p >> HK_LEAF_SHIFT, distance;

	if (top >= HK_ROOT_ENTRIES)
		return NULL;
	distance = __atomic_load_n(&hk_map.root[top], __ATOMIC_ACQUIRE);
	if (distance == 0)
		return NULL;
	distance = (uintptr_t) &hk_map + 2 * distance;
	__asm__("" : "+r"(distance)); /* a leaf of its own, whatever the compiler thinks of the sum */
	return (struct hk_leaf *) distance;
}

/* Descriptor of p's granule; p must lie in memory that hk_pagemap_cover covered. */
static inline struct hk_span *hk_span_at(const void *p)
{
	return &hk_leaf_of(p)->span[hk_granule_index(p)];
}

/* The slab that p lies in (hk_code_of(p) != 0). */
static inline struct hk_span *hk_slab_of(const void *p)
{
	return &hk_leaf_of(p)->span[hk_granule_index(p) & ~(size_t) (HK_SLAB_GRANULES - 1)];
}

/* The same with a check: NULL if p is in no slab of the class with this code. */
static inline struct hk_span *hk_slab_with(const void *p, uintptr_t code)
{
	struct hk_leaf *leaf = hk_leaf_of(p);
	size_t i = hk_granule_index(p);

	if (leaf == NULL || leaf->code[i] != code)
		return NULL;
	return &leaf->span[i & ~(size_t) (HK_SLAB_GRANULES - 1)];
}

/* Descriptor of the block that begins exactly at p, or NULL if p is no start of a LARGE, DIRECT or GUARDED block. */
struct hk_span *hk_large_span(const void *p);

/* Make leaves for the range. False when the kernel has no memory for them. Lock: page heap. */
bool hk_pagemap_cover(const void *base, size_t size);
/* Set or clear the code of a slab's granules. */
void hk_pagemap_slab(struct hk_span *slab, unsigned code);

#endif
