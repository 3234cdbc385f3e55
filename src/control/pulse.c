/* SPDX-License-Identifier: MIT
 *
 * Applying what the control block says. Runs in any thread of the program, on malloc's slow path with no
 * lock held, when one of the two pulse words has moved: so it must not block, allocate or change
 * errno. One thread at a time; the others go on with what is in force.
 */
#include "control/process.h"

#include "base/log.h"
#include "base/sys.h"
#include "base/words.h"
#include "core/hk.h"
#include "core/knobs.h"

#include <errno.h>
#include <string.h>

#define HK_TORN_RETRY_NS 10000000 /* torn values are not looked at again before */
#define HK_SAY_MAX 32             /* engine decisions logged in one visit */

struct hk_self hk_self HK_ALIGNED(HK_PAGE); /* what is not zero in it: two pages */
/* hakmemctl looks for this symbol in libhakmem.so. (In .data, so that it is on a page that is written anyway.) */
__attribute__((visibility("default"), section(".data"))) struct hk_block *hakmem_control_block;

static const char event_names[HK_ELO_EVENTS][10] = {"match", "freeze", "learn", "canary", "promote", "roll back", "off",
                                       "shift", "shadow"};

/* Fetch values of this generation into hk_self; false while they are torn. */
static bool fetch(struct hk_block *block, uint64_t generation)
{
	uint64_t now = hk_sys_now_ns();

	if (now - hk_self.torn_ns < HK_TORN_RETRY_NS)
		return false;
	if (hk_block_read(block, &hk_self.values) == 0 && hk_self.values.generation >= generation)
		return true;
	hk_self.torn_ns = now;
	hk_self.values.generation = 0;
	return false;
}

/* freeze, learn or canary: the engine sees to it that only one process carries it out. */
static void follow_phase(struct hk_block *block)
{
	const struct hk_block_values *values = &hk_self.values;
	char why[HK_DIAG_MAX];

	if (values->phase_seq != 0)
		(void) hk_engine_request(&block->elo, &values->config, (enum hk_phase) values->phase_request,
		                         values->phase_seq, why, sizeof(why));
	if (hk_self.slot != NULL)
		atomic_store_explicit(&hk_self.slot->phase_done, values->phase_seq, memory_order_relaxed);
}

static void lay_over(struct hk_config *config, const struct hk_overlay *overlay)
{
	for (uint64_t mask = overlay->mask; mask != 0; mask &= mask - 1) {
		unsigned k = (unsigned) __builtin_ctzll(mask);

		hk_values_lay(&config->values, (enum hk_key_id) k, &overlay->values);
		config->origin[k] = HK_ORIGIN_LEARNED;
	}
}

/* The block's word on them is for operators to read, and could be anybody's. */
static void keep_startup(struct hk_config *config)
{
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		if (hk_keys[k].context == HK_CONTEXT_STARTUP)
			hk_values_lay(&config->values, (enum hk_key_id) k, &hk_self.founder.startup);
}

static void follow_trim(void)
{
	uint32_t seq = hk_self.values.trim_seq;
	size_t bytes;

	if (seq == hk_self.trim_done)
		return;
	hk_self.trim_done = seq;
	bytes = hk_trim();
	if (hk_self.slot == NULL)
		return;
	atomic_store_explicit(&hk_self.slot->trimmed_bytes, bytes, memory_order_relaxed);
	atomic_store_explicit(&hk_self.slot->trim_done, seq, memory_order_release);
}

static void say_one(const char *what, uint32_t uid, uint32_t pid, uint64_t generation)
{
	hk_log_line("%.*s, asked by uid %u, pid %u: generation %llu", HK_WHAT_MAX - 1, what, (unsigned) uid, (unsigned) pid,
	            (unsigned long long) generation);
}

/* One process of the service logs each change. An idle one finds several at once. */
static void say_change(struct hk_block *block, uint64_t debug)
{
	const struct hk_block_values *values = &hk_self.values;
	uint64_t said = atomic_load_explicit(&block->said, memory_order_relaxed);

	if (debug < HK_DEBUG_MINIMAL || said >= values->generation || values->what[0] == '\0' ||
	    !atomic_compare_exchange_strong(&block->said, &said, values->generation))
		return;
	for (uint64_t back = HK_CHANGES; back > 0; back--) { /* oldest first */
		const struct hk_change *change = &values->earlier[(values->generation - back) % HK_CHANGES];

		if (values->generation > back + said && change->generation == values->generation - back && change->what[0] != '\0')
			say_one(change->what, change->by_uid, change->by_pid, change->generation);
	}
	say_one(values->what, values->by_uid, values->by_pid, values->generation);
}

static void say_entry(const struct hk_elo_entry *entry)
{
	const char *a = entry->a < HK_ELO_STRATEGIES ? hk_strategies[entry->a].name : "?";
	const char *b = entry->b < HK_ELO_STRATEGIES ? hk_strategies[entry->b].name : "?";

	hk_log_line("elo %s: %s %.3f (%.0f), %s %.3f (%.0f)",
	            entry->event < HK_COUNT(event_names) ? event_names[entry->event] : "?", a, (double) entry->cost_a,
	            (double) entry->rating_a, b, (double) entry->cost_b, (double) entry->rating_b);
}

/* The engine's decisions: matches only when verbose. */
static void say_engine(struct hk_block *block, uint64_t debug)
{
	uint32_t next = __atomic_load_n(&block->elo.log_next, __ATOMIC_ACQUIRE);
	uint32_t said = atomic_load_explicit(&block->elo_said, memory_order_relaxed);

	if (next - said > HK_ELO_LOG) /* the older ones are overwritten; also: a new ring */
		(void) atomic_compare_exchange_strong(&block->elo_said, &said, next - HK_SAY_MAX);
	for (unsigned i = 0; i < HK_SAY_MAX && said != next; i++) {
		struct hk_elo_entry entry = block->elo.log[said % HK_ELO_LOG];

		HK_FETCHED(entry);
		if (!atomic_compare_exchange_strong(&block->elo_said, &said, said + 1))
			return;
		said++;
		if (debug >= HK_DEBUG_VERBOSE || (debug >= HK_DEBUG_MINIMAL && entry.event != HK_ELO_MATCH))
			say_entry(&entry);
	}
}

/* The control thread cannot write to the program's stderr: then it leaves the pulse unseen, so that the
   next thread of the program that comes by says it. True if that was necessary. */
static bool say(struct hk_block *block, bool from_control)
{
	uint64_t debug = hk_config_num(&hk_self.effective, HK_KEY_DEBUG);

	if (debug == HK_DEBUG_OFF)
		return false;
	if (from_control && strcmp(hk_self.founder.startup.text[HK_TEXT_LOG], "stderr") == 0)
		return true;
	say_change(block, debug);
	say_engine(block, debug);
	return false;
}

static void apply(struct hk_block *block, bool from_control)
{
	uint64_t engine = atomic_load_explicit(&block->pulse[1], memory_order_acquire);
	uint64_t generation = atomic_load_explicit(&block->pulse[0], memory_order_acquire);
	bool changed = generation != hk_self.values.generation, later;

	if (changed && !fetch(block, generation))
		return;
	generation = hk_self.values.generation;
	hk_engine_configure(&block->elo, &hk_self.values.config);
	if (changed)
		follow_phase(block);
	hk_words_copy(&hk_self.effective, &hk_self.values.config, sizeof(hk_self.effective));
	keep_startup(&hk_self.effective);
	hk_engine_overlay(&block->elo, &hk_self.effective, &hk_self.learned);
	lay_over(&hk_self.effective, &hk_self.learned);
	hk_knobs_apply(&hk_self.effective);
	later = say(block, from_control);
	atomic_store_explicit(&hk_hooks.seen[0], later ? 0 : generation, memory_order_relaxed);
	atomic_store_explicit(&hk_hooks.seen[1], engine, memory_order_relaxed);
	follow_trim();
	if (hk_self.slot != NULL)
		atomic_store_explicit(&hk_self.slot->applied, generation, memory_order_release);
}

void hk_pulse_visit(bool from_control)
{
	int saved = errno;

	if (hakmem_control_block == NULL || atomic_exchange_explicit(&hk_self.busy, 1, memory_order_acquire) != 0)
		return;
	apply(hakmem_control_block, from_control);
	atomic_store_explicit(&hk_self.busy, 0, memory_order_release);
	errno = saved;
}

void hk_pulse_run(void)
{
	hk_pulse_visit(false);
}
