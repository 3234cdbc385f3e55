/* SPDX-License-Identifier: MIT
 *
 * One thread, sizes over many doublings: lifetimes that differ, zeroed blocks, aligned blocks, and a heap of
 * a gigabyte of which little survives.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void drop_all(void **block, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(block[i]);
		block[i] = NULL;
	}
}

/* Of 16 blocks eleven live for at most 16 iterations, last in first out; four for 1,000, first in first
   out; and one until chance takes it, with 8,000 such alive. */
void scenario_random_mix(uint64_t n)
{
	enum { BRIEF = 16, QUEUE = 1000, LONG = 8000 };
	static void *brief[BRIEF], *queue[QUEUE], *lasting[LONG];
	uint64_t seed = 31;
	unsigned depth = 0, turn = 0;
	for (uint64_t i = 0; i < n; i++) {
		unsigned lifetime = random_below(&seed, 16);
		size_t size = random_log_size(&seed, 8, 12);
		void *p = must(malloc(size));
		touch(p, size);
		if (lifetime < 11) {
			if (depth == BRIEF)
				for (unsigned keep = random_below(&seed, BRIEF); depth > keep;) {
					free(brief[--depth]);
					brief[depth] = NULL;
				}
			brief[depth++] = p;
		} else {
			void **at =
			        lifetime < 15 ? &queue[turn++ % QUEUE] : &lasting[random_below(&seed, LONG)];
			free(*at);
			*at = p;
		}
		if (i % 256 == 255)
			lap(256);
	}
	drop_all(brief, BRIEF);
	drop_all(queue, QUEUE);
	drop_all(lasting, LONG);
}

/* A program that calls calloc relies on the zeros: one word of each 512 bytes is looked at. */
static void expect_zeros(const void *block, size_t size)
{
	const volatile char *bytes = block;
	for (size_t i = 0; i < size; i += 512)
		if (bytes[i] != 0)
			die("calloc gave a block that is not zero");
	if (bytes[size - 1] != 0)
		die("calloc gave a block that is not zero");
}

void scenario_calloc_mix(uint64_t n)
{
	enum { LIVE = 256 };
	static void *block[LIVE];
	uint64_t seed = 32;
	for (uint64_t i = 0; i < n; i++) {
		void **at = &block[random_below(&seed, LIVE)];
		size_t size = random_below(&seed, 256) == 0 ? random_log_size(&seed, 1U << 16, 4)
		                                            : random_log_size(&seed, 16, 11);
		free(*at);
		*at = must(calloc(size / 8, 8));
		expect_zeros(*at, size / 8 * 8);
		memset(*at, 0x5a, size / 8 * 8);
		if (i % 64 == 63)
			lap(64);
	}
	drop_all(block, LIVE);
}

static void *aligned(unsigned way, size_t alignment, size_t size)
{
	void *p = NULL;
	switch (way) {
	case 0:
		return posix_memalign(&p, alignment, size) == 0 ? p : NULL;
	case 1:
		return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
	default:
		return memalign(alignment, size);
	}
}

/* Half of them cache lines, as for records of several threads; the others 16 to 4,096. */
void scenario_aligned_mix(uint64_t n)
{
	enum { LIVE = 2000 };
	static void *block[LIVE];
	uint64_t seed = 33;
	for (uint64_t i = 0; i < n; i++) {
		void **at = &block[random_below(&seed, LIVE)];
		size_t alignment = random_below(&seed, 2) == 0 ? 64 : (size_t) 16 << random_below(&seed, 9);
		size_t size = random_log_size(&seed, 16, 8);
		free(*at);
		*at = must(aligned(random_below(&seed, 3), alignment, size));
		if ((uintptr_t) *at % alignment != 0)
			die("an aligned block is not aligned");
		touch(*at, size);
		if (i % 256 == 255)
			lap(256);
	}
	drop_all(block, LIVE);
}

/* The survivors stay until the process ends: the RSS after it is the figure here. A program that has freed
   much goes on with a little now and then; one and a half seconds of that show who gives memory back. */
void scenario_heap_1g(uint64_t n)
{
	enum { MOST = 1 << 20, MORE = 150000, EACH_REST = 1000, RECENT = 1000 };
	static void *block[MOST], *recent[RECENT];
	static size_t count;
	uint64_t seed = 34, bytes = 0;
	drop_all(block, count);
	for (count = 0; count < MOST && bytes < n << 20; count++) {
		size_t size = random_log_size(&seed, 16, 12);
		block[count] = must(malloc(size));
		memset(block[count], 1, size);
		bytes += size;
		if (count % 256 == 255)
			lap(256);
	}
	for (size_t i = 0; i < count; i++)
		if (random_below(&seed, 10) != 0) {
			free(block[i]);
			block[i] = NULL;
		}
	for (unsigned i = 0; i < MORE; i++) {
		void **at = &recent[random_below(&seed, RECENT)];
		size_t size = random_log_size(&seed, 16, 9);
		free(*at);
		*at = must(malloc(size));
		touch(*at, size);
		if (i % EACH_REST == EACH_REST - 1)
			rest(10);
	}
	drop_all(recent, RECENT);
}
