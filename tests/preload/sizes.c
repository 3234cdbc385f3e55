/* SPDX-License-Identifier: MIT
 *
 * Every size: aligned to 16, usable as far as malloc_usable_size says, disjoint from its neighbours. Blocks of no bytes are blocks.
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
	static size_t usable[LIVE];
	char *p[LIVE];

	for (size_t from = 0; from < 20000; from += LIVE) {
		for (size_t i = 0; i < LIVE; i++) {
			p[i] = NEW(from + i);
			check_block(p[i], from + i);
			usable[i] = malloc_usable_size(p[i]);
			fill(p[i], usable[i], (unsigned) i);
		}
		for (size_t i = 0; i < LIVE; i++)
			CHECK(holds(p[i], usable[i], (unsigned) i) && malloc_usable_size(p[i]) == usable[i]);
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

/* Every call that can be asked for nothing. */
static char *nothing(size_t how)
{
	void *p = NULL;

	switch (how) {
	case 0: return NEW(0);
	case 1: return hidden(calloc(0, 0));
	case 2: return hidden(calloc(hidden_size(SIZE_MAX), 0));
	case 3: return hidden(calloc(0, hidden_size(SIZE_MAX)));
	case 4: return hidden(realloc(hidden(NULL), 0));
	case 5: return hidden(reallocarray(hidden(NULL), hidden_size(SIZE_MAX), 0));
	case 6: return hidden(reallocarray(hidden(NULL), 0, hidden_size(SIZE_MAX)));
	case 7: return hidden(aligned_alloc(64, 0));
	case 8: return hidden(memalign(1, 0));
	case 9: return hidden(memalign(4096, 0));
	case 10: return hidden(valloc(0));
	case 11: return hidden(pvalloc(0));
	case 12: CHECK(posix_memalign(&p, sizeof(void *), 0) == 0); return hidden(p);
	case 13: CHECK(posix_memalign(&p, 1 << 20, 0) == 0); return hidden(p);
	default: return NULL;
	}
}

#define WAYS 14
static void zero_is_unique(void)
{
	char *p[3 * WAYS], *again;

	for (size_t i = 0; i < 3 * WAYS; i++) {
		p[i] = nothing(i % WAYS);
		check_block(p[i], 0);
		for (size_t k = 0; k < i; k++)
			CHECK(p[i] != p[k]);
	}
	for (size_t i = 0; i < 3 * WAYS; i++) {
		fill(p[i], malloc_usable_size(p[i]), (unsigned) i);
		again = i % 2 == 0 ? hidden(realloc(p[i], 100)) : p[i];
		check_block(again, i % 2 == 0 ? 100 : 0);
		free(again);
	}
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
