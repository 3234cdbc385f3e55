/* SPDX-License-Identifier: MIT
 *
 * posix_memalign, aligned_alloc, memalign, valloc, pvalloc: alignment, disjointness, refusals; their
 * blocks may go to free and realloc.
 */
#include "t.h"

#define LIVE 40

static char *aligned(int how, size_t align, size_t size)
{
	void *p = NULL;

	switch (how) {
	case 0:
		CHECK(posix_memalign(&p, align, size) == 0);
		break;
	case 1:
		p = aligned_alloc(align, (size + align - 1) & ~(align - 1));
		break;
	default:
		p = memalign(align, size);
	}
	CHECK(p != NULL && ((uintptr_t) p & (align - 1)) == 0 && malloc_usable_size(p) >= size);
	return hidden(p);
}

static void every_alignment(int how, size_t size)
{
	for (size_t align = sizeof(void *); align <= 1 << 16; align *= 2) {
		char *p[LIVE];

		for (int i = 0; i < LIVE; i++) {
			p[i] = aligned(how, align, size);
			fill(p[i], malloc_usable_size(p[i]), (unsigned) i);
		}
		for (int i = 0; i < LIVE; i++)
			CHECK(holds(p[i], malloc_usable_size(p[i]), (unsigned) i));
		for (int i = 0; i < LIVE; i++) {
			if (i % 2 == 0) {
				p[i] = hidden(realloc(p[i], size * 2 + 1));
				CHECK(p[i] != NULL && holds(p[i], size, (unsigned) i));
			}
			free(p[i]);
		}
	}
}

static void huge_alignments(void)
{
	for (size_t align = 1 << 17; align <= 1 << 28; align *= 2)
		for (int how = 0; how < 3; how++) {
			char *p = aligned(how, align, 100000);

			fill(p, 100000, 1);
			free(p);
		}
}

static void refusals(void)
{
	size_t bad[] = {0, 1, 2, 3, 4, 7, 24, 48, 100, SIZE_MAX};
	void *p = &p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(posix_memalign(&p, bad[i], 100) == EINVAL && p == &p);
	p = hidden(memalign(hidden_size(24), 100)); /* refused, or rounded up as glibc does */
	CHECK(p != NULL ? ((uintptr_t) p & 15) == 0 : errno == EINVAL);
	free(p);
	p = hidden(aligned_alloc(hidden_size(64), 100)); /* the size need not be a multiple since C17 */
	CHECK(p != NULL && ((uintptr_t) p & 63) == 0);
	free(p);
	p = NULL;
	CHECK(posix_memalign(&p, 64, 0) == 0);
	free(p);
}

int main(void)
{
	size_t page = (size_t) sysconf(_SC_PAGESIZE);

	for (int how = 0; how < 3; how++) {
		every_alignment(how, 1);
		every_alignment(how, 100);
		every_alignment(how, 3000);
		every_alignment(how, 70000);
	}
	huge_alignments();
	refusals();
	for (size_t size = 0; size < 20000; size += 1111) {
		char *v = hidden(valloc(size)), *p = hidden(pvalloc(size));

		CHECK(v != NULL && ((uintptr_t) v & (page - 1)) == 0 && malloc_usable_size(v) >= size);
		CHECK(p != NULL && ((uintptr_t) p & (page - 1)) == 0);
		CHECK(malloc_usable_size(p) >= ((size + page - 1) & ~(page - 1)));
		fill(p, malloc_usable_size(p), 1);
		fill(v, malloc_usable_size(v), 2);
		free(v);
		free(p);
	}
	return 0;
}
