/* SPDX-License-Identifier: MIT
 *
 * realloc keeps the content through every change of size. (That it keeps the block when it fails is in enomem.c.)
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

/* Every byte tells where it belongs. */
static void number(unsigned char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		p[i] = (unsigned char) (i * 7 + (i >> 8));
}

static int numbered(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (unsigned char) (i * 7 + (i >> 8)))
			return 0;
	return 1;
}

static unsigned char *resize(unsigned char *p, size_t from, size_t to)
{
	p = hidden(to % 2 == 0 ? realloc(p, to) : reallocarray(p, to, 1));
	CHECK(p != NULL && ((uintptr_t) p & 15) == 0 && malloc_usable_size(p) >= to && numbered(p, from < to ? from : to));
	number(p, from < to ? from : to, to);
	return p;
}

#define BORDERS 700

/* The sizes at which malloc_usable_size steps, as far as they lie apart, to 200,000 bytes. */
static size_t find_borders(size_t *border)
{
	size_t n = 0;

	for (size_t size = 1; size < 200000;) {
		char *p = NEW(size);
		size_t top = malloc_usable_size(p);

		free(p);
		if (top - size < size / 32)
			top = size + size / 32;
		CHECK(n < BORDERS);
		border[n++] = top;
		size = top + 1;
	}
	return n;
}

/* Over each border both ways, by a byte and by much. */
static void across_every_border(void)
{
	static size_t border[BORDERS];
	size_t n = find_borders(border);

	CHECK(n > 50);
	for (size_t i = 0; i < n; i++) {
		size_t b = border[i], far[] = {b + 1, b, b - b / 2, b, border[i / 2], b + 1, border[i / 3 * 2] + 1, border[(i + n) / 2], b};
		unsigned char *p = NEW(b);

		number(p, 0, b);
		for (size_t k = 0, size = b; k < sizeof(far) / sizeof(far[0]); size = far[k++])
			p = resize(p, size, far[k]);
		free(p);
	}
}

static size_t live_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* What is asked for zero bytes is freed, and there is no block of no bytes in its place: as glibc's manual has it. */
static void zero_frees(void)
{
	static const size_t sizes[] = {0, 1, 100, 5000, 40000, 1 << 20, 40 << 20};
	size_t before = live_bytes();

	for (int round = 0; round < 300; round++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			char *p = NEW(sizes[i]);

			CHECK(p != NULL);
			errno = EXDEV;
			p = round % 3 == 0   ? realloc(hidden(p), hidden_size(0))
			    : round % 3 == 1 ? reallocarray(hidden(p), hidden_size(0), hidden_size(SIZE_MAX))
			                     : reallocarray(hidden(p), hidden_size(SIZE_MAX), hidden_size(0));
			CHECK(hidden(p) == NULL && errno == EXDEV);
		}
	CHECK(live_bytes() < before + (8 << 20));
}

int main(void)
{
	char *p = hidden(realloc(hidden(NULL), 100));

	CHECK(p != NULL);
	p = hidden(reallocarray(p, 10, 20));
	CHECK(p != NULL && malloc_usable_size(p) >= 200);
	free(p);
	zero_frees();
	across_every_border();
	grow_and_shrink(1, 5000, 13);
	grow_and_shrink(5000, 600000, 4093);
	grow_and_shrink(500000, 20000000, 700001);
	random_sizes();
	return 0;
}
