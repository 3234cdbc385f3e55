/* SPDX-License-Identifier: MIT
 *
 * Word by word, for what is mostly zero.
 */
#include "base/words.h"

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

void hk_words_copy(void *to, const void *from, size_t size)
{
	uint64_t *dst = to;
	const uint64_t *src = from;

	for (size_t i = 0; i < size / sizeof(*dst); i++) {
		uint64_t value = load(&src[i]);

		if (load(&dst[i]) != value)
			store(&dst[i], value);
	}
}

void hk_words_clear(void *to, size_t size)
{
	uint64_t *dst = to;

	for (size_t i = 0; i < size / sizeof(*dst); i++)
		if (load(&dst[i]) != 0)
			store(&dst[i], 0);
}

void hk_words_fill(void *to, const void *from, size_t size)
{
	uint64_t *dst = to;
	const uint64_t *src = from;

	for (size_t i = 0; i < size / sizeof(*dst); i++) {
		uint64_t value = load(&src[i]);

		if (value != 0)
			store(&dst[i], value);
	}
}
