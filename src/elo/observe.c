/* SPDX-License-Identifier: MIT
 *
 * Observing. One thread at a time works on the shadows; another that comes meanwhile waits for a moment, then its event is
 * lost, which the next look at the counters makes up for as far as they tell. Who holds them is told by pid, because after
 * fork the holder may not exist in the child.
 */
#include "elo/observe.h"

#include "base/sys.h"
#include "base/text.h"
#include "core/ebb.h"
#include "core/knobs.h"
#include "core/purge.h"
#include "core/stats.h"
#include "core/thp.h"
#include "elo/rating.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SPINS 200
#define PRICE_PAGES 256U  /* small ones, of a huge page's room */
#define PRICE_EXTENTS 4U  /* huge ones: more than the processor's caches hold */
#define USE_TURNS 3       /* the cheapest counts */
#define EXTENT ((size_t) (2 * HK_MIB))
#define USE_BYTES ((size_t) (16 * HK_MIB))  /* more than the TLB covers with small pages */
#define USE_FAULT_MAX 20000 /* ns a page: 80 ms for all */
#define USE_HEAP_MIN ((uint64_t) (24 * HK_MIB)) /* resident; it covers smaller heaps */

static struct {
	_Atomic uint32_t busy; /* pid */
	struct hk_shadow *shadow;
	uint32_t pid;                    /* whose counters these are: a child of fork begins anew */
	uint64_t allocs, cpu_ns, faults; /* at the last look */
} own;

static bool take(void)
{
	uint32_t pid = (uint32_t) getpid();

	for (int i = 0; i < SPINS; i++) {
		if (atomic_exchange_explicit(&own.busy, pid, memory_order_acquire) != pid)
			return true;
		hk_sys_pause();
	}
	return false;
}

static void drop(void)
{
	atomic_store_explicit(&own.busy, 0, memory_order_release);
}

static void on_large(size_t old, size_t new)
{
	if (!take())
		return;
	if (own.shadow != NULL)
		hk_shadow_event(own.shadow, old, new, hk_sys_now_ns(), hk_purge_ticked_ns());
	drop();
}

/* ---- begin and end ---- */

/* What the shadows need to know of the process, besides events. */
static void tell(struct hk_shadow *shadow)
{
	uint64_t used = hk_ebb_used();

	shadow->ebbs = hk_ebb_watches();
	shadow->other_bytes = used - hk_min(used, HK_STAT_GET(large_live_bytes));
	shadow->auto_huge = hk_thp_would();
}

/* Strategy 0 is the configuration as it is: its row need not be what the mode's presets are. */
static void lay(const struct hk_config *config, uint32_t strategy, enum hk_key_id key, uint64_t *value)
{
	if (strategy == 0 || config->origin[key] != HK_ORIGIN_PRESET)
		*value = hk_config_num(config, key);
}

/* A strategy as it would be in force. */
static struct hk_strategy rule_of(const struct hk_config *config, uint32_t strategy)
{
	struct hk_strategy rule = hk_strategies[strategy];
	uint64_t thp = rule.thp, policy = hk_config_num(config, HK_KEY_FREE_POLICY);

	lay(config, strategy, HK_KEY_PURGE_DELAY, &rule.purge_delay_ns);
	lay(config, strategy, HK_KEY_BIGCACHE_LIMIT, &rule.bigcache_limit);
	lay(config, strategy, HK_KEY_BIGCACHE_MAX_BLOCK, &rule.bigcache_max_block);
	lay(config, strategy, HK_KEY_THP, &thp);
	rule.thp = (uint8_t) thp;
	if (hk_config_num(config, HK_KEY_BIGCACHE) == 0)
		rule.bigcache_limit = 0;
	if (policy != HK_FREE_ADAPTIVE)
		rule.purge_delay_ns = policy == HK_FREE_KEEP ? UINT64_MAX / 4 : 0;
	return rule;
}

static uint64_t faults(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t) usage.ru_minflt : 0;
}

static void look(uint64_t *ret_allocs, uint64_t *ret_cpu_ns, uint64_t *ret_faults)
{
	uint32_t pid = (uint32_t) getpid();

	if (own.pid != pid) {
		own.pid = pid;
		own.allocs = HK_STAT_GET(large_allocs);
		own.cpu_ns = hk_sys_cpu_ns();
		own.faults = faults();
	}
	*ret_faults = faults() - own.faults;
	own.faults += *ret_faults;
	*ret_allocs = HK_STAT_GET(large_allocs) - own.allocs;
	*ret_cpu_ns = hk_sys_cpu_ns() - own.cpu_ns;
	own.allocs += *ret_allocs;
	own.cpu_ns += *ret_cpu_ns;
}

/* What large blocks held at the most before, in use or free: by how much more was resident at some time, so much more was theirs. */
static uint64_t peak_bytes(void)
{
	uint64_t held = HK_STAT_GET(large_live_bytes) + HK_STAT_GET(bigcache_bytes) + HK_STAT_GET(dirty_bytes);
	char text[2048];
	const char *most, *now;

	if (hk_sys_read_file("/proc/self/status", text, sizeof(text)) <= 0 || (most = strstr(text, "VmHWM:")) == NULL ||
	    (now = strstr(text, "VmRSS:")) == NULL)
		return held;
	most += 7, now += 7; /* there is a tab */
	return held + (hk_text_number(most) - hk_min(hk_text_number(now), hk_text_number(most))) * HK_KIB;
}

void hk_observe_begin(const struct hk_config *config)
{
	uint64_t allocs, cpu_ns, minor;

	if (!take())
		return;
	if (own.shadow == NULL)
		own.shadow = hk_sys_map(hk_align_up(sizeof(*own.shadow), HK_PAGE), HK_PAGE);
	if (own.shadow != NULL) {
		if (atomic_load_explicit(&hk_hooks.on_large, memory_order_relaxed) == NULL) {
			hk_shadow_begin(own.shadow, hk_sys_now_ns(), HK_STAT_GET(large_live_bytes), peak_bytes());
			look(&allocs, &cpu_ns, &minor);
			tell(own.shadow);
		}
		for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
			own.shadow->rule[i] = rule_of(config, i);
		/* With the lock held: who ends it meanwhile is not to leave a hook behind that nobody takes away. */
		atomic_store_explicit(&hk_hooks.on_large, on_large, memory_order_release);
	}
	drop();
}

void hk_observe_end(void)
{
	/* At once: many threads may want the lock for what the hook does. If we do not get it, the memory is used next time. */
	atomic_store_explicit(&hk_hooks.on_large, NULL, memory_order_relaxed);
	if (!take())
		return;
	atomic_store_explicit(&hk_hooks.on_large, NULL, memory_order_relaxed);
	if (own.shadow != NULL)
		hk_sys_unmap(own.shadow, hk_align_up(sizeof(*own.shadow), HK_PAGE));
	own.shadow = NULL;
	drop();
}

/* ---- what was seen ---- */

static void add_sums(struct hk_shadow_total *total, const struct hk_shadow *shadow)
{
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		const struct hk_shadow_sum *sum = &shadow->player[i].sum;

		total->of[i].fresh_small += sum->fresh_small;
		total->of[i].fresh_huge += sum->fresh_huge;
		total->of[i].first_huge += sum->first_huge;
		total->of[i].given_back += sum->given_back;
		total->of[i].idle_byte_ns += sum->idle_byte_ns;
		total->of[i].live_at_fault += sum->live_at_fault;
	}
	total->live_byte_ns += shadow->live_byte_ns;
	total->time_ns += shadow->time_ns;
	total->allocated += shadow->allocated;
}

static uint64_t resident_bytes(void)
{
	char text[128];
	const char *at;

	if (hk_sys_read_file("/proc/self/statm", text, sizeof(text)) <= 0 || (at = strchr(text, ' ')) == NULL)
		return 0;
	return hk_text_number(at) * hk_sys_page();
}

static void add_counters(struct hk_shadow_total *total, uint64_t allocs, uint64_t cpu_ns)
{
	float each = hk_rating_log2((float) (cpu_ns + 1) / (float) (allocs + (allocs == 0)));
	uint64_t resident = resident_bytes();

	total->cpu_ns += (double) cpu_ns;
	total->allocations += (double) allocs;
	total->cost += (double) each;
	total->squares += (double) (each * each);
	total->windows += 1;
	total->tracked += (double) (HK_STAT_GET(large_live_bytes) + HK_STAT_GET(bigcache_bytes) + HK_STAT_GET(dirty_bytes));
	total->resident += (double) resident;
}

uint64_t hk_observe_collect(struct hk_shadow_total *total)
{
	uint64_t allocs = 0, cpu_ns, minor;

	if (!take())
		return 0;
	if (own.shadow != NULL) {
		bool ours = own.pid == (uint32_t) getpid(); /* a child's first sums are its parent's, and are counted there */

		look(&allocs, &cpu_ns, &minor);
		if (ours) {
			total->faults += (double) minor;
			if (allocs > 0)
				add_counters(total, allocs, cpu_ns);
			add_sums(total, own.shadow);
		}
		hk_shadow_clear_sums(own.shadow);
		own.shadow->live_bytes = HK_STAT_GET(large_live_bytes);
		own.shadow->arena_bytes = hk_min(own.shadow->arena_bytes, own.shadow->live_bytes);
		tell(own.shadow);
	}
	drop();
	return allocs;
}

/* ---- prices ---- */

static void touch(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *) at)[i * HK_PAGE] = 1;
}

/* This thread's CPU time: others who run meanwhile do not count. */
static uint64_t own_cpu_ns(void)
{
	struct timespec t = {0};

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_nsec;
}

static float per_page(uint64_t since_ns, size_t pages)
{
	return (float) (own_cpu_ns() - since_ns) / (float) pages;
}

/* What it costs here, now, to fault pages in and to give them back. Some hundred µs, where faults are cheap. Small pages are used
   once: the same ones again would lie in the processor's cache. Huge ones twice: on a virtual machine the first use of an extent
   may be ten times as dear, where the host has to find the memory. */
static void find_paging(struct hk_shadow_prices *ret, char *at)
{
	char *huge = at + EXTENT;
	uint64_t start;

	(void) hk_sys_huge(at, EXTENT, false);
	start = own_cpu_ns();
	touch(at, PRICE_PAGES);
	ret->small = per_page(start, PRICE_PAGES);
	start = own_cpu_ns();
	(void) hk_sys_purge(at, PRICE_PAGES * HK_PAGE);
	ret->given_back = per_page(start, PRICE_PAGES);
	(void) hk_sys_huge(huge, PRICE_EXTENTS * EXTENT, true);
	start = own_cpu_ns();
	touch(huge, PRICE_EXTENTS * EXTENT / HK_PAGE);
	ret->huge_first = per_page(start, PRICE_EXTENTS * EXTENT / HK_PAGE);
	(void) hk_sys_purge(huge, PRICE_EXTENTS * EXTENT);
	start = own_cpu_ns();
	touch(huge, PRICE_EXTENTS * EXTENT / HK_PAGE);
	ret->huge = per_page(start, PRICE_EXTENTS * EXTENT / HK_PAGE);
}

/* And to write to pages that are there, page by page and byte by byte. 0 when it is not known. */
static float find_use(bool huge)
{
	char *at = hk_sys_map(USE_BYTES, EXTENT);
	float least = 0;

	if (at == NULL)
		return 0;
	(void) hk_sys_huge(at, USE_BYTES, huge);
	touch(at, USE_BYTES / HK_PAGE);
	for (int i = 0; i < USE_TURNS; i++) {
		uint64_t start = own_cpu_ns();
		float each;

		memset(at, i, USE_BYTES);
		each = per_page(start, USE_BYTES / HK_PAGE);
		least = i == 0 || each < least ? each : least;
	}
	hk_sys_unmap(at, USE_BYTES);
	return least;
}

static void find_prices(struct hk_shadow_prices *ret, uint64_t resident)
{
	char *at = hk_sys_map((1 + PRICE_EXTENTS) * EXTENT, EXTENT);

	*ret = (struct hk_shadow_prices){0};
	if (at == NULL)
		return;
	find_paging(ret, at);
	hk_sys_unmap(at, (1 + PRICE_EXTENTS) * EXTENT);
	/* Not where that takes too long: the thread that came by waits. */
	if (resident >= USE_HEAP_MIN && ret->small < USE_FAULT_MAX) {
		ret->use_small = find_use(false);
		ret->use_huge = hk_min(find_use(true), ret->use_small);
	}
}

/* Of this process's memory, how much is in huge pages. */
static float huge_part(uint64_t resident)
{
	char text[1536];
	const char *at;
	float part;

	if (hk_sys_read_file("/proc/self/smaps_rollup", text, sizeof(text)) <= 0 || (at = strstr(text, "AnonHugePages:")) == NULL)
		return 0;
	part = (float) hk_text_number(at + 14) * 1024 / (float) (resident + 1);
	return part < 1 ? part : 1;
}

bool hk_observe_costs(const struct hk_shadow_total *total, uint32_t present, float weight, float *ret_costs, float *ret_thp)
{
	uint64_t resident = resident_bytes();
	struct hk_shadow_prices prices;
	struct hk_shadow_case given = {&prices, present, weight, huge_part(resident)};
	bool told = false;

	if (!(total->allocations > 0 && total->windows > 0) || !take())
		return false;
	find_prices(&prices, resident);
	for (uint32_t i = 0; own.shadow != NULL && i < HK_ELO_STRATEGIES; i++) {
		ret_costs[i] = hk_shadow_cost(own.shadow, total, &given, i, false);
		ret_thp[i] = ret_costs[i] - hk_shadow_cost(own.shadow, total, &given, i, true);
		told = true;
	}
	drop();
	return told;
}
