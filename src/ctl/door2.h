/* SPDX-License-Identifier: MIT
 *
 * Door 2: a verb carried out on a service's control block through process_vm_readv/writev.
 */
#ifndef HK_CTL_DOOR2_H
#define HK_CTL_DOOR2_H

#include "control/block.h"

#include <sys/types.h>

struct hk_door2 {
	pid_t pid;      /* a live process of the service */
	uid_t uid;      /* its user and group: files are read with their rights */
	gid_t gid;
	uint64_t block; /* address of the block there */
	const char *line;
	/* Result. */
	int raced;              /* times another operator was faster */
	char error[512];        /* "" when reply is a reply (which may say ok:false) */
	char reply[HK_REPLY_MAX];
};

#define HK_DOOR2_REFUSED                                                                                             \
	"the kernel refuses access to its memory: needs root, or the same user where ptrace is allowed "              \
	"(kernel.yama.ptrace_scope = 0), or control = on in the service"
/* Carry out job->line. Blocking, for a worker thread; waits about 0.1 s for a change to be taken up. */
void hk_door2_run(struct hk_door2 *job);

#endif
