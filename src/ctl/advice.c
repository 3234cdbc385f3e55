/* SPDX-License-Identifier: MIT
 *
 * One function for each thing that may stand out. Each decides by the figures alone, says what they
 * mean, and names a key only where the figures say what it would bring. Main thread (static buffers).
 */
#include "ctl/advice.h"
#include "ctl/output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTABLE_MIN (4 * HK_MIB) /* less is not worth a word */
#define CLASSES_NAMED 3

struct notes {
	const struct hk_picture *picture;
	struct hk_advice *advice;
	unsigned n;
};

const char *hk_picture_key(const struct hk_picture *picture, const char *name)
{
	const json_t *key;
	size_t i;

	json_array_foreach((json_t *) (uintptr_t) picture->keys, i, key)
	{
		const char *text = json_string_value(json_object_get(key, "key"));
		if (text != NULL && strcmp(text, name) == 0)
			return hk_out_text(key, "value");
	}
	return "?";
}

static bool key_is(const struct hk_picture *picture, const char *name, const char *value)
{
	return strcmp(hk_picture_key(picture, name), value) == 0;
}

/* A DURATION or SIZE in its unit, or 0. */
static uint64_t key_number(const struct hk_picture *picture, enum hk_key_id key)
{
	char why[HK_DIAG_MAX];
	struct hk_value value;

	if (hk_value_parse(key, hk_picture_key(picture, hk_keys[key].name), &value, why, sizeof why) != 0)
		return 0;
	return value.num;
}

static bool notable(const struct hk_picture *picture, uint64_t bytes, unsigned percent)
{
	return bytes >= NOTABLE_MIN && bytes >= picture->all / 100 * percent;
}

static unsigned percent(uint64_t part, uint64_t all)
{
	return all > 0 ? (unsigned) ((100.0 * (double) part) / (double) all + 0.5) : 0;
}

static void note(struct notes *notes, uint64_t bytes, const char *key, const char *value, const char *format,
                 ...) HK_PRINTF(5, 6);
static void note(struct notes *notes, uint64_t bytes, const char *key, const char *value, const char *format,
                 ...)
{
	struct hk_advice *advice = &notes->advice[notes->n];
	va_list args;

	if (notes->n == HK_ADVICE_MAX)
		return;
	notes->n++;
	*advice = (struct hk_advice){.bytes = bytes};
	snprintf(advice->key, sizeof advice->key, "%s", key);
	snprintf(advice->value, sizeof advice->value, "%s", value);
	va_start(args, format);
	vsnprintf(advice->text, sizeof advice->text, format, args);
	va_end(args);
}

static bool has_thread(const struct hk_picture *picture)
{
	const char *thread =
	        json_string_value(json_object_get(json_object_get(picture->status, "control"), "thread"));

	return thread != NULL && strcmp(thread, "running") == 0;
}

/* In this very process: of several, one has it. */
static bool thread_runs(const struct hk_picture *picture)
{
	return has_thread(picture) && picture->processes == 1;
}

/* What a change waits for, where no thread of ours lets time pass. */
static const char *when(const struct hk_picture *picture)
{
	return thread_runs(picture) ? "" : ", as soon as the process allocates";
}

/* ---- outside the heap ---- */

static const char *const outside_texts[] = {
        [HK_PART_PROGRAM] = "the program's own text and data",
        [HK_PART_LIBRARIES] = "shared libraries, most of which other processes share",
        [HK_PART_FILES] = "files that it has mapped, which the kernel drops when memory gets short",
        [HK_PART_SHARED] = "shared memory (shm, memfd, System V, or shared between its processes)",
        [HK_PART_BRK] = "memory that it takes by sbrk, past malloc",
        [HK_PART_STACKS] = "stacks of threads",
        [HK_PART_OTHER] = "mappings that it or its run-time makes itself (buffer pools, JIT, collectors)",
};

static void look_outside(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t outside = hk_account_sum(picture->part, HK_PART_FIRST_OUTSIDE, HK_PART_COUNT);
	unsigned most = HK_PART_FIRST_OUTSIDE;

	for (unsigned i = HK_PART_FIRST_OUTSIDE; i < HK_PART_COUNT; i++)
		if (picture->part[i] > picture->part[most])
			most = i;
	if (outside < picture->all / 2)
		return;
	note(notes, outside, "", "",
	     "Most of it, %s of %s (%u%%), is outside the heap: no key of hakmem changes that. The largest "
	     "part, %s, is %s.",
	     hk_out_bytes(outside), hk_out_bytes(picture->all), percent(outside, picture->all),
	     hk_out_bytes(picture->part[most]), outside_texts[most]);
}

/* ---- live ---- */

/* "blocks of 64 bytes 1.1G, large blocks 300M (12)": what most live memory is in. */
static void name_sizes(const struct hk_picture *picture, char *ret, size_t size)
{
	bool named[HK_CLASSES] = {false}, large = false;
	size_t used = 0;

	ret[0] = '\0';
	for (unsigned n = 0; n < CLASSES_NAMED && used < size; n++) {
		uint64_t most = large ? 0 : picture->large_live;
		unsigned best = 0;
		for (unsigned c = 1; c < HK_CLASSES; c++)
			if (!named[c] && picture->class_bytes[c] > most)
				most = picture->class_bytes[best = c];
		if (most == 0 || most < (picture->small_live + picture->large_live) / 20)
			break;
		used += (size_t) snprintf(ret + used, size - used, "%s", n > 0 ? ", " : "");
		if (best == 0)
			used += (size_t) snprintf(ret + used, size - used, "%s in %" PRIu64 " large block%s",
			                          hk_out_bytes(most), picture->large_blocks,
			                          picture->large_blocks == 1 ? "" : "s");
		else
			used += (size_t) snprintf(ret + used, size - used, "%s in blocks of %zu bytes",
			                          hk_out_bytes(most), hk_sizeclass_bytes(best));
		large |= best == 0;
		named[best] = true;
	}
}

static void look_live(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t live = picture->part[HK_PART_LIVE_SMALL] + picture->part[HK_PART_LIVE_LARGE];
	char sizes[256];

	if (live < picture->all / 2 || live < NOTABLE_MIN)
		return;
	name_sizes(picture, sizes, sizeof sizes);
	note(notes, live, "", "",
	     "%s (%u%%) is live: the program holds it, and no key of hakmem changes that. Most of what is "
	     "allocated: %s.",
	     hk_out_bytes(live), percent(live, picture->all),
	     sizes[0] != '\0' ? sizes : "blocks of many sizes");
}

static void look_untouched(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t asked = picture->small_live + picture->large_live;
	uint64_t live = picture->part[HK_PART_LIVE_SMALL] + picture->part[HK_PART_LIVE_LARGE] +
	                picture->huge_in_blocks;

	if (picture->processes > 1 || asked < live || asked - live < hk_max(asked / 4, NOTABLE_MIN))
		return;
	note(notes, asked - live, "", "",
	     "%s is allocated, but not resident: %s. soft_limit and hard_limit count it all the same.",
	     hk_out_bytes(asked - live),
	     picture->swap > 0 ? "never touched, or swapped out" : "the program never touched it");
}

/* ---- free, but resident ---- */

/* It was free for longer than it should be: the process stands still. */
static void note_overdue(struct notes *notes, uint64_t cached)
{
	const struct hk_picture *picture = notes->picture;

	note(notes, picture->overdue, "trim", "",
	     "%s (%u%%) is free and warm; %s of it for longer than purge_delay = %s: %s. "
	     "hakmemctl trim %d gives about %s back%s%s.",
	     hk_out_bytes(cached), percent(cached, picture->all), hk_out_bytes(picture->overdue),
	     hk_picture_key(picture, "purge_delay"),
	     thread_runs(picture) ? "it should have gone back"
	                          : "the process allocates too little for time to pass in its heap",
	     (int) picture->pid, hk_out_bytes(picture->overdue), when(picture),
	     thread_runs(picture)  ? ""
	     : has_thread(picture) ? ". control = on lets time pass in the service's first process only"
	                           : "; control = on, at the next start, lets it go by itself");
}

static void look_cached(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t cached = picture->part[HK_PART_BIGCACHE] + picture->part[HK_PART_RUNS];
	uint64_t delay_ns = key_number(picture, HK_KEY_PURGE_DELAY);
	const char *delay = hk_picture_key(picture, "purge_delay");

	if (!notable(picture, cached, 10))
		return;
	if (key_is(picture, "free_policy", "keep"))
		note(notes, cached, "free_policy", "adaptive",
		     "%s (%u%%) is free and warm, because free_policy = keep gives nothing back. hakmemctl "
		     "set %d "
		     "free_policy=adaptive: about %s back within purge_delay = %s%s.",
		     hk_out_bytes(cached), percent(cached, picture->all), (int) picture->pid,
		     hk_out_bytes(cached), delay, when(picture));
	else if (picture->overdue >= cached / 2)
		note_overdue(notes, cached);
	else if (delay_ns > 1000000000U && picture->resting >= cached / 4)
		note(notes, picture->resting, "purge_delay", "100ms",
		     "%s (%u%%) is free and kept warm by purge_delay = %s: BigCache %s, free runs %s. "
		     "hakmemctl set %d "
		     "purge_delay=100ms: about %s back within a second%s.",
		     hk_out_bytes(cached), percent(cached, picture->all), delay,
		     hk_out_bytes(picture->part[HK_PART_BIGCACHE]), hk_out_bytes(picture->part[HK_PART_RUNS]),
		     (int) picture->pid, hk_out_bytes(picture->resting), when(picture));
	else
		note(notes, cached, delay_ns > 100000000U ? "purge_delay" : "",
		     delay_ns > 100000000U ? "100ms" : "",
		     "%s (%u%%) was freed within the last second or so: the program uses it again and again, "
		     "or it goes back "
		     "after purge_delay = %s. To give it back sooner costs page faults%s.",
		     hk_out_bytes(cached), percent(cached, picture->all), delay,
		     delay_ns > 100000000U
		             ? "; where memory is dearer than time, a shorter purge_delay does it"
		             : "");
}

static void look_slabs(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	const uint64_t *part = picture->part;
	uint64_t slabs =
	        part[HK_PART_LIVE_SMALL] + part[HK_PART_BETWEEN] + part[HK_PART_PAGES] + part[HK_PART_LISTS];

	if (notable(picture, part[HK_PART_BETWEEN], 10) && part[HK_PART_BETWEEN] >= slabs / 4)
		note(notes, part[HK_PART_BETWEEN], "", "",
		     "%u%% of the memory of small blocks (%s) is free between live blocks: they lie "
		     "scattered over its pages. "
		     "No key moves them; new blocks of the same sizes go there first, and a restart closes "
		     "the gaps.",
		     percent(part[HK_PART_BETWEEN], slabs), hk_out_bytes(part[HK_PART_BETWEEN]));
	if (notable(picture, part[HK_PART_PAGES], 10))
		note(notes, part[HK_PART_PAGES], "trim", "",
		     "%s (%u%%) is on whole pages of small blocks' memory that no block is on. hakmemctl "
		     "trim %d gives about "
		     "that much back%s.",
		     hk_out_bytes(part[HK_PART_PAGES]), percent(part[HK_PART_PAGES], picture->all),
		     (int) picture->pid, when(picture));
}

static void look_lists(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t lists = picture->part[HK_PART_LISTS], limit = key_number(picture, HK_KEY_TINYPOOL_LIMIT);
	const char *now = hk_picture_key(picture, "tinypool_limit");
	char value[24];

	if (!notable(picture, lists, 10) || limit < 4096 || picture->threads == 0)
		return;
	snprintf(value, sizeof value, "%" PRIu64 "K", limit / 4 / 1024);
	note(notes, lists - lists / 4, "tinypool_limit", value,
	     "%s (%u%%) is free in the lists of %" PRIu64
	     " threads (tinypool_limit = %s each). hakmemctl set %d "
	     "tinypool_limit=%s: about %s of it can go back to where other threads find it.",
	     hk_out_bytes(lists), percent(lists, picture->all), picture->threads, now, (int) picture->pid,
	     value, hk_out_bytes(lists - lists / 4));
}

static void look_huge(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t huge = picture->part[HK_PART_HUGE], slabs = hk_min(picture->huge_in_slabs, huge);
	uint64_t blocks = hk_min(picture->huge_in_blocks, huge - slabs);
	char where[160] = "", now[96] = "";

	if (!notable(picture, huge, 5))
		return;
	if (blocks > huge / 10)
		snprintf(where, sizeof where,
		         "; %s of it in large blocks, by a sample of pages that read as zero",
		         hk_out_bytes(blocks));
	if (slabs > huge / 10)
		snprintf(now, sizeof now, "hakmemctl trim %d gives back about %s now%s. ", (int) picture->pid,
		         hk_out_bytes(slabs), when(picture));
	note(notes, huge, "thp", "off",
	     "Huge pages hold %s (%u%%) that the program has not touched (thp = %s%s). %sWith thp = off in "
	     "the file the next "
	     "start does without it, at the price of more page faults.",
	     hk_out_bytes(huge), percent(huge, picture->all), hk_picture_key(picture, "thp"), where, now);
}

static void look_softened(struct notes *notes)
{
	const struct hk_picture *picture = notes->picture;
	uint64_t soft = picture->part[HK_PART_SOFTENED];

	if (notable(picture, soft, 10))
		note(notes, soft, "trim", "",
		     "%s (%u%%) is free and the kernel takes it as soon as anybody needs it (MADV_FREE): it "
		     "only still counts. "
		     "hakmemctl trim %d takes it out of the figure%s.",
		     hk_out_bytes(soft), percent(soft, picture->all), (int) picture->pid, when(picture));
}

static void look_swap(struct notes *notes)
{
	if (notes->picture->swap >= NOTABLE_MIN)
		note(notes, notes->picture->swap, "", "",
		     "%s more is swapped out: not resident, and slow to come back.",
		     hk_out_bytes(notes->picture->swap));
}

/* ---- all ---- */

static int by_weight(const void *a, const void *b)
{
	const struct hk_advice *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

unsigned hk_advise(const struct hk_picture *picture, struct hk_advice ret[HK_ADVICE_MAX])
{
	struct notes notes = {.picture = picture, .advice = ret};

	look_outside(&notes);
	look_live(&notes);
	look_cached(&notes);
	look_slabs(&notes);
	look_lists(&notes);
	look_huge(&notes);
	look_softened(&notes);
	qsort(ret, notes.n, sizeof *ret, by_weight);
	/* What is not resident comes last. */
	look_swap(&notes);
	look_untouched(&notes);
	if (notes.n == 0)
		note(&notes, 0, "", "",
		     "Nothing stands out: no part is large enough for a key to make a difference.");
	return notes.n;
}
