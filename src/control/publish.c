/* SPDX-License-Identifier: MIT
 *
 * Publishing from within the service. Two who write the same buffer at once would tear it, and one who is held up in the
 * middle would write over what the other has published since, without anybody's noticing: so they take turns. The
 * turn is a moment in time, not a process, since whoever has it may be killed; after HK_TURN_MAX_NS it is void.
 *
 * hakmemctl through /proc takes turns, too, by plain reads and writes: it writes its moment where none is, waits for longer
 * than whoever came at the same time needs, and goes on if its moment is still there (Fischer's way). So who has the turn looks once
 * more before he writes.
 */
#include "control/block.h"

#include "base/sys.h"
#include "base/words.h"

#include <errno.h>
#include <sched.h>

/* The moment that is ours, or 0 where somebody keeps the turn for himself, which no sound process does: then go on without. */
static uint64_t take_turn(struct hk_block *block, uint64_t start)
{
	for (uint64_t now = hk_sys_now_ns(); now - start <= HK_TURN_WAIT_NS; now = hk_sys_now_ns()) {
		uint64_t turn = atomic_load_explicit(&block->turn, memory_order_relaxed);

		if (hk_turn_void(turn, now) &&
		    atomic_compare_exchange_strong_explicit(&block->turn, &turn, now, memory_order_acquire, memory_order_relaxed))
			return now;
		(void) sched_yield();
	}
	return 0;
}

static void end_turn(struct hk_block *block, uint64_t mine)
{
	(void) atomic_compare_exchange_strong_explicit(&block->turn, &mine, 0, memory_order_release, memory_order_relaxed);
}

static int publish(struct hk_block *block, struct hk_block_values *values, uint64_t turn)
{
	uint64_t base = values->generation;

	if (atomic_load_explicit(&block->pulse[0], memory_order_acquire) != base)
		return -EAGAIN;
	hk_block_seal(values, base + 1);
	if (turn != 0 && atomic_load_explicit(&block->turn, memory_order_acquire) != turn) {
		values->generation = base;
		return -EBUSY; /* we were held up for long, or hakmemctl came at the same time */
	}
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
	const uint64_t start = hk_sys_now_ns();
	uint64_t turn;
	int r;

	do {
		turn = take_turn(block, start);
		r = publish(block, values, turn);
		if (turn != 0)
			end_turn(block, turn);
	} while (r == -EBUSY); /* never without a turn */
	return r;
}

int hk_block_salvage(const struct hk_block *block, struct hk_block_values *ret)
{
	uint64_t newest = 0;

	for (unsigned i = 0; i < 2; i++) {
		hk_words_copy(ret, &block->values[i], sizeof(*ret));
		if (hk_block_usable(ret, ret->generation))
			newest = hk_max(newest, ret->generation);
	}
	if (newest == 0)
		return -EAGAIN;
	hk_words_copy(ret, &block->values[newest & 1], sizeof(*ret));
	return hk_block_usable(ret, newest) ? 0 : -EAGAIN;
}
