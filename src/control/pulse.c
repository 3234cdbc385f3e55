/* SPDX-License-Identifier: MIT
 *
 * Applying what the control block says. Runs in any thread of the program, on malloc's slow path with no
 * lock held, when one of the two pulse words has moved: so it must not block, allocate or change
 * errno. One thread at a time; the others go on with what is in force.
 */
#include "control/process.h"

#include "base/sys.h"
#include "base/words.h"
#include "core/hk.h"
#include "core/knobs.h"

#include <errno.h>

#define HK_TORN_RETRY_NS 10000000 /* torn values are not looked at again before */

struct hk_self hk_self HK_ALIGNED(HK_PAGE); /* what is not zero in it: two pages */
/* hakmemctl looks for this symbol in libhakmem.so. (In .data, so that it is on a page that is written anyway.) */
__attribute__((visibility("default"), section(".data"))) struct hk_block *hakmem_control_block;

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

/* The block's word on them is for operators to read, and could be anybody's. */
static void keep_startup(struct hk_config *config)
{
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		if (hk_values_need_restart(&hk_self.founder.startup, &config->values, (enum hk_key_id) k))
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
	hk_engine_lay(&hk_self.effective, &hk_self.learned);
	hk_knobs_apply(&hk_self.effective);
	later = hk_config_num(&hk_self.effective, HK_KEY_DEBUG) != HK_DEBUG_OFF && hk_say(block, from_control);
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
