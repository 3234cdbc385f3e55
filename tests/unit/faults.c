/* SPDX-License-Identifier: MIT
 *
 * The wrappers, and what they keep account of.
 */
#include "faults.h"

#include "core/span.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif

fault_judge *_Atomic fault_judge_now;
_Atomic uint64_t fault_count;
_Atomic int64_t fault_mapped, fault_kept, fault_leaves;

void *__real_mmap(void *addr, size_t size, int access, int flags, int fd, off_t offset);
int __real_munmap(void *addr, size_t size);
void *__real_mremap(void *addr, size_t old_size, size_t new_size, int flags, void *target);
int __real_mprotect(void *addr, size_t size, int access);
int __real_madvise(void *addr, size_t size, int advice);
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
void *__wrap_mmap(void *addr, size_t size, int access, int flags, int fd, off_t offset);
int __wrap_munmap(void *addr, size_t size);
void *__wrap_mremap(void *addr, size_t old_size, size_t new_size, int flags, ...);
int __wrap_mprotect(void *addr, size_t size, int access);
int __wrap_madvise(void *addr, size_t size, int advice);
long __wrap_syscall(long number, ...);

const char *fault_name(enum fault_kind kind)
{
	static const char *const names[FAULT_KINDS] = {"mmap", "munmap", "mremap", "mprotect", "madvise", "process_madvise"};

	return names[kind];
}

static enum fault_verdict judge(enum fault_kind kind)
{
	static const int errors[FAULT_KINDS][4] = {
		[FAULT_MMAP] = {ENOMEM, EAGAIN, EPERM, EINVAL},       [FAULT_MUNMAP] = {ENOMEM, EINVAL, ENOMEM, EPERM},
		[FAULT_MREMAP] = {ENOMEM, EAGAIN, EFAULT, EINVAL},    [FAULT_MPROTECT] = {ENOMEM, EACCES, EINVAL, EPERM},
		[FAULT_MADVISE] = {EINVAL, EAGAIN, ENOMEM, EPERM},    [FAULT_VECTOR] = {EPERM, ENOSYS, EINTR, EAGAIN},
	};
	fault_judge *ask = atomic_load(&fault_judge_now);
	enum fault_verdict verdict = ask != NULL ? ask(kind) : FAULT_NONE;

	if (verdict != FAULT_NONE)
		errno = errors[kind][atomic_fetch_add(&fault_count, 1) % 4];
	return verdict;
}

void *__wrap_mmap(void *addr, size_t size, int access, int flags, int fd, off_t offset)
{
	enum fault_verdict verdict = judge(FAULT_MMAP);
	void *p;

	if (verdict == FAULT_REFUSED || (verdict == FAULT_PARTLY && addr == NULL))
		return MAP_FAILED;
	p = __real_mmap(verdict == FAULT_PARTLY ? NULL : addr, size, access,
	                verdict == FAULT_PARTLY ? MAP_PRIVATE | MAP_ANONYMOUS : flags, fd, offset);
	if (p == MAP_FAILED)
		return p;
	atomic_fetch_add(&fault_mapped, (int64_t) size);
	if (size == sizeof(struct hk_leaf))
		atomic_fetch_add(&fault_leaves, (int64_t) size);
	return p;
}

int __wrap_munmap(void *addr, size_t size)
{
	int r;

	if (judge(FAULT_MUNMAP) != FAULT_NONE) {
		atomic_fetch_add(&fault_kept, (int64_t) size);
		return -1;
	}
	r = __real_munmap(addr, size);
	if (r == 0)
		atomic_fetch_sub(&fault_mapped, (int64_t) size);
	return r;
}

void *__wrap_mremap(void *addr, size_t old_size, size_t new_size, int flags, ...)
{
	va_list more;
	void *target, *p;

	va_start(more, flags);
	target = (flags & MREMAP_FIXED) != 0 ? va_arg(more, void *) : NULL;
	va_end(more);
	if (judge(FAULT_MREMAP) != FAULT_NONE)
		return MAP_FAILED;
	p = __real_mremap(addr, old_size, new_size, flags, target);
	if (p != MAP_FAILED) /* a mapping at the target was counted before */
		atomic_fetch_add(&fault_mapped, (target != NULL ? 0 : (int64_t) new_size) - (int64_t) old_size);
	return p;
}

int __wrap_mprotect(void *addr, size_t size, int access)
{
	return judge(FAULT_MPROTECT) != FAULT_NONE ? -1 : __real_mprotect(addr, size, access);
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
	return judge(FAULT_MADVISE) != FAULT_NONE ? -1 : __real_madvise(addr, size, advice);
}

/* As the kernel does it from 6.13 on, by hand where it does not: so that what comes after it is met everywhere. */
static long vector(const struct iovec *ranges, long n, int advice)
{
	enum fault_verdict verdict = judge(FAULT_VECTOR);
	long done = 0;

	if (verdict == FAULT_REFUSED)
		return -1;
	for (long i = 0; i < n; i++) {
		size_t size = ranges[i].iov_len;

		if (verdict == FAULT_PARTLY && i >= n / 2)
			break;
		if (__real_madvise(ranges[i].iov_base, size, advice) != 0)
			return done > 0 ? done : -1;
		done += (long) size;
	}
	return done;
}

/* As libc's: all six words are read, however many were given. */
__attribute__((no_sanitize_address)) long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list more;

	va_start(more, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(more, long);
	va_end(more);
	if (number == SYS_process_madvise)
		return vector((const struct iovec *) (uintptr_t) a[1], a[2], (int) a[3]);
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
