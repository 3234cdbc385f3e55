/* SPDX-License-Identifier: MIT
 *
 * Start and end of the library in a process. The allocator needs no start: it works from the first
 * call on with built-in defaults. The constructor brings the configuration and the control block.
 */
#include "base/unwind.h"
#include "control/block.h"
#include "core/harden.h"
#include "core/hk.h"
#include "shim/shim.h"

#include <sys/auxv.h>
#include <unistd.h>

void hk_shim_start(void)
{
	/* Make the allocator register its fork and thread handlers before the program registers any. */
	hk_free(hk_malloc(1));
	hk_operators_look();
	hk_unwind_start((const void *) getauxval(AT_RANDOM)); /* the kernel puts that above all frames */
	hk_process_start(getauxval(AT_SECURE) != 0, environ);
	hk_thread_settle(); /* with what it cached before the configuration was known */
}

__attribute__((destructor(101))) static void end(void)
{
	hk_harden_finish(); /* first: it looks into slabs that the other gives back */
	hk_finish();
	hk_process_exit();
}
