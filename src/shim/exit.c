/* SPDX-License-Identifier: MIT
 *
 * Calls that the control thread must not stand in the way of, wrapped. pthread_exit: when the main thread ends and others go
 * on, it has to be gone, or it would keep the process alive and, as its last thread, end it with the wrong descriptors. Costs
 * every other thread one comparison. unshare and setns: the kernel refuses some namespaces to a process of several threads; a
 * program whose only other thread is ours gets its namespace, and hakmemctl takes the other door from then on.
 */
#include "control/block.h"
#include "shim/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <time.h>

#ifdef PIC /* in a static program there is nothing to wrap: the thread's own watch has to do */
#define HK_GONE_STEPS 200 /* of 1 ms: a thread that was joined is counted for a moment yet */

HK_EXPORT void pthread_exit(void *result)
{
	union {
		void *object;
		void (*function)(void *) __attribute__((noreturn));
	} next = {.object = dlsym(RTLD_NEXT, "pthread_exit")};

	hk_thread_leave();
	next.function(result);
}

static bool has_threads(nlink_t n)
{
	struct stat st;

	return stat("/proc/self/task", &st) == 0 && st.st_nlink == n + 2;
}

/* The call has just failed. True: it may succeed now that the program's thread is the only one. */
static bool alone_now(void)
{
	const struct timespec step = {.tv_nsec = 1000000};
	int saved = errno;
	bool alone = false;

	if ((saved == EINVAL || saved == EUSERS) && hk_thread_is_here() && has_threads(2)) {
		hk_thread_leave();
		for (int i = 0; i < HK_GONE_STEPS && !(alone = has_threads(1)); i++)
			(void) nanosleep(&step, NULL);
	}
	errno = saved;
	return alone;
}

HK_EXPORT int unshare(int flags)
{
	union {
		void *object;
		int (*function)(int);
	} next = {.object = dlsym(RTLD_NEXT, "unshare")};
	int r = next.function(flags);

	return r != 0 && alone_now() ? next.function(flags) : r;
}

HK_EXPORT int setns(int fd, int kind)
{
	union {
		void *object;
		int (*function)(int, int);
	} next = {.object = dlsym(RTLD_NEXT, "setns")};
	int r = next.function(fd, kind);

	return r != 0 && alone_now() ? next.function(fd, kind) : r;
}
#endif
