/* SPDX-License-Identifier: MIT
 *
 * A thread that sleeps most of the time and then has to answer: among many that are busy the kernel's scheduler runs first
 * whoever asks for a short turn. This takes nothing from the others' share, and no right.
 */
#include "base/sys.h"

#include <errno.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HK_TURN_NS 100000 /* the shortest that the kernel grants */

/* struct sched_attr of sched_setattr(2), which not every libc declares. */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns; /* of ordinary threads only runtime, the turn: from Linux 6.12 on */
};

void hk_sys_prompt(void)
{
	struct attributes attributes = {.size = sizeof(attributes)};
	int saved = errno;

	if (!hk_sys_filtered() && syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0U) == 0 &&
	    attributes.policy == SCHED_OTHER) {
		attributes.runtime_ns = HK_TURN_NS;
		(void) syscall(SYS_sched_setattr, 0, &attributes, 0U);
	}
	errno = saved;
}
