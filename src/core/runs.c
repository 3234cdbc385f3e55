/* SPDX-License-Identifier: MIT
 *
 * Free runs: good fit over segregated bins (exact up to 1 MiB, four a doubling above), last freed first within a bin. Runs
 * that hold warm memory are tried before clean ones, which cost page faults. Spans are cut from the low end of a run, so
 * that fresh memory is handed out densely in address order, or, where a run is warm in parts only, from a part that is.
 */
#include "core/runs.h"

#include "core/stats.h"

#include <string.h>

#define HK_SCAN_MAX 16 /* runs looked at in a bin whose runs may be too short or misaligned */
#define HK_STRETCHES_MAX 64 /* … and warm stretches in such a run */

static struct {
	struct bins {
		struct hk_span *bin[HK_RUN_BINS];
		uint64_t nonempty[HK_RUN_BINS / 64];
	} clean, dirty; /* a run with any dirty granule is in dirty */
	struct hk_span *oldest, *newest; /* dirty runs by age */
} runs;

unsigned hk_run_bin(size_t n)
{
	unsigned lg;

	if (n <= 64)
		return (unsigned) n - 1;
	lg = hk_log2(n);
	return (unsigned) hk_min(64 + (lg - 6) * 4 + ((n >> (lg - 2)) & 3), HK_RUN_BINS - 1);
}

struct hk_span *hk_runs_oldest(void)
{
	return runs.oldest;
}

uint8_t *hk_runs_dirty(const struct hk_span *span)
{
	return &hk_leaf_of(span->base)->dirty[hk_granule_index(span->base)];
}

uint32_t hk_runs_count_dirty(const struct hk_span *span, size_t n)
{
	const uint8_t *dirty = hk_runs_dirty(span);
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += dirty[i];
	return sum;
}

static void age_insert(struct hk_span *run)
{
	/* Almost always the newest; a remainder keeps its older stamp and moves towards its place. */
	struct hk_span *after = runs.newest;

	while (after != NULL && after->stamp_ns > run->stamp_ns)
		after = after->older;
	run->older = after;
	run->newer = after != NULL ? after->newer : runs.oldest;
	if (run->newer != NULL)
		run->newer->older = run;
	else
		runs.newest = run;
	if (after != NULL)
		after->newer = run;
	else
		runs.oldest = run;
}

static void age_remove(struct hk_span *run)
{
	if (run->newer != NULL)
		run->newer->older = run->older;
	else
		runs.newest = run->older;
	if (run->older != NULL)
		run->older->newer = run->newer;
	else
		runs.oldest = run->newer;
}

static struct bins *bins_of(const struct hk_span *run)
{
	return run->ndirty != 0 ? &runs.dirty : &runs.clean;
}

static void insert(struct hk_span *run)
{
	unsigned b = hk_run_bin(run->granules);
	struct bins *bins = bins_of(run);
	struct hk_span *tail = run + run->granules - 1;

	if (tail != run) {
		hk_span_name(tail, HK_SPAN_FREE_TAIL);
		tail->granules = run->granules;
	}
	hk_span_name(run, HK_SPAN_FREE);
	run->prev = NULL;
	run->next = bins->bin[b];
	if (run->next != NULL)
		run->next->prev = run;
	bins->bin[b] = run;
	bins->nonempty[b / 64] |= (uint64_t) 1 << (b % 64);
	HK_STAT_ADD(free_run_bytes, run->granules * HK_GRANULE);
	if (run->ndirty == 0) {
		run->stamp_ns = 0;
		return;
	}
	if (run->stamp_ns == 0)
		run->stamp_ns = 1; /* age unknown: the oldest */
	age_insert(run);
	HK_STAT_ADD(dirty_bytes, run->ndirty * HK_GRANULE);
}

void hk_runs_remove(struct hk_span *run)
{
	unsigned b = hk_run_bin(run->granules);
	struct bins *bins = bins_of(run);

	if (run->next != NULL)
		run->next->prev = run->prev;
	if (run->prev != NULL)
		run->prev->next = run->next;
	else
		bins->bin[b] = run->next;
	if (bins->bin[b] == NULL)
		bins->nonempty[b / 64] &= ~((uint64_t) 1 << (b % 64));
	HK_STAT_SUB(free_run_bytes, run->granules * HK_GRANULE);
	if (run->ndirty != 0) {
		age_remove(run);
		HK_STAT_SUB(dirty_bytes, run->ndirty * HK_GRANULE);
	}
	hk_span_name(run, HK_SPAN_BUSY);
	hk_span_name(&run[run->granules - 1], HK_SPAN_BUSY);
}

void hk_runs_make(struct hk_span *head, char *base, size_t n, uint64_t stamp_ns, uint32_t ndirty)
{
	head->base = base;
	head->granules = (uint32_t) n;
	head->stamp_ns = stamp_ns;
	head->ndirty = ndirty;
}

/* Take a free neighbour out and add it to run's accounts. The larger dirty part's age counts. */
static void run_absorb(struct hk_span *run, struct hk_span *neighbour)
{
	hk_runs_remove(neighbour);
	if (neighbour->ndirty > run->ndirty)
		run->stamp_ns = neighbour->stamp_ns;
	run->ndirty += neighbour->ndirty;
	run->granules += neighbour->granules;
}

/* Merge with free neighbours inside the leaf and insert. */
void hk_runs_release(struct hk_span *run)
{
	struct hk_leaf *leaf = hk_leaf_of(run->base);
	size_t i = hk_granule_index(run->base);
	struct hk_span *right = run + run->granules, *left = run - 1;

	if (i + run->granules < HK_LEAF_GRANULES && hk_span_kind(right) == HK_SPAN_FREE) {
		run_absorb(run, right);
		hk_span_name(right, HK_SPAN_NONE);
	}
	if (i > 0) {
		if (hk_span_kind(left) == HK_SPAN_FREE_TAIL)
			left -= left->granules - 1;
		if (hk_span_kind(left) == HK_SPAN_FREE) {
			uint32_t n = left->granules;

			run_absorb(run, left);
			hk_span_name(run, HK_SPAN_NONE);
			hk_runs_make(&leaf->span[i - n], left->base, run->granules, run->stamp_ns, run->ndirty);
			run = left;
		}
	}
	insert(run);
}

/* ---- where to cut a span ---- */

/* Where in the run an aligned span of n granules begins, or NULL if it does not fit. */
static char *fit(const struct hk_span *run, size_t n, size_t align)
{
	char *start = (char *) hk_align_up((uintptr_t) run->base, align * HK_GRANULE);
	size_t skip = (size_t) (start - run->base) / HK_GRANULE;

	return skip + n <= run->granules ? start : NULL;
}

static struct hk_span *find_in(const struct bins *bins, size_t n, size_t align, char **ret_start)
{
	for (unsigned b = hk_run_bin(n); b < HK_RUN_BINS; b++) {
		uint64_t rest = bins->nonempty[b / 64] >> (b % 64);
		int scanned = 0;

		if (rest == 0) {
			b |= 63;
			continue;
		}
		b += (unsigned) __builtin_ctzll(rest);
		for (struct hk_span *run = bins->bin[b]; run != NULL && scanned < HK_SCAN_MAX; run = run->next) {
			*ret_start = fit(run, n, align);
			if (*ret_start != NULL)
				return run;
			scanned++;
		}
	}
	return NULL;
}

/* The first warm stretch of at least n granules in a run that is partly warm, or the longest one; its first granule. */
static size_t warm_stretch(const struct hk_span *run, size_t n)
{
	const uint8_t *dirty = hk_runs_dirty(run), *end = dirty + run->granules, *from = dirty, *to;
	size_t longest = 0, best = 0;

	for (int i = 0; i < HK_STRETCHES_MAX && longest < n; i++, from = to) {
		from = memchr(from, 1, (size_t) (end - from));
		if (from == NULL)
			break;
		to = memchr(from, 0, (size_t) (end - from));
		if (to == NULL)
			to = end;
		if ((size_t) (to - from) > longest) {
			longest = (size_t) (to - from);
			best = (size_t) (from - dirty);
		}
	}
	return best;
}

/* Where to cut n granules out of a run that is warm at least in part, not before start. */
static char *warm_start(const struct hk_span *run, size_t n, size_t align, char *start)
{
	size_t at;

	if (run->ndirty == run->granules)
		return start;
	at = hk_min(warm_stretch(run, n), run->granules - n);
	return (char *) hk_max(hk_align_down((uintptr_t) run->base + at * HK_GRANULE, align * HK_GRANULE), (uintptr_t) start);
}

struct hk_span *hk_runs_find(size_t n, size_t align, char **ret_start)
{
	struct hk_span *run = find_in(&runs.dirty, n, align, ret_start);

	if (run == NULL)
		return find_in(&runs.clean, n, align, ret_start);
	*ret_start = warm_start(run, n, align, *ret_start);
	return run;
}

/* Cut [start, start + n granules) out of a run that was removed; both remainders go back. */
struct hk_span *hk_runs_carve(struct hk_span *run, char *start, size_t n)
{
	size_t skip = (size_t) (start - run->base) / HK_GRANULE;
	size_t rest = run->granules - skip - n;
	uint64_t stamp = run->stamp_ns;
	uint32_t ndirty = run->ndirty, before = 0, inside = 0;
	struct hk_span *span = run + skip;
	char *base = run->base;

	span->base = start;
	if (ndirty != 0) {
		before = hk_runs_count_dirty(run, skip);
		inside = hk_runs_count_dirty(span, n);
	}
	if (skip > 0) {
		hk_runs_make(run, base, skip, stamp, before);
		insert(run);
	}
	if (rest > 0) {
		hk_runs_make(span + n, start + n * HK_GRANULE, rest, stamp, ndirty - before - inside);
		insert(span + n);
	}
	hk_runs_make(span, start, n, stamp, inside);
	hk_span_name(&span[n - 1], HK_SPAN_BUSY); /* neighbours read the kind of first and last granule */
	hk_span_name(span, HK_SPAN_BUSY);
	return span;
}
