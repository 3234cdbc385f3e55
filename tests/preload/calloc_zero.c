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

/* n blocks of the size come back dirty, and are asked for again: while all of them live, not one twice. */
static void dirty_again(size_t size, int n)
{
	static char *p[64];

	for (int i = 0; i < n; i++) {
		p[i] = NEW(size);
		fill(p[i], malloc_usable_size(p[i]), 0x5a);
	}
	for (int i = 0; i < n; i++)
		free(p[i]);
	for (int i = 0; i < n; i++) {
		p[i] = hidden(calloc(1, size));
		CHECK(p[i] != NULL && holds(p[i], size, 0));
	}
	for (int i = 0; i < n; i++)
		free(p[i]);
}

/* The largest and the smallest request of every class, as far as their borders can be seen in malloc_usable_size. */
static void every_class(void)
{
	for (size_t size = 1, top; size < 70000; size = top + 1) {
		char *p = NEW(size);

		top = malloc_usable_size(p);
		free(p);
		if (size > 3000 && top - size < 64) /* no classes here: bytes, or small steps */
			top = size + size / 16;
		dirty_again(size, 8);
		dirty_again(top, 8);
	}
}

int main(void)
{
	uint64_t state = 1;

	for (size_t size = 1; size < 3000; size += 7) {
		dirty_again(size, 64);
		check(1, size);
	}
	every_class();
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
