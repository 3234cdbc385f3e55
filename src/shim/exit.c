/* SPDX-License-Identifier: MIT
 *
 * pthread_exit, wrapped: when the main thread ends and others go on, the control thread has to be gone, or
 * it would keep the process alive and, as its last thread, end it with the wrong descriptors. Costs every
 * other thread one comparison.
 */
#include "control/block.h"
#include "shim/shim.h"

#include <dlfcn.h>
#include <pthread.h>

#ifdef PIC /* in a static program there is nothing to wrap: the thread's own watch has to do */
HK_EXPORT void pthread_exit(void *result)
{
	union {
		void *object;
		void (*function)(void *) __attribute__((noreturn));
	} next = {.object = dlsym(RTLD_NEXT, "pthread_exit")};

	hk_thread_leave();
	next.function(result);
}
#endif
