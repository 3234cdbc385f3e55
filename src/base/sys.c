/* SPDX-License-Identifier: MIT
 *
 * Every memory system call of the library, and the few others that slow paths need. errno is
 * saved and restored around each: free() must not change it (POSIX Issue 8), and neither may a
 * malloc that succeeds after a failed hint.
 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#ifndef MADV_FREE
#define MADV_FREE 8
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#define HK_PIDFD_SELF_PROCESS (-10001)
#define HK_VECTOR_MAX ((size_t) 64)

struct hk_sys_counts hk_sys_counts;

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

size_t hk_sys_page(void)
{
#ifdef __x86_64__
	return HK_PAGE;
#else
	return (size_t) getpagesize();
#endif
}

static bool is_of_pages(const void *addr, size_t size)
{
	return (((uintptr_t) addr | size) & (hk_sys_page() - 1)) == 0;
}

static void *map(void *hint, size_t size, int flags, int access)
{
	int saved = errno;
	void *p = mmap(hint, size, access, flags | MAP_ANONYMOUS, -1, 0);

	errno = saved;
	count(&hk_sys_counts.mmap);
	return p == MAP_FAILED ? NULL : p;
}

static void *map_aligned(size_t size, size_t align, int access)
{
	size_t spare;
	uintptr_t raw, start;
	void *p = map(NULL, size, MAP_PRIVATE, access);

	if (p == NULL || ((uintptr_t) p & (align - 1)) == 0)
		return p;
	/* Misaligned: map again with room to align, and cut off both ends. */
	hk_sys_unmap(p, size);
	if (size + align < size)
		return NULL;
	p = map(NULL, size + align, MAP_PRIVATE, access);
	if (p == NULL)
		return NULL;
	raw = (uintptr_t) p;
	start = hk_align_up(raw, align);
	if (start > raw)
		hk_sys_unmap(p, start - raw);
	spare = raw + align - start;
	if (spare > 0)
		hk_sys_unmap((void *) (start + size), spare);
	return (void *) start;
}

void *hk_sys_map(size_t size, size_t align)
{
	return map_aligned(size, align, PROT_READ | PROT_WRITE);
}

void *hk_sys_reserve(size_t size, size_t align)
{
	return map_aligned(size, align, PROT_NONE);
}

void *hk_sys_reserve_at(void *address, size_t size)
{
	void *p = map(address, size, MAP_PRIVATE | MAP_FIXED_NOREPLACE, PROT_NONE);

	if (p == NULL || p == address)
		return p;
	hk_sys_unmap(p, size); /* before Linux 4.17 the address is only a hint */
	return NULL;
}

void hk_sys_close(void *addr, size_t size, bool give)
{
	int saved = errno;

	if (!is_of_pages(addr, size))
		return;
	/* Where limits allow no further mapping it stays open, but loses what was in it. */
	if (mprotect(addr, size, PROT_NONE) != 0 || give)
		(void) madvise(addr, size, MADV_DONTNEED);
	errno = saved;
}

int hk_sys_open(void *addr, size_t size)
{
	int saved = errno, r = 0;

	if (mprotect(addr, size, PROT_READ | PROT_WRITE) != 0)
		r = -errno;
	errno = saved;
	return r;
}

void *hk_sys_map_shared(size_t size)
{
	return map(NULL, size, MAP_SHARED | MAP_NORESERVE, PROT_READ | PROT_WRITE);
}

void hk_sys_unmap(void *addr, size_t size)
{
	int saved = errno;

	/* Fails only when the kernel would have to split a mapping and may not (max_map_count): then
	   at least the pages go back. */
	if (munmap(addr, size) != 0)
		(void) madvise(addr, size, MADV_DONTNEED);
	errno = saved;
	count(&hk_sys_counts.munmap);
}

void *hk_sys_remap(void *addr, size_t old_size, size_t new_size, void *target)
{
	int saved = errno;
	int flags = target != NULL ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;
	void *p = mremap(addr, old_size, new_size, flags, target);

	errno = saved;
	count(&hk_sys_counts.mremap);
	return p == MAP_FAILED ? NULL : p;
}

static int advise(void *addr, size_t size, int advice)
{
	int saved = errno, r = 0;

	if (!is_of_pages(addr, size))
		return -EINVAL;
	if (madvise(addr, size, advice) != 0)
		r = -errno;
	errno = saved;
	count(&hk_sys_counts.madvise);
	return r;
}

int hk_sys_purge(void *addr, size_t size)
{
	int r = advise(addr, size, MADV_DONTNEED);

	/* Memory that mlock or mlockall pinned is only given back when asked twice (Linux 5.18). */
	return r == -EINVAL ? advise(addr, size, MADV_DONTNEED_LOCKED) : r;
}

/*
 * process_madvise(MADV_DONTNEED) on oneself works from Linux 6.13 on, through PIDFD_SELF; anything
 * else (an older kernel) says so with an error once, and the loop serves from then on. Under a seccomp filter it is not
 * tried: many kill the process for a call that they do not know.
 */
static bool purge_vector(const struct iovec *ranges, size_t n)
{
	static _Atomic bool refused;
	int saved = errno;
	size_t want = 0;
	long done;

	if (n < 2 || atomic_load_explicit(&refused, memory_order_relaxed) || hk_sys_filtered())
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_of_pages(ranges[i].iov_base, ranges[i].iov_len))
			return false;
	done = syscall(SYS_process_madvise, HK_PIDFD_SELF_PROCESS, ranges, n, MADV_DONTNEED, 0);
	if (done < 0 && (errno == ENOSYS || errno == EPERM || errno == EBADF || errno == EINVAL || errno == EACCES))
		atomic_store_explicit(&refused, true, memory_order_relaxed);
	errno = saved;
	for (size_t i = 0; i < n; i++)
		want += ranges[i].iov_len;
	count(&hk_sys_counts.madvise);
	return done >= 0 && (size_t) done == want;
}

void hk_sys_purge_vec(const struct iovec *ranges, size_t n, bool *ret_ok)
{
	for (size_t i = 0, take; i < n; i += take) {
		take = hk_min(n - i, HK_VECTOR_MAX);
		/* Cut short or refused: the loop repeats these ranges, which is harmless. */
		bool whole = purge_vector(ranges + i, take);

		for (size_t k = i; k < i + take; k++)
			ret_ok[k] = whole || hk_sys_purge(ranges[k].iov_base, ranges[k].iov_len) == 0;
	}
}

int hk_sys_soften(void *addr, size_t size)
{
	return advise(addr, size, MADV_FREE);
}

int hk_sys_huge(void *addr, size_t size, bool want)
{
	return advise(addr, size, want ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

int hk_sys_populate(void *addr, size_t size)
{
	return advise(addr, size, MADV_POPULATE_WRITE);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = {0, 0};

	(void) clock_gettime(id, &ts);
	return (uint64_t) ts.tv_sec * 1000000000U + (uint64_t) ts.tv_nsec;
}

uint64_t hk_sys_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

/*
 * By system call: seldom asked for, but by every start, and clock_gettime would bring in a part of libc that
 * nothing else at a start uses.
 */
static uint64_t clock_call_ns(clockid_t id)
{
	struct timespec ts = {0, 0};
	int saved = errno;

	(void) syscall(SYS_clock_gettime, id, &ts);
	errno = saved;
	return (uint64_t) ts.tv_sec * 1000000000U + (uint64_t) ts.tv_nsec;
}

uint64_t hk_sys_precise_ns(void)
{
	return clock_call_ns(CLOCK_MONOTONIC);
}

uint64_t hk_sys_boottime_ns(void)
{
	return clock_call_ns(CLOCK_BOOTTIME);
}

uint64_t hk_sys_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t hk_sys_random(void)
{
	uint64_t x = 0;
	int saved = errno;

	if (syscall(SYS_getrandom, &x, sizeof(x), 1 /* GRND_NONBLOCK */) != (long) sizeof(x)) {
		x = hk_sys_precise_ns() ^ (uint64_t) (uintptr_t) &x;
		x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15U;
		x ^= x >> 29;
	}
	errno = saved;
	return x;
}

uint32_t hk_sys_tid(void)
{
	return (uint32_t) syscall(SYS_gettid);
}

unsigned hk_sys_cpus(void)
{
	unsigned long mask[128]; /* 8,192 processors */
	int saved = errno;
	long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	unsigned cpus = 0;

	errno = saved;
	for (long i = 0; i < bytes / (long) sizeof(mask[0]); i++)
		for (; mask[i] != 0; mask[i] &= mask[i] - 1) /* the builtin is a call into libgcc, far away from all else */
			cpus++;
	return cpus > 0 ? cpus : 1;
}

void hk_sys_futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
	int saved = errno;

	(void) syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
	errno = saved;
}

void hk_sys_futex_wake(_Atomic uint32_t *word, int waiters)
{
	int saved = errno;

	(void) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, waiters, NULL, NULL, 0);
	errno = saved;
}

ssize_t hk_sys_read_file(const char *path, char *buf, size_t size)
{
	int saved = errno, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t used = 0;
	ssize_t r = fd < 0 ? -errno : 1;

	while (r > 0 && used < size) {
		r = read(fd, buf + used, size - used);
		if (r > 0)
			used += (size_t) r;
		else if (r < 0)
			r = errno == EINTR ? 1 : -errno;
	}
	if (fd >= 0)
		(void) close(fd);
	errno = saved;
	if (r < 0)
		return r;
	if (used >= size)
		return -EFBIG;
	buf[used] = '\0';
	return (ssize_t) used;
}
