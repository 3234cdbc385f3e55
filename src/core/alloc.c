/* SPDX-License-Identifier: MIT
 *
 * The allocation calls, built on the two fast paths of alloc_inl.h.
 */
#include "core/alloc_inl.h"
#include "core/guard.h"
#include "core/hk.h"

#include "base/log.h"
#include "core/harden.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/purge.h"
#include "core/sample.h"
#include "core/stats.h"

#include <errno.h>
#include <string.h>

static void *malloc_large(size_t size);

void *hk_malloc_beyond(size_t size)
{
	if (HK_UNLIKELY(size > HK_MEDIUM_MAX))
		return malloc_large(size);
	return hk_malloc_class(hk_sizeclass_medium(size), size);
}

void *hk_malloc(size_t size)
{
	return hk_malloc_inl(size);
}

void hk_free(void *p)
{
	hk_free_inl(p);
}

/* ---- the slower relatives ---- */

static HK_NOINLINE void *large(size_t size, size_t align, bool zero)
{
	struct hk_heap *heap = hk_heap_ready();
	void *p = NULL;

	hk_heap_beat(heap);
	if (HK_UNLIKELY(HK_KNOB(security) == HK_SECURITY_FULL))
		p = hk_guard_alloc(size, align);
	else if (HK_UNLIKELY(heap->sampling) && hk_sample_step(heap))
		p = hk_sample_alloc(heap, size, align);
	if (HK_LIKELY(p == NULL))
		p = hk_large_alloc(size, hk_max(align, HK_GRANULE), zero);
	return p != NULL ? p : hk_heap_no_memory();
}

static HK_NOINLINE void *malloc_large(size_t size)
{
	return large(size, 16, false);
}

static void *harden_memalign(size_t align, size_t size)
{
	struct hk_heap *heap = hk_heap_ready();

	hk_heap_beat(heap);
	return hk_heap_malloc_hardened(heap, size, align);
}

void *hk_calloc(size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (HK_UNLIKELY(__builtin_mul_overflow(n, size, &bytes)))
		return hk_heap_no_memory();
	if (bytes > HK_MEDIUM_MAX)
		return large(bytes, 16, true);
	p = hk_malloc_inl(bytes);
	if (HK_LIKELY(p != NULL))
		memset(p, 0, bytes);
	return p;
}

void *hk_memalign(size_t align, size_t size)
{
	if (!hk_is_pow2(align)) {
		errno = EINVAL;
		return NULL;
	}
	if (align <= 16)
		return hk_malloc(size);
	if (HK_UNLIKELY(HK_KNOB(security) == HK_SECURITY_FULL))
		return harden_memalign(align, size);
	/* Slabs begin at multiples of 64 KiB, and the class of a multiple of align is one itself: either it is exactly that
	   size, or the step between classes there is a multiple. */
	if (size <= HK_MEDIUM_MAX - align && align <= HK_GRANULE) {
		size = hk_align_up(hk_max(size, 1), align);
		return hk_malloc_class(hk_sizeclass_of(size), size);
	}
	return large(size, align, false);
}

static struct hk_span *large_or_die(const void *p, const char *fault)
{
	struct hk_span *span = hk_large_span(p);

	if (HK_UNLIKELY(span == NULL))
		hk_fatal(fault, p);
	return span;
}

static const char not_usable[] = "malloc_usable_size of a pointer that malloc did not return";

/* As usable() below, for large blocks and threads that are not set up. */
static size_t usable_odd(const void *p, size_t c, const char *fault)
{
	if (HK_LIKELY(c != 0)) {
		if (HK_UNLIKELY(hk_harden_sealed(p)))
			return hk_harden_usable(p, fault, fault == not_usable ? "malloc_usable_size of a freed block" : "double free");
		if (HK_UNLIKELY(hk_pool_block_start(p) != p))
			hk_fatal(fault, p);
		return hk_classes[c].size;
	}
	return hk_large_usable(large_or_die(p, fault));
}

/* Bytes of the block that begins at p, which must be one. */
HK_INLINE size_t usable(const void *p, const char *fault)
{
	uintptr_t code = hk_code_of(p);
	struct hk_list HK_TLS *list = hk_own_freed(code);
	size_t c = code / HK_CODE(1);

	if (HK_LIKELY(hk_own_fit((uint16_t) (uintptr_t) p, list) < list->fit))
		return hk_classes[c].size;
	return usable_odd(p, c, fault);
}

size_t hk_usable_size(const void *p)
{
	return p == NULL ? 0 : usable(p, not_usable);
}

/* Somewhere else. Where there is no memory for that, what shrinks stays where it is: few programs expect that to fail. */
static void *realloc_move(void *p, size_t old, size_t size)
{
	int saved = errno;
	void *fresh = hk_malloc_inl(size);

	if (HK_UNLIKELY(fresh == NULL)) {
		if (size > old)
			return NULL;
		errno = saved;
		return p;
	}
	memcpy(fresh, p, hk_min(old, size));
	hk_free_inl(p);
	return fresh;
}

void *hk_realloc(void *p, size_t size)
{
	static const char fault[] = "realloc of a pointer that malloc did not return";
	size_t old;

	if (p == NULL)
		return hk_malloc(size);
	if (size == 0) {
		/* As glibc does, and as C17 allows: the block is freed. */
		hk_free(p);
		return NULL;
	}
	old = usable(p, fault);
	if (hk_code_of(p) == 0 && size > HK_MEDIUM_MAX) {
		void *q;

		hk_heap_beat(hk_heap_ready());
		q = hk_large_resize(large_or_die(p, fault), size);
		if (q != NULL)
			return q;
	} else if (size <= old && size >= old / 2 && HK_KNOB(security) != HK_SECURITY_FULL) {
		return p; /* shrinking a little is not worth a copy */
	}
	return realloc_move(p, old, size);
}

static const char wrong_size[] = "free with a size that is not the block's";

/* Is it what a request of so many bytes is given? Larger blocks shrink and grow where they are. */
static bool is_size_of(const void *p, size_t size)
{
	size_t c = hk_code_of(p) / HK_CODE(1), told;
	const struct hk_span *span;

	if (c != 0 && hk_harden_sealed(p))
		return !hk_harden_size(p, &told) || size == told || size == 0;
	if (c != 0)
		return size <= HK_MEDIUM_MAX && hk_sizeclass_of(hk_max(size, 1)) == c;
	span = hk_large_span(p);
	if (span == NULL)
		return true; /* free() knows what is none */
	if (hk_span_kind(span) == HK_SPAN_GUARDED)
		return size == hk_large_usable(span);
	/* Under full a smaller block is here where no guarded one was to be had. */
	return size <= hk_large_usable(span) && (size > HK_MEDIUM_MAX || HK_KNOB(security) == HK_SECURITY_FULL);
}

void hk_free_sized_odd(void *p, size_t size)
{
	if (p != NULL && HK_KNOB(security) != HK_SECURITY_OFF && !is_size_of(p, size))
		hk_fatal(wrong_size, p);
	hk_free(p);
}

static const char wrong_align[] = "free with an alignment that the block has not";

void hk_free_aligned(void *p, size_t align)
{
	if (HK_UNLIKELY(((uintptr_t) p & (align - 1)) != 0 && HK_KNOB(security) != HK_SECURITY_OFF))
		hk_fatal(wrong_align, p);
	hk_free_inl(p);
}

void hk_free_sized_aligned(void *p, size_t size, size_t align)
{
	size_t up = hk_align_up(hk_max(size, 1), align);

	if (HK_KNOB(security) == HK_SECURITY_FULL)
		hk_free_sized_odd(p, size);
	else if (align > 16 && up >= size && size <= HK_MEDIUM_MAX - align && align <= HK_GRANULE)
		hk_free_sized_odd(p, up);
	else if (align > 16)
		hk_free_aligned(p, align); /* of granules */
	else
		hk_free_sized_odd(p, size);
}

void hk_free_sized(void *p, size_t size)
{
	if (HK_UNLIKELY(p != NULL && HK_KNOB(security) != HK_SECURITY_OFF &&
	                size > usable(p, "free of a pointer that malloc did not return")))
		hk_fatal("free with a size larger than the block", p);
	hk_free(p);
}

void hk_free_aligned_sized(void *p, size_t align, size_t size)
{
	if (HK_UNLIKELY(((uintptr_t) p & (align - 1)) != 0 && HK_KNOB(security) != HK_SECURITY_OFF))
		hk_fatal(wrong_align, p);
	hk_free_sized(p, size);
}

size_t hk_trim(void)
{
	hk_heap_flush(hk_heap_ready());
	atomic_fetch_add_explicit(&hk_knobs.epoch, 1, memory_order_release);
	return hk_purge_all();
}
