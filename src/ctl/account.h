/* SPDX-License-Identifier: MIT
 *
 * All that is resident of one process, by what it is for: the kernel's figures, divided by what hakmem's
 * page map says of each page.
 */
#ifndef HK_CTL_ACCOUNT_H
#define HK_CTL_ACCOUNT_H

#include "ctl/heapmap.h"
#include "ctl/scan.h"
#include "ctl/smaps.h"

/* PART(ID, json name, name for people, in the heap?) */
#define HK_PARTS(PART)                                                                                                \
	PART(LIVE_SMALL, "live_small_bytes", "small blocks", true)                                                    \
	PART(LIVE_LARGE, "live_large_bytes", "large blocks", true)                                                    \
	PART(BETWEEN, "free_between_live_bytes", "beside live blocks", true)                                          \
	PART(PAGES, "free_pages_in_slabs_bytes", "whole pages", true)                                                 \
	PART(LISTS, "thread_lists_bytes", "in thread lists", true)                                                    \
	PART(BIGCACHE, "bigcache_bytes", "BigCache", true)                                                            \
	PART(RUNS, "free_runs_bytes", "free runs", true)                                                              \
	PART(SOFTENED, "softened_bytes", "softened", true)                                                            \
	PART(HUGE, "huge_page_waste_bytes", "huge pages", true)                                                       \
	PART(METADATA, "metadata_bytes", "metadata", true)                                                            \
	PART(PROGRAM, "program_bytes", "program", false)                                                              \
	PART(LIBRARIES, "libraries_bytes", "libraries", false)                                                        \
	PART(FILES, "mapped_files_bytes", "mapped files", false)                                                      \
	PART(SHARED, "shared_memory_bytes", "shared memory", false)                                                   \
	PART(BRK, "brk_bytes", "brk heap", false)                                                                     \
	PART(STACKS, "stacks_bytes", "stacks", false)                                                                 \
	PART(OTHER, "other_mappings_bytes", "other mappings", false)

#define HK_PART_ID(id, json, name, heap) HK_PART_##id,
enum hk_part { HK_PARTS(HK_PART_ID) HK_PART_COUNT };
#undef HK_PART_ID
#define HK_PART_FIRST_OUTSIDE HK_PART_PROGRAM

struct hk_account {
	/* What to look at. */
	pid_t pid;
	uint64_t block;          /* address of the control block there */
	uint64_t purge_delay_ns; /* in force */
	/* Result. */
	int error; /* 0 or −errno */
	uint64_t vm_rss;              /* of /proc/PID/status */
	uint64_t rss[HK_PART_COUNT];  /* resident */
	uint64_t pss[HK_PART_COUNT];  /* of pages that are shared between processes a share only */
	uint64_t swap;
	uint64_t resting;             /* of BIGCACHE and RUNS: free for more than a second */
	uint64_t overdue;             /* of BIGCACHE and RUNS: free for longer than purge_delay and its ticks allow */
	uint64_t huge_in_slabs;       /* of HUGE: trim gives it back */
	uint64_t huge_in_blocks;      /* of HUGE: by a sample, parts of live large blocks that were never written */
	uint64_t small_live, large_live, large_blocks; /* allocated, touched or not */
	uint64_t threads;
	uint64_t class_bytes[HK_CLASSES]; /* of blocks that are live or in lists */
};

/* The library has no page map that could be found, or another layout: for people. */
const char *hk_account_error(int error);
/* Blocking, for a worker thread; a second for each some hundred GB. */
void hk_account_process(void *account);
uint64_t hk_account_sum(const uint64_t *parts, unsigned first, unsigned end);

#endif
