/* SPDX-License-Identifier: MIT
 *
 * The mappings of a process as the kernel tells them (/proc/PID/smaps), each with what it is for.
 */
#ifndef HK_CTL_SMAPS_H
#define HK_CTL_SMAPS_H

#include "base/bits.h"

#include <sys/types.h>

enum hk_region_kind {
	HK_REGION_PROGRAM, /* the executable, with its data */
	HK_REGION_LIBRARY, /* other files that hold code, with their data */
	HK_REGION_FILE,    /* files that are read as data */
	HK_REGION_SHARED,  /* shared memory: anonymous, tmpfs, memfd, System V */
	HK_REGION_BRK,     /* what sbrk gave: glibc's own heap, or the program's */
	HK_REGION_STACK,
	HK_REGION_OURS,    /* libhakmem's own data */
	HK_REGION_OTHER,   /* anonymous mappings that the program, a run-time or a library made */
	HK_REGION_KINDS
};

struct hk_region {
	uint64_t start, end;
	enum hk_region_kind kind;
	bool guard, anonymous;
	uint64_t rss, pss, private_bytes, lazy_free, huge, swap; /* bytes */
};

struct hk_smaps {
	struct hk_region *at;
	size_t n, room;
};

/* 0 or −errno (−EACCES: another user's process). Blocking, for a worker thread. */
int hk_smaps_read(pid_t pid, struct hk_smaps *ret);
void hk_smaps_free(struct hk_smaps *smaps);

#endif
