/* SPDX-License-Identifier: MIT
 *
 * The whole contract with the kernel: every system call that the allocator makes on memory, time,
 * futexes and small files. Nothing here allocates, uses stdio or changes errno: results are
 * addresses, 0, or −errno. Sizes are bytes and, for memory, multiples of 4 KiB. What gives pages back refuses (−EINVAL, or does
 * nothing) a range that is not of whole pages of the kernel, which would take its neighbours along.
 */
#ifndef HK_BASE_SYS_H
#define HK_BASE_SYS_H

#include "base/bits.h"

#include <stdatomic.h>
#include <sys/types.h>
#include <sys/uio.h>

#define HK_PAGE ((size_t) 4096)

/* Bytes of the kernel's pages: HK_PAGE, but 16 or 64 KiB on some aarch64 machines. */
size_t hk_sys_page(void);

/* Counts of the calls that change mappings, for stats. Relaxed, process-wide. */
struct hk_sys_counts {
	_Atomic uint64_t mmap, munmap, madvise, mremap;
};
extern struct hk_sys_counts hk_sys_counts;

/* Fresh zeroed private memory aligned to align (a power of two ≥ HK_PAGE), or NULL. */
void *hk_sys_map(size_t size, size_t align);
/* The same, inherited by fork as shared memory; page aligned, or NULL. */
void *hk_sys_map_shared(size_t size);
/* As hk_sys_map, but closed: any access ends in SIGSEGV until hk_sys_open has opened the part. */
void *hk_sys_reserve(size_t size, size_t align);
/* The same at this address, or NULL if it is not free. */
void *hk_sys_reserve_at(void *address, size_t size);
/* 0, or −errno where limits refuse it (−ENOMEM: of memory, or of mappings). */
int hk_sys_open(void *addr, size_t size);
/* Close it again; give: its pages go back to the system. */
void hk_sys_close(void *addr, size_t size, bool give);
void hk_sys_unmap(void *addr, size_t size);
/* Grow or shrink a mapping where it is (target NULL), or move it over the mapping at target. The new
   address, or NULL when the kernel refuses: then nothing has changed. */
void *hk_sys_remap(void *addr, size_t old_size, size_t new_size, void *target);
/* Give the pages back; they read as zero afterwards. 0 or −errno. */
int hk_sys_purge(void *addr, size_t size);
/* The same for n ranges, in one system call where the kernel has it. ret_ok[i]: range i reads as zero now;
   it does not where the memory is locked (before Linux 5.18) or a filter forbids the call. */
void hk_sys_purge_vec(const struct iovec *ranges, size_t n, bool *ret_ok);
/* Is a seccomp filter in force? */
bool hk_sys_filtered(void);
/* The kernel may take the pages when it needs them (MADV_FREE); until then they stay, and contents are lost either way. 0 or
   −errno (before Linux 4.5). */
int hk_sys_soften(void *addr, size_t size);
/* Ask for (or forbid) huge pages in the range. 0 or −errno. */
int hk_sys_huge(void *addr, size_t size, bool want);
/* Fault the range in for writing, contents as they are. 0, or −errno where the kernel does not know how. */
int hk_sys_populate(void *addr, size_t size);

uint64_t hk_sys_now_ns(void);     /* CLOCK_MONOTONIC, coarse to some ms: cheap enough for slow paths */
uint64_t hk_sys_precise_ns(void); /* CLOCK_MONOTONIC */
uint64_t hk_sys_boottime_ns(void); /* CLOCK_BOOTTIME: since the machine started, sleep included */
uint64_t hk_sys_cpu_ns(void);     /* CPU time of this process */
uint64_t hk_sys_random(void);     /* getrandom(2), else clock and address bits */
/* The next of a sequence that nobody foresees without its state; state 0: it begins anew. Marsaglia 2003, never 0. */
HK_INLINE uint64_t hk_random_step(uint64_t state)
{
	uint64_t x = state != 0 ? state : hk_sys_random() | 1;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

uint32_t hk_sys_tid(void);
/* Let the calling thread have its turns soon after it wakes, though short ones (prompt.c). */
void hk_sys_prompt(void);
unsigned hk_sys_cpus(void); /* processors this process may run on, ≥ 1 */

/* Sleep while *word is expected. May return early: the caller looks again. */
void hk_sys_futex_wait(_Atomic uint32_t *word, uint32_t expected);
void hk_sys_futex_wake(_Atomic uint32_t *word, int waiters);

/* Read a whole small file into buf, NUL-terminated. Length (< size), −EFBIG if it does not fit, −errno. */
ssize_t hk_sys_read_file(const char *path, char *buf, size_t size);

HK_INLINE void hk_sys_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield");
#endif
}

#endif
