/* SPDX-License-Identifier: MIT
 *
 * Integer helpers and compiler hints shared by every layer. No state.
 */
#ifndef HK_BASE_BITS_H
#define HK_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HK_LIKELY(x) __builtin_expect(!!(x), 1)
#define HK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HK_NOINLINE __attribute__((noinline))
#define HK_COLD __attribute__((noinline, cold))
#define HK_INLINE static inline __attribute__((always_inline))
#define HK_CACHE_LINE 64
#define HK_ALIGNED(n) __attribute__((aligned(n)))
#define HK_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* What was read from shared memory into this private object stays as it was read: without it the compiler may read
   the shared one again where it pleases, after a check too. */
#define HK_FETCHED(object) __asm__ volatile("" : "+m"(object))
#define HK_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HK_KIB ((uint64_t) 1024)
#define HK_MIB (HK_KIB * 1024)
#define HK_GIB (HK_MIB * 1024)

/* align must be a power of two. */
static inline uintptr_t hk_align_up(uintptr_t x, uintptr_t align)
{
	return (x + align - 1) & ~(align - 1);
}

static inline uintptr_t hk_align_down(uintptr_t x, uintptr_t align)
{
	return x & ~(align - 1);
}

static inline bool hk_is_pow2(size_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

/* Index of the highest set bit; x must not be 0. */
static inline unsigned hk_log2(uint64_t x)
{
	return 63U ^ (unsigned) __builtin_clzll(x); /* as the processor has it: no subtraction */
}

/* Set bit i mod 64 of a word; was it set? One instruction where the processor has it. */
HK_INLINE bool hk_bit_set(uint64_t *word, size_t i)
{
#ifdef __x86_64__
	bool was;

	__asm__("btsq %2, %0" : "+r"(*word), "=@ccc"(was) : "r"(i));
	return was;
#else
	bool was = (*word >> (i % 64) & 1) != 0;

	*word |= (uint64_t) 1 << (i % 64);
	return was;
#endif
}

static inline size_t hk_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t hk_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
