/* SPDX-License-Identifier: MIT
 *
 * Blocking work (looks into /proc and strangers' memory) for many processes at once, on threads and with a
 * deadline, because the kernel may make a reader wait for its target.
 */
#ifndef HK_CTL_POOL_H
#define HK_CTL_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* Between two jobs a thread calls it, if it is set. */
extern void (*hk_pool_pause)(void);
/* Runs work(jobs[i]) for all i; waits at most timeout_ms. Main thread; runs the default loop. done[i] tells which are
   complete; a job that is not done belongs to its thread, must be neither read nor freed, and is freed when the thread is
   through with it: jobs come from malloc, and own nothing else. Without memory for the round none is done, and none is ever
   freed. */
void hk_pool_run(void (*work)(void *), void **jobs, bool *done, size_t n, unsigned timeout_ms);

#endif
