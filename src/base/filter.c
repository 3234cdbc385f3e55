/* SPDX-License-Identifier: MIT
 *
 * Is there a filter of system calls? One that does not know a call may kill the process for trying it, so calls that can
 * be done without are not tried then.
 */
#include "base/sys.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

/* 0: not known yet, 1: there was none at first */
static _Atomic int looked;

/* Opening and reading a file is what no filter forbids; asking the kernel by prctl may be. Where the file does not say (it may be
   long, with hundreds of groups), there may be one: everybody who asks can do without. */
static bool filtered_at_first(void)
{
	char text[4096];
	const char *at;

	if (hk_sys_read_file("/proc/self/status", text, sizeof(text)) <= 0 || (at = strstr(text, "\nSeccomp:\t")) == NULL)
		return true;
	return hk_text_number(at + 10) != 0;
}

bool hk_sys_filtered(void)
{
	int saved = errno, mode;

	if (atomic_load_explicit(&looked, memory_order_relaxed) == 0) {
		if (filtered_at_first())
			return true;
		atomic_store_explicit(&looked, 1, memory_order_relaxed);
	}
	mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
	errno = saved;
	return mode > 0;
}
