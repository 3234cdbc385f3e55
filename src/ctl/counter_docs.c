/* SPDX-License-Identifier: MIT
 *
 * The table. tests/control/ctl-stats.sh holds it against the numbers that a live service gives; the list in
 * hakmemctl(1) is made from it.
 */
#include "ctl/counter_docs.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
const struct hk_counter_doc hk_counter_docs[] = {
	{"", "The service"},
	{"processes", "Processes of the service that live now."},
	{"applied", "Processes that run the newest configuration."},
	{"uptime_s", "Seconds since its first process started."},
	{"threads", "Threads that have allocated and still live."},
	{"windows", "Windows of large allocations that the engine has measured."},
	{"door", "The door that answered: 1 control socket, 2 control block."},

	{"", "Memory now"},
	{"rss_bytes", "Resident, as the kernel counts; shared pages once for each process."},
	{"live_bytes", "Allocated by the program, touched or not."},
	{"cached_bytes", "Free and kept warm: thread caches, BigCache, free runs."},
	{"cache_bytes", "Free blocks in the lists of threads, as they last reported."},
	{"slab_bytes", "Address space of slabs, which hold the blocks up to 32 KiB."},
	{"slab_free_bytes", "Part of that in neither blocks nor lists, resident or not: free pages in slabs, and rounding."},
	{"large_live_bytes", "Allocated in blocks above 32 KiB."},
	{"large_live_blocks", "Blocks above 32 KiB that are allocated."},
	{"bigcache_bytes", "Freed large blocks that BigCache keeps for re-use."},
	{"bigcache_blocks", "Number of freed large blocks that BigCache keeps."},
	{"free_run_bytes", "Free runs of arenas, resident or not."},
	{"dirty_bytes", "Part of the free runs that may be resident: it goes back after purge_delay."},
	{"mapped_bytes", "Address space of arenas and of blocks with a mapping of their own."},
	{"metadata_bytes", "Mapped for the bitmaps of slabs."},
	{"mappings", "Arenas and mappings of blocks; vm.max_map_count limits a process's."},

	{"", "Allocation, since the start"},
	{"tiny_allocs", "Blocks up to 1 KiB handed out, as threads last reported."},
	{"tiny_refills", "Times that a thread's list of blocks up to 1 KiB had to be filled."},
	{"medium_allocs", "Blocks above 1 KiB up to 32 KiB handed out."},
	{"medium_refills", "Times that a thread's list of blocks above 1 KiB had to be filled."},
	{"tinypool_hit_rate", "Share of the blocks up to 1 KiB that came without a refill, 0 to 1."},
	{"flushes", "Times that a list of free blocks went back to its slabs."},
	{"slab_bytes_out", "Bytes of blocks that left slabs, for programs and lists."},
	{"slab_bytes_in", "Bytes of blocks that came back to slabs."},
	{"slabs_made", "Slabs made; many beside slabs_freed mean that demand comes and goes."},
	{"slabs_freed", "Slabs that became wholly free and were given up."},
	{"large_allocs", "Blocks above 32 KiB handed out."},
	{"large_frees", "Blocks above 32 KiB freed."},
	{"bigcache_hits", "Large blocks served warm by BigCache."},
	{"bigcache_misses", "Large blocks that BigCache had none for."},
	{"bigcache_hit_rate", "Share of large blocks served by BigCache, 0 to 1."},

	{"", "Giving back, since the start"},
	{"purged_bytes", "Free memory given back to the system."},
	{"purge_batches", "Purges; each is one or a few system calls."},
	{"purge_ranges", "Ranges of memory that purges gave back."},
	{"purge_ns", "Nanoseconds spent in purges."},
	{"trims", "Times that everything free was given back, whatever the reason."},
	{"pressure_trims", "Trims because the host or the memory group had little room left."},
	{"soft_limit_hits", "Trims because soft_limit was reached."},
	{"hard_limit_hits", "Requests for memory that hard_limit refused."},
	{"enomem", "Allocations that failed: the program got NULL."},
	{"samples", "Allocations that were guarded, with security = sampled."},

	{"", "System calls, since the start"},
	{"sys_mmap", "Calls of mmap: memory taken from the system."},
	{"sys_munmap", "Calls of munmap: memory of large blocks given back with its addresses."},
	{"sys_madvise", "Calls of madvise: memory given back, huge pages asked for or forbidden."},
	{"sys_mremap", "Calls of mremap: large blocks grown or moved without copying."},
	{NULL, NULL},
};
/* clang-format on */

const char *hk_counter_doc(const char *name)
{
	for (const struct hk_counter_doc *doc = hk_counter_docs; doc->name != NULL; doc++)
		if (doc->name[0] != '\0' && strcmp(doc->name, name) == 0)
			return doc->doc;
	return "";
}
