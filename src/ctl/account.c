/* SPDX-License-Identifier: MIT
 *
 * Each mapping's resident bytes are the kernel's (smaps). In those that hold heap each page's state is
 * read from /proc/PID/pagemap and counted to the part that its address belongs to; what is left over is
 * outside the heap. So the parts add up to the whole, whatever the program does meanwhile, but for what becomes resident
 * between the two looks.
 *
 * pagemap also shows pages that only read as zero and cost nothing, and no page's number of users: pages
 * that are not this process's alone are therefore scaled, a mapping at a time, to what smaps counts.
 */
#include "ctl/account.h"
#include "base/sys.h"
#include "control/slots.h"
#include "ctl/ctl.h"
#include "ctl/elf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE ((uint64_t) 4096)
#define WINDOW 4096              /* pagemap entries read at a time */
#define RESTING_NS 1000000000U   /* free for so long: not in circulation */
#define GROUP (64 * PAGE)        /* of a large block: one page of so many is looked at, … */
#define GROUP_SAMPLE (37 * PAGE) /* … this one */
#define TICKS_NS 2000000000U     /* how late a purge may be where time passes: its ticks, a busy machine */

/* Parts while one mapping is divided: those of hk_part, and what is resident without having been touched. */
enum { CLEAN_RUNS = HK_PART_COUNT, CLEAN_SLABS, CLEAN_LARGE, COUNTS };

struct counts {
	double own[COUNTS], shared[COUNTS]; /* bytes on pages of this process alone, and on others */
};

struct division {
	struct hk_account *account;
	int pagemap;
	uint64_t window_start, window_end;
	uint64_t window[WINDOW];
	uint64_t now_ns;
	uint64_t group; /* of pages of a large block that was looked at last … */
	bool unwritten; /* … and it reads as zero */
	int error;
};

const char *hk_account_error(int error)
{
	if (error == -ENOENT)
		return "its libhakmem is of a version without explain: restart it with the one that came "
		       "with this hakmemctl";
	if (error == -EPERM || error == -EACCES)
		return "the kernel refuses access to its memory: explain needs root, or the same user where "
		       "ptrace is "
		       "allowed (kernel.yama.ptrace_scope = 0)";
	if (error == -ESRCH || error == -EFAULT)
		return "the process ended, or changed, during the request";
	return strerror(-error);
}

uint64_t hk_account_sum(const uint64_t *parts, unsigned first, unsigned end)
{
	uint64_t sum = 0;

	for (unsigned i = first; i < end; i++)
		sum += parts[i];
	return sum;
}

/* ---- pages ---- */

static uint64_t entry_of(struct division *d, uint64_t addr, uint64_t end)
{
	if (addr < d->window_start || addr >= d->window_end) {
		size_t n = (size_t) hk_min((end - addr + PAGE - 1) / PAGE, WINDOW);
		int r = hk_pagemap_read(d->pagemap, addr, d->window, n);
		if (r < 0)
			d->error = r;
		d->window_start = addr;
		d->window_end = addr + n * PAGE;
		if (r < 0)
			memset(d->window, 0, sizeof d->window);
	}
	return d->window[(addr - d->window_start) / PAGE];
}

static bool is_older(const struct division *d, uint64_t stamp_ns, uint64_t age_ns)
{
	return stamp_ns < d->now_ns && d->now_ns - stamp_ns > age_ns;
}

/*
 * The first write to a huge page makes all of it resident. What the program itself never wrote to reads as
 * zero there: of large blocks in mappings with huge pages a sample is read to see.
 */
static bool is_unwritten(struct division *d, const struct hk_region *region, const struct hk_extent *extent,
                         uint64_t addr)
{
	uint64_t sample = (addr & ~(GROUP - 1)) + GROUP_SAMPLE, word[PAGE / sizeof(uint64_t)], any = 0;

	if (d->group == sample)
		return d->unwritten;
	d->group = sample;
	d->unwritten = false;
	if (sample < extent->start || sample >= hk_min(extent->end, region->end) ||
	    (entry_of(d, sample, region->end) & HK_PAGE_PRESENT) == 0 ||
	    hk_remote_read(d->account->pid, sample, word, sizeof word) < 0)
		return false;
	for (size_t i = 0; i < HK_COUNT(word); i++)
		any |= word[i];
	return d->unwritten = any == 0;
}

/* A page of a slab: in part blocks, in part free. */
static void count_slab_page(const struct hk_extent *extent, uint64_t addr, double *to)
{
	unsigned used = extent->used[(addr % HK_SLAB_BYTES) / PAGE];

	to[HK_PART_LIVE_SMALL] += used;
	to[used > 0 ? HK_PART_BETWEEN : CLEAN_SLABS] += (double) (PAGE - hk_min(used, PAGE));
}

static void count_page(struct division *d, const struct hk_region *region, const struct hk_extent *extent,
                       uint64_t addr, struct counts *ret)
{
	static const unsigned parts[] = {[HK_USE_LARGE] = HK_PART_LIVE_LARGE,
	                                 [HK_USE_BIGCACHE] = HK_PART_BIGCACHE,
	                                 [HK_USE_RUN] = HK_PART_RUNS,
	                                 [HK_USE_CLEAN] = CLEAN_RUNS,
	                                 [HK_USE_METADATA] = HK_PART_METADATA};
	uint64_t entry = entry_of(d, addr, region->end);
	double *to = (entry & HK_PAGE_EXCLUSIVE) != 0 ? ret->own : ret->shared;

	if ((entry & HK_PAGE_PRESENT) == 0)
		return;
	if (extent->use == HK_USE_LARGE && region->huge > 0 && is_unwritten(d, region, extent, addr)) {
		to[CLEAN_LARGE] += PAGE;
		return;
	}
	if (extent->use == HK_USE_SLAB) {
		count_slab_page(extent, addr, to);
		return;
	}
	to[parts[extent->use]] += PAGE;
	if (extent->use != HK_USE_BIGCACHE && extent->use != HK_USE_RUN)
		return;
	if (is_older(d, extent->stamp_ns, RESTING_NS))
		d->account->resting += PAGE;
	if (is_older(d, extent->stamp_ns,
	             d->account->purge_delay_ns + d->account->purge_delay_ns / 4 + TICKS_NS))
		d->account->overdue += PAGE;
}

/* ---- one mapping ---- */

static double take(double *from, double want)
{
	double taken = want < *from ? want : *from;

	*from -= taken;
	return taken;
}

/* What the kernel may take at will is free memory, or was until a moment ago. */
static void set_softened_apart(const struct hk_region *region, double *parts)
{
	static const unsigned order[] = {HK_PART_BIGCACHE, HK_PART_RUNS,       CLEAN_RUNS,
	                                 CLEAN_SLABS,      HK_PART_LIVE_LARGE, HK_PART_LIVE_SMALL};
	double left = (double) region->lazy_free;

	for (size_t i = 0; i < HK_COUNT(order); i++) {
		double taken = take(&parts[order[i]], left);
		parts[HK_PART_SOFTENED] += taken;
		left -= taken;
	}
}

/* Resident, though never touched or given back since: huge pages do that. */
static void set_huge_apart(struct hk_account *account, const struct hk_region *region, double *parts,
                           bool own)
{
	double left = (double) region->huge, runs = take(&parts[CLEAN_RUNS], left), slabs, blocks;

	slabs = take(&parts[CLEAN_SLABS], left - runs);
	blocks = take(&parts[CLEAN_LARGE], left - runs - slabs);
	parts[HK_PART_HUGE] += runs + slabs + blocks;
	if (own) {
		account->huge_in_slabs += (uint64_t) slabs;
		account->huge_in_blocks += (uint64_t) blocks;
	}
	parts[HK_PART_RUNS] += parts[CLEAN_RUNS];
	parts[HK_PART_PAGES] += parts[CLEAN_SLABS];
	parts[HK_PART_LIVE_LARGE] += parts[CLEAN_LARGE];
	parts[CLEAN_RUNS] = parts[CLEAN_SLABS] = parts[CLEAN_LARGE] = 0;
}

static const enum hk_part outside_part[HK_REGION_KINDS] = {
        [HK_REGION_PROGRAM] = HK_PART_PROGRAM, [HK_REGION_LIBRARY] = HK_PART_LIBRARIES,
        [HK_REGION_FILE] = HK_PART_FILES,      [HK_REGION_SHARED] = HK_PART_SHARED,
        [HK_REGION_BRK] = HK_PART_BRK,         [HK_REGION_STACK] = HK_PART_STACKS,
        [HK_REGION_OURS] = HK_PART_METADATA,   [HK_REGION_OTHER] = HK_PART_OTHER,
};

static double total(const double *parts)
{
	double sum = 0;

	for (unsigned i = 0; i < COUNTS; i++)
		sum += parts[i];
	return sum;
}

/* Add own + scale × shared to the account, and what of all is not in there to the mapping's kind. */
static void settle(struct hk_account *account, const struct hk_region *region, const struct counts *counts,
                   double all, double scale, bool is_rss)
{
	uint64_t *to = is_rss ? account->rss : account->pss;
	double parts[COUNTS], rest;

	for (unsigned i = 0; i < COUNTS; i++)
		parts[i] = counts->own[i] + scale * counts->shared[i];
	rest = all - total(parts);
	set_softened_apart(region, parts);
	set_huge_apart(account, region, parts, is_rss);
	for (unsigned i = 0; i < HK_PART_COUNT; i++)
		to[i] += (uint64_t) parts[i];
	if (rest > 0)
		to[outside_part[region->kind]] += (uint64_t) rest;
}

/* What share of the pages of others counts, so that they make up all − own. */
static double scale_of(double all, double own, double shared)
{
	if (shared <= 0 || all <= own)
		return 0;
	return all - own < shared ? (all - own) / shared : 1;
}

static void divide(struct division *d, const struct hk_region *region, const struct hk_extent *extent,
                   const struct hk_extent *end)
{
	struct counts counts = {.own = {0}};
	double own = (double) region->private_bytes, shared;

	for (; region->rss > 0 && extent < end && extent->start < region->end; extent++) {
		uint64_t to = hk_min(extent->end, region->end);
		for (uint64_t at = hk_max(extent->start, region->start); at < to; at += PAGE)
			count_page(d, region, extent, at, &counts);
	}
	shared = total(counts.shared);
	settle(d->account, region, &counts, (double) region->rss, scale_of((double) region->rss, own, shared),
	       true);
	settle(d->account, region, &counts, (double) region->pss, scale_of((double) region->pss, own, shared),
	       false);
}

static int divide_all(struct hk_account *account, const struct hk_heapmap *map, const struct hk_smaps *smaps)
{
	struct division *d = calloc(1, sizeof *d);
	const struct hk_extent *extent = map->at, *end = map->at + map->n;
	int r;

	if (d == NULL)
		return -ENOMEM;
	*d = (struct division){
	        .account = account, .now_ns = hk_sys_now_ns(), .pagemap = hk_pagemap_open(account->pid)};
	d->error = d->pagemap < 0 ? d->pagemap : 0;
	for (size_t i = 0; d->error == 0 && i < smaps->n; i++) {
		if (smaps->at[i].start <= account->block && account->block < smaps->at[i].end)
			smaps->at[i].kind = HK_REGION_OURS;
		while (extent < end && extent->end <= smaps->at[i].start)
			extent++;
		divide(d, &smaps->at[i], extent, end);
		hk_ctl_patience();
		account->swap += smaps->at[i].swap;
	}
	r = d->error;
	if (d->pagemap >= 0)
		close(d->pagemap);
	free(d);
	return r;
}

/* ---- counters ---- */

/* A line of /proc/PID/status: its last number, or 0. */
static uint64_t status_figure(const char *text, const char *name)
{
	const char *line = strstr(text, name), *last;
	char *end;

	if (line == NULL)
		return 0;
	line += strlen(name);
	for (uint64_t n = 0;; line = end) {
		last = line + strspn(line, " \t");
		if (*last < '0' || *last > '9')
			return n;
		n = strtoull(last, &end, 10);
	}
}

/* The slot of the process in its service's block: pids there are those of its own namespace. */
static struct hk_slot *find_slot(const struct hk_account *account, uint32_t pid)
{
	struct hk_slot *slot = malloc(sizeof *slot);
	uint32_t high = 0;

	if (slot != NULL &&
	    hk_remote_read(account->pid, account->block + offsetof(struct hk_block, slots_high), &high,
	                   sizeof high) < 0)
		high = 0;
	for (uint32_t i = 0; slot != NULL && i < high && i < HK_SLOTS; i++) {
		uint64_t addr = account->block + offsetof(struct hk_block, slot) + i * sizeof *slot;
		uint32_t owner = 0;
		if (hk_remote_read(account->pid, addr, &owner, sizeof owner) == 0 && owner == pid &&
		    hk_remote_read(account->pid, addr, slot, sizeof *slot) == 0)
			return slot;
	}
	free(slot);
	return NULL;
}

static void move(uint64_t *parts, enum hk_part from, enum hk_part to, double share)
{
	uint64_t bytes = (uint64_t) (share * (double) parts[from]);

	parts[from] -= bytes;
	parts[to] += bytes;
}

/* Blocks that are out of slabs are the program's, or rest in lists: the counters tell how many. Lists are
 * warm. */
static void set_lists_apart(struct hk_account *account, const struct hk_heapmap *map, uint32_t pid)
{
	struct hk_slot *slot = find_slot(account, pid);
	uint64_t out = 0, lists;
	struct hk_counters sum;
	struct hk_summary summary;
	double share;

	for (unsigned c = 0; c < HK_CLASSES; c++)
		out += map->out_bytes[c];
	account->small_live = out;
	if (slot == NULL)
		return;
	memset(&sum, 0, sizeof sum);
	hk_counters_add(&sum, &slot->counters);
	hk_stats_summarise(&sum, &summary);
	free(slot);
	account->threads = sum.threads;
	account->small_live = hk_min(summary.live_bytes - summary.large_live_bytes, out);
	lists = out - account->small_live;
	share = account->rss[HK_PART_LIVE_SMALL] > 0
	                ? (double) lists / (double) hk_max(account->rss[HK_PART_LIVE_SMALL], lists)
	                : 0;
	move(account->rss, HK_PART_LIVE_SMALL, HK_PART_LISTS, share);
	move(account->pss, HK_PART_LIVE_SMALL, HK_PART_LISTS, share);
}

void hk_account_process(void *job)
{
	struct hk_account *account = job;
	char path[64], text[8192];
	struct hk_heapmap map;
	struct hk_smaps smaps;

	account->error = hk_heapmap_read(account->pid, &map);
	if (account->error < 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/status", (int) account->pid);
	hk_ctl_patience();
	account->error = hk_smaps_read(account->pid, &smaps);
	hk_ctl_patience();
	if (account->error == 0 && hk_sys_read_file(path, text, sizeof text) <= 0)
		account->error = -ESRCH;
	if (account->error == 0) {
		account->vm_rss = status_figure(text, "\nVmRSS:") * 1024;
		account->error = divide_all(account, &map, &smaps);
	}
	if (account->error == 0) {
		account->large_live = map.large_bytes;
		account->large_blocks = map.large_blocks;
		memcpy(account->class_bytes, map.out_bytes, sizeof account->class_bytes);
		set_lists_apart(account, &map, (uint32_t) status_figure(text, "\nNSpid:"));
	}
	hk_smaps_free(&smaps);
	hk_heapmap_free(&map);
}
