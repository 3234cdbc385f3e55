/* SPDX-License-Identifier: MIT
 *
 * Every size: aligned to 16, usable as far as malloc_usable_size says, disjoint from its neighbours.
 */
#include "t.h"

#define LIVE 512

static void check_block(char *p, size_t size)
{
	CHECK(p != NULL);
	CHECK(((uintptr_t) p & 15) == 0);
	CHECK(malloc_usable_size(p) >= size);
}

static void every_small_size(void)
{
	char *p[LIVE];

	for (size_t from = 0; from < 20000; from += LIVE) {
		for (size_t i = 0; i < LIVE; i++) {
			p[i] = NEW(from + i);
			check_block(p[i], from + i);
			fill(p[i], malloc_usable_size(p[i]), (unsigned) i);
		}
		for (size_t i = 0; i < LIVE; i++)
			CHECK(holds(p[i], malloc_usable_size(p[i]), (unsigned) i));
		for (size_t i = 0; i < LIVE; i++)
			free(p[i]);
	}
}

static void around_powers_of_two(void)
{
	for (size_t power = 4096; power <= (size_t) 64 << 20; power *= 2)
		for (int delta = -17; delta <= 17; delta++) {
			size_t size = power + (size_t) delta;
			char *p = NEW(size);

			check_block(p, size);
			p[0] = p[size - 1] = p[malloc_usable_size(p) - 1] = 1;
			free(p);
		}
}

static void zero_is_unique(void)
{
	char *a = NEW(0), *b = NEW(0);

	CHECK(a != NULL && b != NULL && a != b);
	free(a);
	free(b);
	free(hidden(NULL));
	CHECK(malloc_usable_size(hidden(NULL)) == 0);
}

int main(void)
{
	zero_is_unique();
	every_small_size();
	around_powers_of_two();
	return 0;
}
