/* SPDX-License-Identifier: MIT
 *
 * How much memory the kernel will still give: what the host has available, and what the memory groups (cgroup v1 and
 * v2) that this process is in may still take, whichever is least.
 */
#ifndef HK_BASE_ROOM_H
#define HK_BASE_ROOM_H

#include "base/bits.h"

struct hk_room {
	uint64_t limit; /* bytes in all, of the tightest of them; 0: nothing is known */
	uint64_t left;  /* bytes of it that are free, or hold file contents that the kernel can drop */
	bool group;     /* the tightest is a memory group */
	bool pressed;   /* tasks wait for memory (PSI: 5 % of the last ten seconds) */
};

/* proc and cgroups: where these file systems are mounted, "/proc" and "/sys/fs/cgroup". What cannot be read counts as no
   limit. Any thread, one at a time; opens and closes some files, keeps errno. */
void hk_room_read(const char *proc, const char *cgroups, struct hk_room *ret);

#endif
