/* SPDX-License-Identifier: MIT
 *
 * thp = auto: which extents become huge pages. The price of a huge page shows only when it is paid: fresh ones cost a fifth
 * of their small pages where the host backs the memory already, and up to six times as much where it does not. So
 * an extent is populated at once, timed, and after each slow one more of the following extents stay small.
 */
#include "core/thp.h"

#include "base/sys.h"
#include "base/text.h"
#include "core/knobs.h"
#include "core/pageheap.h"
#include "core/pool.h"
#include "core/stats.h"

#include <string.h>

#define HK_EXTENT ((size_t) (2 * HK_MIB))
#define HK_AUTO_MIN (24 * HK_MIB)  /* in use; smaller heaps get none: what extents waste should stay within some percent */
#define HK_WASTE_PART 20           /* of the heap that may be unused: this much more would be resident */
#define HK_SLOW_NS 2000000U        /* 512 small pages take about as long */
#define HK_PAUSE_MAX 512U          /* extents */

static struct {
	_Atomic uint32_t skip;  /* extents still to be left small */
	_Atomic uint32_t pause; /* how many after the next slow one */
} price;

void hk_thp_mapped(char *base, size_t size)
{
	(void) hk_sys_huge(base, size, HK_KNOB(thp) == HK_THP_ON);
}

/* Is the heap big enough, and nearly all of its spans in use? Many threads with a few blocks of each class each have
   large slabs and small needs, and slabs of some classes end in pages that no block touches. */
static bool worth_it(void)
{
	uint64_t used = hk_pageheap_used(), in_use;

	if (used < HK_AUTO_MIN)
		return false;
	in_use = HK_STAT_GET(large_live_bytes) + hk_pool_bytes_out();
	return in_use >= HK_AUTO_MIN && in_use >= used - used / HK_WASTE_PART;
}

/* Does the program touch what it allocates? Huge pages in blocks that are used here and there would multiply what is
   resident. Anonymous memory of the process against what the heap uses. */
static bool touched(void)
{
	char text[128];
	const char *at = text;
	uint64_t pages[3] = {0, 0, 0}; /* size, resident, of that files' */

	if (hk_sys_read_file("/proc/self/statm", text, sizeof(text)) <= 0)
		return false;
	for (size_t i = 0; i < HK_COUNT(pages) && at != NULL; i++) {
		pages[i] = hk_text_number(at);
		at = strchr(at + 1, ' ');
	}
	return (pages[1] - hk_min(pages[2], pages[1])) * hk_sys_page() >= hk_pageheap_used() / 10 * 9;
}

bool hk_thp_would(void)
{
	return atomic_load_explicit(&price.skip, memory_order_relaxed) == 0 && worth_it() && touched();
}

/* Is it this extent's turn? */
static bool try_this_one(void)
{
	uint32_t skip = atomic_load_explicit(&price.skip, memory_order_relaxed);

	if (skip > 0)
		atomic_store_explicit(&price.skip, skip - 1, memory_order_relaxed);
	return skip == 0;
}

static void paid(uint64_t ns)
{
	uint32_t pause = atomic_load_explicit(&price.pause, memory_order_relaxed);

	if (ns > HK_SLOW_NS) {
		pause = (uint32_t) hk_min(2 * pause + 4, HK_PAUSE_MAX);
		atomic_store_explicit(&price.skip, pause, memory_order_relaxed);
	} else {
		pause /= 2;
	}
	atomic_store_explicit(&price.pause, pause, memory_order_relaxed);
}

static void open_extent(char *extent, bool populate)
{
	uint64_t start;

	if (hk_sys_huge(extent, HK_EXTENT, true) != 0 || !populate)
		return;
	start = hk_sys_precise_ns();
	if (hk_sys_populate(extent, HK_EXTENT) == 0)
		paid(hk_sys_precise_ns() - start);
}

void hk_thp_cut(char *start, size_t size, char *from, char *to, bool dense)
{
	char *extent = (char *) hk_align_down((uintptr_t) start, HK_EXTENT);

	extent += extent < from ? HK_EXTENT : 0;
	if (extent >= start + size || HK_KNOB(thp) != HK_THP_AUTO || !worth_it())
		return;
	/* A dense extent is populated, and timed. In a large block, of which the program may touch little, that is done to the
	   first one, to know the price; the others are only offered. */
	for (bool populate = true; extent < start + size && extent + HK_EXTENT <= to && try_this_one() && touched();
	     extent += HK_EXTENT, populate = dense)
		open_extent(extent, populate);
}
