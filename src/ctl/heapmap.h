/* SPDX-License-Identifier: MIT
 *
 * Which addresses of a process are hakmem's, and what they are used for: its page map, read from
 * outside without stopping it.
 */
#ifndef HK_CTL_HEAPMAP_H
#define HK_CTL_HEAPMAP_H

#include "core/sizeclass.h"

#include <sys/types.h>

#define HK_SLAB_PAGES (HK_SLAB_BYTES / 4096)

enum hk_use {
	HK_USE_SLAB,     /* blocks up to 32 KiB */
	HK_USE_LARGE,    /* one live block */
	HK_USE_BIGCACHE, /* a freed one, kept */
	HK_USE_RUN,      /* free, written to since the kernel gave it */
	HK_USE_CLEAN,    /* free, and not: resident only where a huge page or mlock made it so */
	HK_USE_METADATA
};

struct hk_extent {
	uint64_t start, end;
	uint8_t use; /* enum hk_use */
	uint8_t class_number;
	union {
		uint16_t used[HK_SLAB_PAGES]; /* SLAB: bytes of each page in blocks that are out of the slab */
		uint64_t stamp_ns;            /* BIGCACHE, RUN: CLOCK_MONOTONIC when it was freed */
	};
};

struct hk_heapmap {
	struct hk_extent *at; /* by address, none overlap */
	size_t n, room;
	uint64_t out_bytes[HK_CLASSES]; /* blocks of each class that are out of their slabs: live, or in lists */
	uint64_t large_bytes, large_blocks;
	bool no_memory;
};

/* Fill *ret. 0, −ENOENT (the library has no page map to be found), −ENOMEM, or an error of hk_remote_read.
   Blocking, for a worker thread. */
int hk_heapmap_read(pid_t pid, struct hk_heapmap *ret);
void hk_heapmap_free(struct hk_heapmap *map);

/* A page of another process, by its entry in /proc/PID/pagemap. */
#define HK_PAGE_PRESENT ((uint64_t) 1 << 63)
#define HK_PAGE_SWAPPED ((uint64_t) 1 << 62)
#define HK_PAGE_EXCLUSIVE ((uint64_t) 1 << 56)
/* n entries from the page that addr lies in. 0 or −errno. */
int hk_pagemap_read(int fd, uint64_t addr, uint64_t *ret, size_t n);
int hk_pagemap_open(pid_t pid);

#endif
