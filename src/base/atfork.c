/* SPDX-License-Identifier: MIT
 *
 * pthread_atfork as glibc's libc_nonshared.a has it, hidden, but for two things. The linker would put that one behind
 * everything else, where it is the only code that a start runs. And its handlers are of an object: exit takes them away when the
 * object's destructors run, and a thread that forks at that moment would take all locks and never drop them. So ours
 * are nobody's, and stay; the library is linked so that it is never unloaded.
 */
#ifndef HK_SANITIZED
#include <pthread.h>
#include <stddef.h>

extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *dso);

int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return __register_atfork(prepare, parent, child, NULL);
}
#else
typedef int hk_atfork_unused; /* the sanitizers have their own */
#endif
