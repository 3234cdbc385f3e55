/* SPDX-License-Identifier: MIT
 *
 * The allocator's own API: what the shim exports under libc's names and what the unit tests call.
 * Thread-safe, usable before main, in constructors, destructors and atfork handlers. Allocation
 * returns NULL with errno = ENOMEM on failure; free never changes errno.
 */
#ifndef HK_CORE_HK_H
#define HK_CORE_HK_H

#include <stddef.h>

void *hk_malloc(size_t size);
void hk_free(void *p);
void *hk_calloc(size_t n, size_t size);
void *hk_realloc(void *p, size_t size);
/* align: any power of two (else NULL, EINVAL). */
void *hk_memalign(size_t align, size_t size);
size_t hk_usable_size(const void *p);
/* size: at most the usable size (C23, free_sized); ends the process if it is more, as the others do for what is wrong. */
void hk_free_sized(void *p, size_t size);
/* For operator delete, whose size must be what was asked for. */
void hk_free_sized_odd(void *p, size_t size);
/* operator delete of an over-aligned block: size must be what was asked for. */
void hk_free_sized_aligned(void *p, size_t size, size_t align);
void hk_free_aligned(void *p, size_t align);
void hk_free_aligned_sized(void *p, size_t align, size_t size);

/* Give free memory back now: this thread's cache, the pool, BigCache, free runs. Bytes purged. */
size_t hk_trim(void);

/* Around fork(2), in this order; the library registers them with pthread_atfork. */
void hk_fork_prepare(void);
void hk_fork_parent(void);
void hk_fork_child(void);

/* End of a thread: return its cache. Runs from a pthread key destructor; tests may call it. Ends the process if a block in it
   was freed twice or written to. */
void hk_thread_exit(void);
/* The calling thread's cache follows a changed configuration now, not at its next visit of a slow path. */
void hk_thread_settle(void);

/* At the end of the process: check every block that this thread and the pool's batches hold, with the same consequence. */
void hk_finish(void);

#endif
