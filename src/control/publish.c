/* SPDX-License-Identifier: MIT
 *
 * Publishing from within the service. Two who write the same buffer at once would tear it, and one who is held up in the
 * middle would write over what the other has published since, without anybody's noticing: so they take turns. The
 * turn is a moment in time, not a process, since whoever has it may be killed; after HK_TURN_MAX_NS it is void. (hakmemctl
 * through /proc cannot wait for a turn: it looks afterwards whether what it wrote is there.)
 */
#include "control/block.h"

#include "base/sys.h"
#include "base/words.h"

#include <errno.h>
#include <sched.h>

#define HK_TURN_MAX_NS 1000000000U /* it takes microseconds, but the thread may not run for a while */
#define HK_WAIT_MAX_NS (2 * (uint64_t) HK_TURN_MAX_NS)

static bool void_turn(uint64_t turn, uint64_t now)
{
	return turn == 0 || turn > now || now - turn > HK_TURN_MAX_NS;
}

static bool take_turn(struct hk_block *block, uint64_t *ret)
{
	const uint64_t start = hk_sys_now_ns();

	for (uint64_t now = start; now - start <= HK_WAIT_MAX_NS; now = hk_sys_now_ns()) {
		uint64_t turn = atomic_load_explicit(&block->turn, memory_order_relaxed);

		*ret = now != 0 ? now : 1;
		if (void_turn(turn, now) &&
		    atomic_compare_exchange_strong_explicit(&block->turn, &turn, *ret, memory_order_acquire, memory_order_relaxed))
			return true;
		(void) sched_yield();
	}
	return false;
}

static void end_turn(struct hk_block *block, uint64_t mine)
{
	(void) atomic_compare_exchange_strong_explicit(&block->turn, &mine, 0, memory_order_release, memory_order_relaxed);
}

static int publish(struct hk_block *block, struct hk_block_values *values)
{
	uint64_t base = values->generation;

	if (atomic_load_explicit(&block->pulse[0], memory_order_acquire) != base)
		return -EAGAIN;
	hk_block_seal(values, base + 1);
	hk_words_copy(&block->values[(base + 1) & 1], values, sizeof(*values));
	if (atomic_compare_exchange_strong_explicit(&block->pulse[0], &base, base + 1, memory_order_release,
	                                            memory_order_relaxed))
		return 0;
	/* Somebody without a turn published into the same buffer. If that tore it, the next publication repairs it. */
	values->generation = base;
	return -EAGAIN;
}

int hk_block_publish(struct hk_block *block, struct hk_block_values *values)
{
	uint64_t turn;
	int r;

	if (!take_turn(block, &turn))
		return -EAGAIN;
	r = publish(block, values);
	end_turn(block, turn);
	return r;
}
