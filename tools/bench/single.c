/* SPDX-License-Identifier: MIT
 *
 * The scenarios of one thread that are loops over blocks. What one iteration is stands in hkbench.c.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <stdlib.h>
#include <string.h>

void scenario_mir(uint64_t n)
{
	static char *block[32];
	uint64_t seed = 11;
	for (uint64_t i = 0; i < n; i++) {
		char **at = &block[random_below(&seed, 32)];
		size_t size = ((size_t) 1 << 16) << random_below(&seed, 6);
		size += random_below(&seed, (uint32_t) size);
		free(*at);
		*at = must(malloc(size));
		touch_pages(*at, 0, size);
		lap(1);
	}
	for (int i = 0; i < 32; i++) {
		free(block[i]);
		block[i] = NULL;
	}
}

void scenario_tiny_hot(uint64_t n)
{
	static void *block[64];
	uint64_t seed = 12;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t r = random_next(&seed);
		void **at = &block[r >> 58];
		size_t size = 8 + (r & 0x78);
		free(*at);
		*at = must(malloc(size));
		touch(*at, size);
		if (i % 512 == 511)
			lap(512);
	}
	for (int i = 0; i < 64; i++) {
		free(block[i]);
		block[i] = NULL;
	}
}

void scenario_cold_churn(uint64_t n)
{
	enum { LIVE = 200000 };
	static void *block[LIVE];
	uint64_t seed = 13;
	for (uint64_t i = 0; i < n; i++) {
		void **at = &block[random_below(&seed, LIVE)];
		size_t size = random_size(&seed, 4096);
		free(*at);
		*at = must(malloc(size));
		touch(*at, size);
		if (i % 256 == 255)
			lap(256);
	}
	for (int i = 0; i < LIVE; i++) {
		free(block[i]);
		block[i] = NULL;
	}
}

void scenario_realloc_growth(uint64_t n)
{
	const size_t top = (size_t) 2 << 20;
	uint64_t seed = 14;
	for (uint64_t i = 0; i < n; i++) {
		char *buffer[8] = {NULL};
		size_t size[8] = {0};
		for (int growing = 8; growing > 0;) {
			unsigned b = random_below(&seed, 8);
			if (size[b] >= top)
				continue;
			size_t next = size[b] == 0 ? 16 : size[b] + size[b] / 2;
			buffer[b] = must(realloc(buffer[b], next));
			memset(buffer[b] + size[b], 1, next - size[b]);
			size[b] = next;
			growing -= next >= top;
		}
		for (int b = 0; b < 8; b++)
			free(buffer[b]);
		lap(1);
	}
}

/* Peak RSS is the figure here: can the holes among the survivors serve larger blocks? */
void scenario_fragmentation(uint64_t n)
{
	enum { MANY = 200000, LARGER = 60000 };
	static void *block[MANY], *larger[LARGER];
	uint64_t seed = 15;
	for (uint64_t i = 0; i < n; i++) {
		for (int j = 0; j < MANY; j++) {
			size_t size = 16 + random_below(&seed, 288);
			block[j] = must(malloc(size));
			touch(block[j], size);
		}
		for (int j = 0; j < MANY; j++)
			if (j % 10 != 0)
				free(block[j]);
		for (int j = 0; j < LARGER; j++) {
			size_t size = 256 + random_below(&seed, 512);
			larger[j] = must(malloc(size));
			memset(larger[j], 1, size);
		}
		for (int j = 0; j < MANY; j += 10)
			free(block[j]);
		for (int j = 0; j < LARGER; j++)
			free(larger[j]);
		lap(1);
	}
}
