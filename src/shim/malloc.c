/* SPDX-License-Identifier: MIT
 *
 * The malloc family under libc's names, as one-line forwards. errno, alignment and edge cases follow
 * C23, POSIX Issue 8 and glibc's manual; where they differ, glibc's behaviour holds, because its programs
 * run here.
 */
#include "base/sys.h"
#include "core/alloc_inl.h"
#include "core/hk.h"
#include "shim/shim.h"

#include <errno.h>
#include <stdlib.h>

/* Here and not in start.c: who links the archive gets the members that are referred to, and malloc's is. */
__attribute__((constructor(101))) static void start(void)
{
	hk_shim_start();
}

HK_EXPORT void *malloc(size_t size)
{
	return hk_malloc_inl(size);
}

HK_EXPORT void free(void *p)
{
	hk_free_inl(p);
}

HK_EXPORT void *calloc(size_t n, size_t size)
{
	return hk_calloc(n, size);
}

HK_EXPORT void *realloc(void *p, size_t size)
{
	return hk_realloc(p, size);
}

/* By the name of realloc, as glibc's: who replaces malloc, free, calloc and realloc (a program, another library, valgrind) need
   not replace this one. */
HK_EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	return realloc(p, __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes);
}

/* POSIX: the error is returned, errno and *ret are left alone on failure. */
HK_EXPORT int posix_memalign(void **ret, size_t align, size_t size)
{
	int saved = errno;
	void *p;

	if (align < sizeof(void *) || !hk_is_pow2(align))
		return EINVAL;
	p = hk_memalign(align, size);
	errno = saved;
	if (p == NULL)
		return ENOMEM;
	*ret = p;
	return 0;
}

/* glibc takes any alignment here and rounds it up to a power of two. */
HK_EXPORT void *memalign(size_t align, size_t size)
{
	size_t up = 16;

	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (up < align)
		up *= 2;
	return hk_memalign(up, size);
}

/* C23: the alignment must be valid; the size need not be its multiple (DR 460). */
HK_EXPORT void *aligned_alloc(size_t align, size_t size)
{
	return hk_memalign(align, size);
}

HK_EXPORT void *valloc(size_t size)
{
	return hk_memalign(hk_sys_page(), size);
}

HK_EXPORT void *pvalloc(size_t size)
{
	size_t up = hk_align_up(hk_max(size, 1), hk_sys_page());

	return hk_memalign(hk_sys_page(), up < size ? SIZE_MAX : up);
}

HK_EXPORT size_t malloc_usable_size(void *p)
{
	return hk_usable_size(p);
}

/* SVr4 and old BSD programs. */
HK_EXPORT void cfree(void *p)
{
	hk_free(p);
}

HK_EXPORT void free_sized(void *p, size_t size)
{
	hk_free_sized(p, size);
}

HK_EXPORT void free_aligned_sized(void *p, size_t align, size_t size)
{
	hk_free_aligned_sized(p, align, size);
}

/* Names by which programs reach behind glibc's public ones. That the targets' declarations in libc's headers
   carry more attributes than these is of no matter to anybody who finds them by name. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmissing-attributes"
#endif
HK_EXPORT void *__libc_malloc(size_t size) HK_ALIAS("malloc");
HK_EXPORT void __libc_free(void *p) HK_ALIAS("free");
HK_EXPORT void *__libc_calloc(size_t n, size_t size) HK_ALIAS("calloc");
HK_EXPORT void *__libc_realloc(void *p, size_t size) HK_ALIAS("realloc");
HK_EXPORT void *__libc_reallocarray(void *p, size_t n, size_t size) HK_ALIAS("reallocarray");
HK_EXPORT void *__libc_memalign(size_t align, size_t size) HK_ALIAS("memalign");
HK_EXPORT void *__libc_valloc(size_t size) HK_ALIAS("valloc");
HK_EXPORT void *__libc_pvalloc(size_t size) HK_ALIAS("pvalloc");
HK_EXPORT void __libc_cfree(void *p) HK_ALIAS("cfree");
HK_EXPORT int __posix_memalign(void **ret, size_t align, size_t size) HK_ALIAS("posix_memalign");
HK_EXPORT void *__libc_aligned_alloc(size_t align, size_t size) HK_ALIAS("aligned_alloc");
