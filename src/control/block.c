/* SPDX-License-Identifier: MIT
 *
 * The generation protocol of the control block. Buffers in shared memory are read and written word
 * by word with relaxed atomics: another process may write at any time, and whether what was read
 * is whole is the checksum's to say. No locks, no allocation, no state.
 */
#include "control/block.h"

#include "base/words.h"

#include <errno.h>

#define HK_WORDS (sizeof(struct hk_block_values) / sizeof(uint64_t))
#define HK_LANES 4

_Static_assert(sizeof(struct hk_block_values) % sizeof(uint64_t) == 0, "the checksum is over whole words");
_Static_assert(offsetof(struct hk_block_values, checksum) == sizeof(uint64_t), "the checksum is the second word");

/* FNV-1a over words, four independent lanes: about 1 µs for the whole struct. Never 0. */
static uint64_t checksum(const struct hk_block_values *values)
{
	const uint64_t *word = (const uint64_t *) (const void *) values;
	uint64_t lane[HK_LANES] = {0xcbf29ce484222325U, 0x9e3779b97f4a7c15U, 0xd6e8feb86659fd93U, 0xa0761d6478bd642fU};
	uint64_t sum = 0;

	for (size_t i = 0; i < HK_WORDS; i++) {
		uint64_t x = lane[i % HK_LANES] ^ (i != 1 ? __atomic_load_n(&word[i], __ATOMIC_RELAXED) : 0);
		x *= 0x100000001b3U;
		lane[i % HK_LANES] = x ^ (x >> 29);
	}
	for (size_t k = 0; k < HK_LANES; k++)
		sum = (sum ^ lane[k]) * 0x9fb21c651e98df25U;
	sum ^= sum >> 32;
	return sum != 0 ? sum : 1;
}

static bool whole(const struct hk_block_values *values, uint64_t generation)
{
	return values->generation == generation && values->checksum == checksum(values);
}

bool hk_block_usable(struct hk_block_values *values, uint64_t generation)
{
	if (!whole(values, generation))
		return false;
	hk_text_tame(values->what, sizeof(values->what));
	for (unsigned i = 0; i < HK_CHANGES; i++)
		hk_text_tame(values->earlier[i].what, sizeof(values->earlier[i].what));
	hk_diags_tame(&values->diags);
	return values->phase_request <= HK_PHASE_CANARY && hk_config_valid(&values->config) &&
	       hk_overlay_valid(&values->set) && hk_overlay_valid(&values->pending);
}

static void copy(struct hk_block_values *to, const struct hk_block_values *from)
{
	hk_words_copy(to, from, sizeof(*to));
}

size_t hk_block_used(const struct hk_block *block)
{
	size_t high = atomic_load_explicit(&block->slots_high, memory_order_acquire);

	return offsetof(struct hk_block, slot) + hk_min(high, HK_SLOTS) * sizeof(struct hk_slot);
}

const struct hk_block_values *hk_block_values(const struct hk_block *block)
{
	uint64_t generation = atomic_load_explicit(&block->pulse[0], memory_order_acquire);
	const struct hk_block_values *values = &block->values[generation & 1];

	return whole(values, generation) ? values : NULL;
}

int hk_block_read(const struct hk_block *block, struct hk_block_values *ret)
{
	uint64_t generation = atomic_load_explicit(&block->pulse[0], memory_order_acquire);

	copy(ret, &block->values[generation & 1]);
	if (hk_block_usable(ret, generation))
		return 0;
	copy(ret, &block->values[(generation - 1) & 1]);
	if (!hk_block_usable(ret, generation - 1))
		ret->checksum = 0;
	return -EAGAIN;
}

uint64_t hk_block_next(const struct hk_block *block, unsigned *ret_index)
{
	uint64_t generation = atomic_load_explicit(&block->pulse[0], memory_order_acquire) + 1;

	*ret_index = (unsigned) (generation & 1);
	return generation;
}

void hk_block_seal(struct hk_block_values *values, uint64_t generation)
{
	values->generation = generation;
	values->checksum = checksum(values);
}

void hk_block_publish_first(struct hk_block *block, struct hk_block_values *values)
{
	hk_block_seal(values, HK_BLOCK_FIRST);
	hk_words_fill(&block->values[HK_BLOCK_FIRST & 1], values, sizeof(*values));
	atomic_store_explicit(&block->pulse[0], HK_BLOCK_FIRST, memory_order_release);
}
