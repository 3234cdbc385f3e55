/* SPDX-License-Identifier: MIT
 *
 * C++ operator new and delete in all forms, under their Itanium ABI names, in C: the library must not
 * need libstdc++. What only C++ can do is asked of the C++ runtime that the program has, found when
 * it is needed: the new-handler, throwing std::bad_alloc, and catching what a handler throws.
 * Compiled with -fexceptions, so that exceptions pass through.
 */
#include "base/log.h"
#include "core/alloc_inl.h"
#include "core/hk.h"
#include "shim/shim.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

typedef void (*new_handler)(void);

/* The runtimes, by the beginning of their file names, and what all call the functions. */
static const char runtimes[][13] = {"libstdc++.so", "libc++.so", "libc++abi.so"};
#define GET_HANDLER "_ZSt15get_new_handlerv"
#define THROW_BAD_ALLOC "_ZSt17__throw_bad_allocv"

struct search {
	const char *prefix;
	char path[512];
};

static int match_library(struct dl_phdr_info *info, size_t size, void *data)
{
	struct search *search = data;
	const char *slash = strrchr(info->dlpi_name, '/');
	const char *base = slash != NULL ? slash + 1 : info->dlpi_name;

	(void) size;
	if (strncmp(base, search->prefix, strlen(search->prefix)) != 0 ||
	    strlen(info->dlpi_name) >= sizeof(search->path))
		return 0;
	strcpy(search->path, info->dlpi_name);
	return 1;
}

/* A function of the C++ runtime in use, wherever it was loaded (a plugin's is in no global scope). */
static void *runtime_symbol(const char *name)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);

	for (size_t i = 0; symbol == NULL && i < HK_COUNT(runtimes); i++) {
		struct search search = {.prefix = runtimes[i]};
		void *handle;

		if (dl_iterate_phdr(match_library, &search) == 0)
			continue;
		handle = dlopen(search.path, RTLD_LAZY | RTLD_NOLOAD);
		if (handle == NULL)
			continue;
		symbol = dlsym(handle, name);
		(void) dlclose(handle); /* RTLD_NOLOAD counts, too: a plugin's could never be unloaded */
	}
	return symbol;
}

static new_handler current_handler(void)
{
	new_handler (*get)(void) = NULL;

	*(void **) &get = runtime_symbol(GET_HANDLER);
	return get != NULL ? get() : NULL;
}

#define HK_PLAIN 16 /* the alignment of the forms that are given none */

/* [new.delete.single]: call the handler and try again until memory comes or there is no handler; then throw. What is no
   alignment no handler can help with. */
static HK_COLD void *new_failed(size_t size, size_t align)
{
	void (*throw_bad_alloc)(void) = NULL; /* does not return */

	for (new_handler handler; hk_is_pow2(align) && (handler = current_handler()) != NULL;) {
		void *p;

		handler();
		p = hk_memalign(align, size);
		if (p != NULL)
			return p;
	}
	*(void **) &throw_bad_alloc = runtime_symbol(THROW_BAD_ALLOC);
	if (throw_bad_alloc != NULL)
		throw_bad_alloc();
	hk_fatal("operator new: out of memory, and no C++ runtime to throw std::bad_alloc", NULL);
}

/*
 * The nothrow forms call the handler too, and must catch what it throws. That takes C++: the runtime's own
 * nothrow form is a try block around a call of operator new, which is ours. Without a handler there is
 * nothing to throw, and NULL is the answer. And where the program has replaced operator new, the runtime's form calls that.
 */
static HK_COLD void *new_nothrow_failed(const char *name, size_t size, size_t align, const void *tag)
{
	void *next;

	if (!hk_operators_replaced && current_handler() == NULL)
		return NULL;
	next = dlsym(RTLD_NEXT, name);
	if (next == NULL)
		return hk_operators_replaced ? hk_memalign(hk_max(align, HK_PLAIN), size) : NULL;
	if (align == 0) {
		void *(*plain)(size_t, const void *) = NULL;

		*(void **) &plain = next;
		return plain(size, tag);
	} else {
		void *(*aligned)(size_t, size_t, const void *) = NULL;

		*(void **) &aligned = next;
		return aligned(size, align, tag);
	}
}

static HK_COLD void *new_aligned_nothrow_failed(const char *name, size_t size, size_t align, const void *tag)
{
	return hk_is_pow2(align) ? new_nothrow_failed(name, size, align, tag) : NULL;
}

/* The list is empty, or the block large. */
static HK_NOINLINE void *new_slow(size_t size)
{
	void *p = size > HK_MEDIUM_MAX ? hk_malloc(size) : hk_heap_malloc_slow(hk_sizeclass_of(size), size);

	return HK_LIKELY(p != NULL) ? p : new_failed(size, HK_PLAIN);
}

static HK_NOINLINE void *new_beyond(size_t size)
{
	void *p;

	if (HK_UNLIKELY(size > HK_MEDIUM_MAX))
		return new_slow(size);
	p = hk_pop_inl(hk_sizeclass_medium(size));
	return HK_LIKELY(p != NULL) ? p : new_slow(size);
}

#define HK_OPERATOR_NEW(symbol, pass)                                \
	HK_EXPORT void *symbol(size_t size);                         \
	HK_EXPORT void *symbol(size_t size)                          \
	{                                                            \
		void *p;                                             \
		if (pass && HK_UNLIKELY(hk_operators_replaced))      \
			return hk_pass_new(size);                    \
		if (HK_UNLIKELY(size > HK_TINY_MAX))                 \
			return new_beyond(size);                     \
		p = hk_pop_inl(HK_TINY_CLASS(size));                 \
		return HK_LIKELY(p != NULL) ? p : new_slow(size);    \
	}

#define HK_OPERATOR_NEW_ALIGNED(symbol, pass)                        \
	HK_EXPORT void *symbol(size_t size, size_t align);           \
	HK_EXPORT void *symbol(size_t size, size_t align)            \
	{                                                            \
		void *p;                                             \
		if (pass && HK_UNLIKELY(hk_operators_replaced))      \
			return hk_pass_new_aligned(size, align);     \
		p = hk_memalign(align, size);                        \
		return HK_LIKELY(p != NULL) ? p : new_failed(size, align); \
	}

#define HK_OPERATOR_NEW_NOTHROW(symbol)                              \
	HK_EXPORT void *symbol(size_t size, const void *tag);        \
	HK_EXPORT void *symbol(size_t size, const void *tag)         \
	{                                                            \
		void *p = hk_operators_replaced ? NULL : hk_malloc(size); \
		return HK_LIKELY(p != NULL) ? p : new_nothrow_failed(#symbol, size, 0, tag); \
	}

#define HK_OPERATOR_NEW_ALIGNED_NOTHROW(symbol)                      \
	HK_EXPORT void *symbol(size_t size, size_t align, const void *tag); \
	HK_EXPORT void *symbol(size_t size, size_t align, const void *tag)  \
	{                                                            \
		void *p = hk_operators_replaced ? NULL : hk_memalign(align, size); \
		return HK_LIKELY(p != NULL) ? p : new_aligned_nothrow_failed(#symbol, size, align, tag); \
	}

/* new, new[] */
HK_OPERATOR_NEW(_Znwm, false)
HK_OPERATOR_NEW(_Znam, true)
HK_OPERATOR_NEW_ALIGNED(_ZnwmSt11align_val_t, false)
HK_OPERATOR_NEW_ALIGNED(_ZnamSt11align_val_t, true)
HK_OPERATOR_NEW_NOTHROW(_ZnwmRKSt9nothrow_t)
HK_OPERATOR_NEW_NOTHROW(_ZnamRKSt9nothrow_t)
HK_OPERATOR_NEW_ALIGNED_NOTHROW(_ZnwmSt11align_val_tRKSt9nothrow_t)
HK_OPERATOR_NEW_ALIGNED_NOTHROW(_ZnamSt11align_val_tRKSt9nothrow_t)

static HK_NOINLINE void delete_odd(void *p, size_t size)
{
	if (hk_operators_replaced)
		hk_pass_delete(p);
	else
		hk_free_sized_odd(p, size);
}

static HK_NOINLINE void delete_array_odd(void *p, size_t size)
{
	if (hk_operators_replaced)
		hk_pass_delete_array(p);
	else
		hk_free_sized_odd(p, size);
}

#define HK_OPERATOR_DELETE(symbol, ...)                              \
	HK_EXPORT void symbol(__VA_ARGS__);                          \
	HK_EXPORT void symbol(__VA_ARGS__)                           \
	{                                                            \
		HK_DELETE_BODY;                                      \
	}

/* delete, delete[]: plain, nothrow, aligned, aligned nothrow. */
#define HK_DELETE_BODY hk_free_inl(p)
HK_OPERATOR_DELETE(_ZdlPv, void *p)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY (HK_UNLIKELY(hk_operators_replaced) ? hk_pass_delete(p) : hk_free_inl(p))
HK_OPERATOR_DELETE(_ZdaPv, void *p)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY (void) tag, hk_operators_replaced ? hk_pass_delete(p) : hk_free_inl(p)
HK_OPERATOR_DELETE(_ZdlPvRKSt9nothrow_t, void *p, const void *tag)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY (void) tag, hk_operators_replaced ? hk_pass_delete_array(p) : hk_free_inl(p)
HK_OPERATOR_DELETE(_ZdaPvRKSt9nothrow_t, void *p, const void *tag)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY hk_free_aligned(p, align)
HK_OPERATOR_DELETE(_ZdlPvSt11align_val_t, void *p, size_t align)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY hk_operators_replaced ? hk_pass_delete_aligned(p, align) : hk_free_aligned(p, align)
HK_OPERATOR_DELETE(_ZdaPvSt11align_val_t, void *p, size_t align)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY (void) tag, hk_operators_replaced ? hk_pass_delete_aligned(p, align) : hk_free_aligned(p, align)
HK_OPERATOR_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t, void *p, size_t align, const void *tag)
HK_OPERATOR_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t, void *p, size_t align, const void *tag)
#undef HK_DELETE_BODY
/* Sized forms: the size is the compiler's word and is not needed to find the block, but must be of the block's class. */
#define HK_DELETE_BODY (HK_LIKELY(hk_fits_inl(p, size)) ? hk_free_inl(p) : delete_odd(p, size))
HK_OPERATOR_DELETE(_ZdlPvm, void *p, size_t size)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY (HK_LIKELY(hk_fits_inl(p, size)) ? hk_free_inl(p) : delete_array_odd(p, size))
HK_OPERATOR_DELETE(_ZdaPvm, void *p, size_t size)
#undef HK_DELETE_BODY
#define HK_DELETE_BODY hk_operators_replaced ? hk_pass_delete_aligned(p, align) : hk_free_sized_aligned(p, size, align)
HK_OPERATOR_DELETE(_ZdlPvmSt11align_val_t, void *p, size_t size, size_t align)
HK_OPERATOR_DELETE(_ZdaPvmSt11align_val_t, void *p, size_t size, size_t align)

/* By names that nobody else has. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmissing-attributes"
#endif
void *hk_own_new(size_t size) HK_ALIAS("_Znwm");
void *hk_own_new_array(size_t size) HK_ALIAS("_Znam");
void *hk_own_new_aligned(size_t size, size_t align) HK_ALIAS("_ZnwmSt11align_val_t");
void hk_own_delete(void *p) HK_ALIAS("_ZdlPv");
void hk_own_delete_array(void *p) HK_ALIAS("_ZdaPv");
void hk_own_delete_aligned(void *p, size_t align) HK_ALIAS("_ZdlPvSt11align_val_t");
