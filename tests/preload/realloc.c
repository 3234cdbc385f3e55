/* SPDX-License-Identifier: MIT
 *
 * realloc keeps the content through every change of size, and the old block when it fails.
 */
#include "t.h"

static void grow_and_shrink(size_t from, size_t to, size_t step)
{
	char *p = NEW(from);

	fill(p, from, 0x33);
	for (size_t size = from; size < to; size += step) {
		p = hidden(realloc(p, size + step));
		CHECK(p != NULL && ((uintptr_t) p & 15) == 0 && malloc_usable_size(p) >= size + step);
		CHECK(p[0] == 0x33 && p[size - 1] == 0x33 && p[size / 2] == 0x33);
		fill(p + size, step, 0x33);
	}
	for (size_t size = to - to % step; size > from + step; size -= step) {
		p = hidden(realloc(p, size - step));
		CHECK(p != NULL && p[0] == 0x33 && p[size - step - 1] == 0x33);
	}
	CHECK(holds(p, from, 0x33));
	free(p);
}

static void random_sizes(void)
{
	uint64_t state = 7;
	size_t size = 1;
	char *p = NEW(1);

	fill(p, 1, 0x44);
	for (int i = 0; i < 3000; i++) {
		size_t next = 1 + draw(&state) % (1u << (1 + draw(&state) % 22));

		p = hidden(realloc(p, next));
		CHECK(p != NULL && holds(p, next < size ? next : size, 0x44));
		fill(p, next, 0x44);
		size = next;
	}
	free(p);
}

static void failure_keeps_the_block(void)
{
	size_t sizes[] = {40, 20000, 1 << 20, 8 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *p = NEW(sizes[i]);

		fill(p, sizes[i], 0x55);
		errno = 0;
		CHECK(hidden(realloc(hidden(p), hidden_size(SIZE_MAX / 2 - 100))) == NULL && errno == ENOMEM);
		CHECK(holds(p, sizes[i], 0x55));
		errno = 0;
		CHECK(hidden(reallocarray(hidden(p), hidden_size(SIZE_MAX / 2), hidden_size(3))) == NULL);
		CHECK(errno == ENOMEM);
		CHECK(holds(p, sizes[i], 0x55));
		free(p);
	}
}

int main(void)
{
	char *p = hidden(realloc(hidden(NULL), 100));

	CHECK(p != NULL);
	p = hidden(reallocarray(p, 10, 20));
	CHECK(p != NULL && malloc_usable_size(p) >= 200);
	free(hidden(realloc(p, hidden_size(0)))); /* NULL, or a block of no bytes */
	grow_and_shrink(1, 5000, 13);
	grow_and_shrink(5000, 600000, 4093);
	grow_and_shrink(500000, 20000000, 700001);
	random_sizes();
	failure_keeps_the_block();
	return 0;
}
