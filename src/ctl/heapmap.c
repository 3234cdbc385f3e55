/* SPDX-License-Identifier: MIT
 *
 * Walks the page map (core/span.h) of a live process. Nothing stops meanwhile, so descriptors may be
 * some microseconds apart, and all of it is a stranger's memory: what does not fit together is passed over.
 * Pages that the process never touched are not read, because that would give them page tables.
 */
#include "ctl/heapmap.h"
#include "base/sys.h"
#include "core/span.h"
#include "ctl/elf.h"
#include "ctl/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAP_SYMBOL "hakmem_page_map"
#define PAGE ((uint64_t) 4096)
#define PAGES_AT_ONCE 512
#define BITMAPS_AT_ONCE 256
#define EXTENTS_MAX ((size_t) 1 << 23) /* 512 GB in slabs; a forged map may lead to one leaf over and over */
#define BITMAP_WORDS (HK_SLAB_BYTES / 16 / 64)

struct walk {
	pid_t pid;
	int pagemap;
	uint64_t map; /* address of hk_map there */
	struct hk_heapmap *ret;
	uint64_t *root;
	struct hk_leaf *leaf;
	uint64_t leaf_addr, base; /* of the leaf; of the 4 GiB that it describes */
	/* Slabs whose bitmaps are to be read together. */
	const struct hk_span *slab[BITMAPS_AT_ONCE];
	uint64_t bits[BITMAPS_AT_ONCE][BITMAP_WORDS];
	unsigned nslabs;
};

int hk_pagemap_open(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%d/pagemap", (int) pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* An entry for each PAGE, also where the kernel's pages are larger. */
static int read_parts(int fd, uint64_t addr, uint64_t *ret, size_t n)
{
	uint64_t page = hk_sys_page();

	for (size_t i = 0; i < n; i++, addr += PAGE) {
		ssize_t got = sizeof *ret;

		if (i > 0 && addr % page != 0)
			ret[i] = ret[i - 1];
		else
			got = pread(fd, &ret[i], sizeof *ret, (off_t) (addr / page * sizeof *ret));
		if (got < 0)
			return -errno;
		if (got == 0)
			ret[i] = 0;
	}
	return 0;
}

int hk_pagemap_read(int fd, uint64_t addr, uint64_t *ret, size_t n)
{
	ssize_t got;

	if (hk_sys_page() != PAGE)
		return read_parts(fd, addr, ret, n);
	got = pread(fd, ret, n * sizeof *ret, (off_t) (addr / PAGE * sizeof *ret));

	if (got < 0)
		return -errno;
	memset((char *) ret + got, 0, n * sizeof *ret - (size_t) got);
	return 0;
}

/* Read what was touched of [addr, addr + size); the rest stays as it is, zero. */
static int read_touched(const struct walk *walk, uint64_t addr, void *to, size_t size)
{
	uint64_t entry[PAGES_AT_ONCE], end = addr + size;
	int r = 0;

	for (uint64_t at = addr & ~(PAGE - 1); r == 0 && at < end; at += PAGES_AT_ONCE * PAGE) {
		size_t n = (size_t) hk_min((end - at + PAGE - 1) / PAGE, PAGES_AT_ONCE), first = 0;
		r = hk_pagemap_read(walk->pagemap, at, entry, n);
		for (size_t i = 0; r == 0 && i < n; i++) {
			uint64_t from, until;
			bool touched = (entry[i] & (HK_PAGE_PRESENT | HK_PAGE_SWAPPED)) != 0;
			if (touched && i + 1 < n)
				continue;
			/* A stretch of touched pages ends here. */
			from = hk_max(at + first * PAGE, addr);
			until = hk_min(at + (i + touched) * PAGE, end);
			first = i + 1;
			if (from < until)
				r = hk_remote_read(walk->pid, from, (char *) to + (from - addr),
				                   until - from);
		}
	}
	return r;
}

/* ---- extents ---- */

static struct hk_extent *add(struct hk_heapmap *map, uint64_t start, uint64_t end, unsigned use)
{
	if (map->n == map->room) {
		size_t room = map->room == 0 ? 4096 : 2 * map->room;
		struct hk_extent *more = room <= EXTENTS_MAX ? realloc(map->at, room * sizeof *more) : NULL;
		if (more == NULL) {
			map->no_memory = true;
			return NULL;
		}
		map->at = more;
		map->room = room;
	}
	map->at[map->n] = (struct hk_extent){.start = start, .end = end, .use = (uint8_t) use};
	return &map->at[map->n++];
}

/* The pages of a bitmap, which lies among others like it. */
static void add_metadata(struct hk_heapmap *map, uint64_t addr, size_t size)
{
	uint64_t start = addr & ~(PAGE - 1), end = (addr + size + PAGE - 1) & ~(PAGE - 1);

	for (size_t i = map->n; i > 0 && i + 64 > map->n; i--) /* most often it is one of the last */
		if (map->at[i - 1].use == HK_USE_METADATA && map->at[i - 1].start <= start &&
		    map->at[i - 1].end >= end)
			return;
	(void) add(map, start, end, HK_USE_METADATA);
}

/* [from, to) of the slab is in use: on which pages. */
static void count_used(struct hk_extent *extent, size_t from, size_t to)
{
	while (from < to) {
		size_t end = hk_min(hk_align_down(from, PAGE) + PAGE, to);
		extent->used[from / PAGE] = (uint16_t) (extent->used[from / PAGE] + (end - from));
		from = end;
	}
}

static void add_slab(struct walk *walk, const struct hk_span *slab, const uint64_t *bits)
{
	uint64_t start = (uint64_t) (uintptr_t) slab->base;
	size_t size = hk_sizeclass_bytes(slab->class_number), out = 0;
	struct hk_extent *extent = add(walk->ret, start, start + HK_SLAB_BYTES, HK_USE_SLAB);

	if (extent == NULL)
		return;
	extent->class_number = slab->class_number;
	for (size_t i = 0; i < slab->carved; i++) {
		if (bits != NULL && (bits[i / 64] >> (i % 64) & 1) != 0)
			continue;
		count_used(extent, i * size, (i + 1) * size);
		out++;
	}
	walk->ret->out_bytes[slab->class_number] += out * size;
}

static size_t bitmap_bytes(const struct hk_span *slab)
{
	return (slab->capacity + 63U) / 64 * sizeof(uint64_t);
}

/* The bitmaps of the slabs that wait, in one call. */
static void flush_slabs(struct walk *walk)
{
	struct iovec mine[BITMAPS_AT_ONCE], theirs[BITMAPS_AT_ONCE];
	size_t sum = 0;
	bool read;

	for (unsigned i = 0; i < walk->nslabs; i++) {
		mine[i] = (struct iovec){walk->bits[i], bitmap_bytes(walk->slab[i])};
		theirs[i] = (struct iovec){walk->slab[i]->bits, mine[i].iov_len};
		sum += mine[i].iov_len;
	}
	if (walk->nslabs == 0)
		return;
	read = process_vm_readv(walk->pid, mine, walk->nslabs, theirs, walk->nslabs, 0) == (ssize_t) sum;
	for (unsigned i = 0; i < walk->nslabs; i++) {
		add_slab(walk, walk->slab[i], read ? walk->bits[i] : NULL);
		add_metadata(walk->ret, (uint64_t) (uintptr_t) walk->slab[i]->bits, mine[i].iov_len);
	}
	walk->nslabs = 0;
}

static void note_slab(struct walk *walk, const struct hk_span *slab)
{
	size_t size;

	if (slab->class_number == 0 || slab->class_number >= HK_CLASSES || slab->granules != HK_SLAB_GRANULES)
		return;
	size = hk_sizeclass_bytes(slab->class_number);
	if (slab->carved > slab->capacity || slab->capacity * size > HK_SLAB_BYTES)
		return;
	if (slab->capacity <= 64) {
		add_slab(walk, slab, &slab->word);
		return;
	}
	walk->slab[walk->nslabs++] = slab;
	if (walk->nslabs == BITMAPS_AT_ONCE)
		flush_slabs(walk);
}

/* A free run: stretches that were written to, and others. */
static void note_run(struct walk *walk, const struct hk_span *run, size_t first)
{
	const uint8_t *dirty = walk->leaf->dirty + first;
	uint64_t start = (uint64_t) (uintptr_t) run->base;

	for (size_t i = 0, end; i < run->granules; i = end) {
		struct hk_extent *extent;
		for (end = i + 1; end < run->granules && (dirty[end] != 0) == (dirty[i] != 0);)
			end++;
		extent = add(walk->ret, start + i * HK_GRANULE, start + end * HK_GRANULE,
		             dirty[i] != 0 ? HK_USE_RUN : HK_USE_CLEAN);
		if (extent != NULL)
			extent->stamp_ns = run->stamp_ns;
	}
}

/* The span that begins at granule i of the leaf: how many granules to go on. */
static size_t note_span(struct walk *walk, size_t i)
{
	const struct hk_span *span = &walk->leaf->span[i];
	unsigned kind = hk_span_kind(span);
	uint64_t start = walk->base + i * HK_GRANULE, size = (uint64_t) span->granules * HK_GRANULE;
	bool mapping = kind == HK_SPAN_DIRECT || (kind == HK_SPAN_CACHED && span->direct);
	struct hk_extent *extent;

	if (kind == HK_SPAN_GUARDED) { /* most of it closed, or in part */
		(void) add(walk->ret, start, start + size, HK_USE_LARGE);
		walk->ret->large_bytes += span->requested;
		walk->ret->large_blocks++;
		return 1;
	}
	if (kind == HK_SPAN_NONE || kind == HK_SPAN_FREE_TAIL || kind > HK_SPAN_CACHED ||
	    span->granules == 0 || (uint64_t) (uintptr_t) span->base != start ||
	    (!mapping && i + span->granules > HK_LEAF_GRANULES))
		return 1;
	if (kind == HK_SPAN_SLAB) {
		note_slab(walk, span);
	} else if (kind == HK_SPAN_FREE) {
		note_run(walk, span, i);
	} else if (kind == HK_SPAN_LARGE || kind == HK_SPAN_DIRECT) {
		(void) add(walk->ret, start, start + size, HK_USE_LARGE);
		walk->ret->large_bytes += size;
		walk->ret->large_blocks++;
	} else {
		/* BUSY: on its way from one owner to the next, most often to be purged. */
		extent = add(walk->ret, start, start + size,
		             kind == HK_SPAN_CACHED ? HK_USE_BIGCACHE : HK_USE_RUN);
		if (extent != NULL)
			extent->stamp_ns = kind == HK_SPAN_CACHED ? span->stamp_ns : UINT64_MAX;
	}
	return span->granules;
}

static int walk_leaf(struct walk *walk, uint64_t top)
{
	int r;

	walk->leaf_addr = walk->map + 2 * walk->root[top];
	walk->base = top << HK_LEAF_SHIFT;
	walk->leaf = calloc(1, sizeof *walk->leaf);
	if (walk->leaf == NULL)
		return -ENOMEM;
	r = read_touched(walk, walk->leaf_addr, walk->leaf, sizeof *walk->leaf);
	(void) add(walk->ret, walk->leaf_addr & ~(PAGE - 1),
	           hk_align_up(walk->leaf_addr + sizeof *walk->leaf, PAGE), HK_USE_METADATA);
	for (size_t i = 0; r == 0 && i < HK_LEAF_GRANULES;)
		i += note_span(walk, i);
	flush_slabs(walk);
	free(walk->leaf);
	return r;
}

static int walk_all(struct walk *walk)
{
	uint64_t start = walk->map & ~(PAGE - 1);
	int r = read_touched(walk, walk->map + offsetof(struct hk_map, root), walk->root,
	                     HK_ROOT_ENTRIES * sizeof *walk->root);

	(void) add(walk->ret, start, hk_align_up(walk->map + sizeof(struct hk_map), PAGE), HK_USE_METADATA);
	for (uint64_t top = 0; r == 0 && !walk->ret->no_memory && top < HK_ROOT_ENTRIES; top++)
		if (walk->root[top] != 0)
			r = walk_leaf(walk, top);
	return r;
}

/* ---- order ---- */

static int by_start(const void *a, const void *b)
{
	const struct hk_extent *x = a, *y = b;

	return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
	                            : (x->use < y->use) - (x->use > y->use);
}

/* By address; of what overlaps (pages of metadata named twice, spans that moved meanwhile) the part that is
 * new. */
static void put_in_order(struct hk_heapmap *map)
{
	uint64_t end = 0;
	size_t n = 0;

	if (map->n > 1)
		qsort(map->at, map->n, sizeof *map->at, by_start);
	for (size_t i = 0; i < map->n; i++) {
		struct hk_extent extent = map->at[i];
		if (extent.start < end && extent.use == HK_USE_SLAB)
			continue;
		extent.start = hk_max(extent.start, end);
		if (extent.start >= extent.end)
			continue;
		end = extent.end;
		map->at[n++] = extent;
	}
	map->n = n;
}

int hk_heapmap_read(pid_t pid, struct hk_heapmap *ret)
{
	struct walk *walk = calloc(1, sizeof *walk);
	int r = -ENOMEM;

	memset(ret, 0, sizeof *ret);
	if (walk == NULL)
		return r;
	*walk = (struct walk){.pid = pid, .pagemap = -1, .ret = ret};
	walk->root = calloc(HK_ROOT_ENTRIES, sizeof *walk->root);
	if (walk->root != NULL)
		r = hk_scan_symbol(pid, MAP_SYMBOL, &walk->map);
	if (r == 0)
		r = walk->pagemap = hk_pagemap_open(pid);
	if (r >= 0)
		r = walk_all(walk);
	if (walk->pagemap >= 0)
		close(walk->pagemap);
	free(walk->root);
	free(walk);
	if (r == 0 && ret->no_memory)
		r = -ENOMEM;
	if (r == 0)
		put_in_order(ret);
	else
		hk_heapmap_free(ret);
	return r;
}

void hk_heapmap_free(struct hk_heapmap *map)
{
	free(map->at);
	*map = (struct hk_heapmap){.at = NULL};
}
