/* SPDX-License-Identifier: MIT
 *
 * The rarer names, looked up as programs do it (dlsym): those that exist work, and when preloaded all
 * exist and come from libhakmem.
 */
#include "t.h"

#include <dlfcn.h>

static const char *const names[] = {
        "malloc", "free", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc", "memalign",
        "valloc", "pvalloc", "malloc_usable_size", "malloc_trim", "mallinfo", "mallinfo2", "mallopt",
        "malloc_info", "malloc_stats", "cfree", "free_sized", "free_aligned_sized", "__libc_malloc",
        "__libc_free", "__libc_calloc", "__libc_realloc", "__libc_memalign", "__libc_valloc", "__libc_pvalloc",
        "__libc_mallinfo", "__libc_mallopt",
        "_Znwm", "_Znam", "_ZdlPv", "_ZdaPv", "_ZdlPvm", "_ZdaPvm", "_ZnwmSt11align_val_t",
        "_ZdlPvSt11align_val_t", "_ZnwmRKSt9nothrow_t", "_ZdlPvmSt11align_val_t"};

static void *find(const char *name)
{
	void *p = dlsym(RTLD_DEFAULT, name);
	Dl_info info;

	if (!HAVE_HAKMEM)
		return p;
	if (p == NULL || dladdr(p, &info) == 0 || strstr(info.dli_fname, "libhakmem") == NULL) {
		dprintf(2, "%s does not come from libhakmem\n", name);
		_exit(1);
	}
	return p;
}

#define CALL(type, name) ((union { void *object; type *function; }){.object = find(name)}.function)
typedef void *one_fn(size_t);
typedef void *two_fn(size_t, size_t);
typedef void *pointer_fn(void *, size_t);
typedef void free_fn(void *);
typedef void free_size_fn(void *, size_t);
typedef void free_align_fn(void *, size_t, size_t);
typedef int mallopt_fn(int, int);
typedef struct mallinfo mallinfo_fn(void);

/* C23: with the size that was asked for, whatever call it was asked of; errno is kept. */
static void every_size(free_size_fn *sized)
{
	for (size_t size = 0; size < 200000; size += 1 + size / 33) {
		errno = EXDEV;
		sized(NEW(size), size);
		sized(hidden(calloc(size, 1)), size);
		sized(hidden(realloc(NEW(size / 3 + 1), size + 1)), size + 1);
		sized(hidden(realloc(NEW(size * 3), size + 1)), size + 1);
		CHECK(errno == EXDEV);
	}
	sized(NEW(40 << 20), 40 << 20);
	sized(NULL, 0);
	sized(NULL, 100);
}

static void every_aligned_size(free_align_fn *sized)
{
	for (size_t align = 1; align <= 1 << 22; align *= 4)
		for (size_t size = 0; size < 200000; size = size * 3 + 1) {
			errno = EXDEV;
			sized(hidden(aligned_alloc(align, size)), align, size);
			CHECK(errno == EXDEV);
		}
	sized(NULL, 64, 0);
	sized(NULL, 64, 100);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
int main(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		find(names[i]);
	if (find("__libc_malloc") != NULL) {
		char *p = CALL(one_fn, "__libc_malloc")(100);

		CHECK(p != NULL && ((uintptr_t) p & 15) == 0);
		p = CALL(pointer_fn, "__libc_realloc")(p, 1000);
		CHECK(p != NULL);
		free(p);
		CALL(free_fn, "__libc_free")(NEW(50));
		p = CALL(two_fn, "__libc_calloc")(10, 10);
		CHECK(p != NULL && holds(p, 100, 0));
		free(p);
		p = CALL(two_fn, "__libc_memalign")(256, 10);
		CHECK(p != NULL && ((uintptr_t) p & 255) == 0);
		free(p);
	}
	if (find("cfree") != NULL)
		CALL(free_fn, "cfree")(NEW(60));
	if (find("__libc_mallopt") != NULL)
		CHECK(CALL(mallopt_fn, "__libc_mallopt")(M_MMAP_MAX, 65536) == 1);
	if (find("__libc_mallinfo") != NULL)
		CHECK(CALL(mallinfo_fn, "__libc_mallinfo")().uordblks == mallinfo().uordblks);
	if (find("free_sized") != NULL)
		every_size(CALL(free_size_fn, "free_sized"));
	if (find("free_aligned_sized") != NULL)
		every_aligned_size(CALL(free_align_fn, "free_aligned_sized"));
	return 0;
}
