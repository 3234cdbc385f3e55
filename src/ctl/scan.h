/* SPDX-License-Identifier: MIT
 *
 * One process, seen from outside: who it is and where its control block lies.
 */
#ifndef HK_CTL_SCAN_H
#define HK_CTL_SCAN_H

#include "control/block.h"

#include <sys/types.h>

#define HK_LIBRARY_NAME "libhakmem.so" /* how every name of its file begins */

enum hk_seen_state {
	HK_SEEN_NOTHING,  /* not preloaded, a kernel thread, or gone */
	HK_SEEN_HIDDEN,   /* its maps cannot be read: another user's */
	HK_SEEN_REFUSED,  /* preloaded; its memory may not be read */
	HK_SEEN_NO_BLOCK, /* the library is mapped, but has no block: it is starting, or could not map one */
	HK_SEEN_FOREIGN,  /* a block of another layout, or no block at all behind the pointer */
	HK_SEEN_BLOCK
};

struct hk_seen {
	pid_t pid;
	enum hk_seen_state state;
	uid_t uid;
	gid_t gid;
	uint64_t start_time; /* field 22 of /proc/PID/stat */
	char comm[80], exe[64], unit[128]; /* comm: threads of the kernel have up to 64 bytes */
	uint64_t block;  /* its address there */
	uint64_t inode, device; /* of the shared mapping: the same in every process of the service, and nowhere else */
	uint32_t layout; /* of the block, with its version: also for FOREIGN */
	char version[32];
	pid_t first_pid; /* what the block says of the first process (in its own pid namespace) */
	uint64_t first_start;
	char program[64], block_unit[128], socket[HK_PATH_MAX];
	char conf[HK_PATH_MAX];          /* its HAKMEM_CONF, or "" */
	uint64_t root_inode, root_device; /* of its root directory */
};

/* Fill *ret for pid. Never fails; may take long if the kernel makes it wait for the target. */
void hk_scan_process(pid_t pid, struct hk_seen *ret);
/* Where the library of the process (or the program that links it) has the exported object name. 0, or −errno. */
int hk_scan_symbol(pid_t pid, const char *name, uint64_t *ret_addr);
/* Name, unit, uid and start time only (no look at its memory). 0, or −ESRCH. */
int hk_scan_identity(pid_t pid, struct hk_seen *ret);
/* "Name:" in the text of /proc/PID/status (or NULL) as a number, or −1. */
long long hk_scan_status(const char *text, const char *name);
/* Start time of a live process that is no zombie, or 0. */
uint64_t hk_scan_start_time(pid_t pid);

#endif
