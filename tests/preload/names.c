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
	if (find("free_sized") != NULL) {
		CALL(free_size_fn, "free_sized")(NEW(60), 60);
		CALL(free_size_fn, "free_sized")(NEW(600000), 600000);
		CALL(free_size_fn, "free_sized")(NULL, 0);
		CALL(free_align_fn, "free_aligned_sized")(aligned_alloc(256, 512), 256, 512);
		CALL(free_align_fn, "free_aligned_sized")(NULL, 64, 0);
	}
	return 0;
}
