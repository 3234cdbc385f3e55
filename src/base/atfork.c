/* SPDX-License-Identifier: MIT
 *
 * pthread_atfork as glibc's libc_nonshared.a has it, hidden. The linker would put that one behind everything
 * else, where it is the only code that a start runs.
 */
#ifndef HK_SANITIZED
#include <pthread.h>

extern void *__dso_handle;
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return __register_atfork(prepare, parent, child, __dso_handle);
}
#else
typedef int hk_atfork_unused; /* the sanitizers have their own */
#endif
