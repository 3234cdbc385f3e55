/* SPDX-License-Identifier: MIT
 *
 * calloc gives zeroes, also from memory that was dirty before, at every size and after malloc_trim.
 */
#include "t.h"

static void check(size_t n, size_t size)
{
	char *p = hidden(calloc(n, size));

	CHECK(p != NULL);
	CHECK(holds(p, n * size, 0));
	fill(p, malloc_usable_size(p), 0xa5);
	free(p);
}

int main(void)
{
	uint64_t state = 1;
	char *dirty[64];

	for (size_t size = 1; size < 3000; size += 7) {
		for (int i = 0; i < 64; i++) {
			dirty[i] = NEW(size);
			fill(dirty[i], size, 0x5a);
		}
		for (int i = 0; i < 64; i++)
			free(dirty[i]);
		for (int i = 0; i < 64; i++)
			check(1, size);
	}
	for (size_t size = 4096; size <= (size_t) 32 << 20; size *= 2)
		for (int i = 0; i < 4; i++)
			check(size / 8 + i, 8);
	for (int i = 0; i < 400; i++) {
		check(1 + draw(&state) % 300000, 1 + draw(&state) % 8);
		if (i % 100 == 0)
			malloc_trim(0);
	}
	check(0, 8);
	check(8, 0);
	return 0;
}
