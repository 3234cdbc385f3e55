/* SPDX-License-Identifier: MIT
 *
 * glibc's introspection calls (malloc.h), answered from our counters. Figures that glibc defines by
 * its own structures (fast bins, arenas) are 0.
 */
#include "core/hk.h"
#include "core/stats.h"
#include "shim/shim.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>

/* arena: bytes from the system; uordblks: live; fordblks: free but kept; hblks/hblkhd: large blocks. */
HK_EXPORT struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 info = {0};
	struct hk_summary sum;

	hk_stats_summarise(hk_counters, &sum);
	info.hblks = HK_STAT_GET(large_live_blocks);
	info.hblkhd = sum.large_live_bytes;
	info.uordblks = sum.live_bytes - hk_min(sum.live_bytes, sum.large_live_bytes);
	info.fordblks = sum.cached_bytes;
	info.arena = info.uordblks + info.fordblks;
	info.keepcost = sum.dirty_bytes + sum.bigcache_bytes;
	return info;
}

static int clamp(size_t n)
{
	return n > INT_MAX ? INT_MAX : (int) n;
}

/* The old interface has ints: too large figures stop at INT_MAX instead of wrapping. */
HK_EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 big = mallinfo2();
	struct mallinfo info = {0};

	info.arena = clamp(big.arena);
	info.hblks = clamp(big.hblks);
	info.hblkhd = clamp(big.hblkhd);
	info.uordblks = clamp(big.uordblks);
	info.fordblks = clamp(big.fordblks);
	info.keepcost = clamp(big.keepcost);
	return info;
}

/*
 * glibc's parameters tune structures that do not exist here, and hakmem's own are set in hakmem.ini: those that malloc.h
 * names are accepted (1) and change nothing, but for values that the manual page has out of bounds; unknown ones are refused (0).
 */
HK_EXPORT int mallopt(int param, int value)
{
	switch (param) {
	case M_MXFAST:
		return value >= 0 && (size_t) value <= 80 * sizeof(size_t) / 4;
	case M_NLBLKS:
	case M_GRAIN:
	case M_KEEP:
	case M_TRIM_THRESHOLD:
	case M_TOP_PAD:
	case M_MMAP_THRESHOLD:
	case M_MMAP_MAX:
	case M_CHECK_ACTION:
	case M_PERTURB:
	case M_ARENA_TEST:
	case M_ARENA_MAX:
		return 1;
	default:
		return 0;
	}
}

/* 1 if memory went back to the system. pad is of no meaning: there is no top to pad. */
HK_EXPORT int malloc_trim(size_t pad)
{
	int saved = errno;
	size_t bytes;

	(void) pad;
	bytes = hk_trim();
	errno = saved;
	return bytes > 0;
}

HK_EXPORT int malloc_info(int options, FILE *stream)
{
	struct hk_summary sum;

	if (options != 0) {
		errno = EINVAL;
		return -1;
	}
	hk_stats_summarise(hk_counters, &sum);
	if (fprintf(stream,
	            "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n</sizes>\n"
	            "<total type=\"fast\" count=\"0\" size=\"0\"/>\n"
	            "<total type=\"rest\" count=\"0\" size=\"%llu\"/>\n"
	            "<system type=\"current\" size=\"%llu\"/>\n<system type=\"max\" size=\"%llu\"/>\n"
	            "<aspace type=\"total\" size=\"%llu\"/>\n<aspace type=\"mprotect\" size=\"%llu\"/>\n"
	            "</heap>\n</malloc>\n",
	            (unsigned long long) sum.cached_bytes, (unsigned long long) sum.mapped_bytes,
	            (unsigned long long) sum.mapped_bytes, (unsigned long long) sum.mapped_bytes,
	            (unsigned long long) sum.mapped_bytes) < 0)
		return -1;
	return 0;
}

HK_EXPORT void malloc_stats(void)
{
	struct hk_summary sum;
	char line[256];
	int n;

	hk_stats_summarise(hk_counters, &sum);
	n = snprintf(line, sizeof(line),
	             "hakmem: live %llu, cached %llu, mapped %llu bytes; TinyPool hits %.2f %%, BigCache hits %.2f %%\n",
	             (unsigned long long) sum.live_bytes, (unsigned long long) sum.cached_bytes,
	             (unsigned long long) sum.mapped_bytes, 100 * sum.tinypool_hit_rate,
	             100 * sum.bigcache_hit_rate);
	(void) fwrite(line, 1, (size_t) n, stderr);
}

/* The C library's second names. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmissing-attributes"
#endif
HK_EXPORT struct mallinfo __libc_mallinfo(void) HK_ALIAS("mallinfo");
HK_EXPORT int __libc_mallopt(int param, int value) HK_ALIAS("mallopt");
