/* SPDX-License-Identifier: MIT
 *
 * What a process logs of the control plane's doings: changes, with who asked, and the engine's decisions. Of all processes of
 * a service one says each.
 */
#include "control/process.h"

#include "base/log.h"

#include <string.h>

#define HK_SAY_MAX 32             /* engine decisions logged in one visit */

static const char event_names[HK_ELO_EVENTS][10] = {"match", "freeze", "learn", "canary", "promote", "roll back", "off",
                                       "shift", "shadow"};

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
	const char *a = hk_elo_strategy_name(entry->a), *b = hk_elo_strategy_name(entry->b);
	const char *event = entry->event < HK_COUNT(event_names) ? event_names[entry->event] : "?";

	if (entry->a == entry->b) /* nothing was compared */
		hk_log_line("elo %s: %s", event, a);
	else
		hk_log_line("elo %s: %s (cost %.3f, rating %.0f), %s (cost %.3f, rating %.0f)", event, a, (double) entry->cost_a,
		            (double) entry->rating_a, b, (double) entry->cost_b, (double) entry->rating_b);
}

/* The engine's decisions: matches only when verbose. */
static void say_engine(struct hk_block *block, uint64_t debug)
{
	uint32_t next = __atomic_load_n(&block->elo.log_next, __ATOMIC_ACQUIRE);
	uint32_t said = atomic_load_explicit(&block->elo_said, memory_order_relaxed);

	/* The older ones are overwritten; also: a new ring. */
	if (next - said > HK_ELO_LOG && atomic_compare_exchange_strong(&block->elo_said, &said, next - HK_SAY_MAX))
		said = next - HK_SAY_MAX;
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
bool hk_say(struct hk_block *block, bool from_control)
{
	uint64_t debug = hk_config_num(&hk_self.effective, HK_KEY_DEBUG);

	if (from_control && strcmp(hk_self.founder.startup.text[HK_TEXT_LOG], "stderr") == 0)
		return true;
	say_change(block, debug);
	say_engine(block, debug);
	return false;
}
