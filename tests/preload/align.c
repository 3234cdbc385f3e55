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

	errno = EXDEV;
	switch (how) {
	case 0:
		CHECK(posix_memalign(&p, align, size) == 0);
		break;
	case 1:
		p = aligned_alloc(align, size);
		break;
	default:
		p = memalign(align, size);
	}
	CHECK(p != NULL && ((uintptr_t) p & (align - 1)) == 0 && malloc_usable_size(p) >= size && errno == EXDEV);
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
			size_t next = i % 4 == 0 ? size * 2 + 1 : i % 4 == 2 ? size / 3 + 1 : 0;

			if (next > 0) {
				p[i] = hidden(realloc(p[i], next));
				CHECK(p[i] != NULL && ((uintptr_t) p[i] & 15) == 0);
				CHECK(holds(p[i], next < size ? next : size, (unsigned) i));
			}
			free(p[i]);
		}
	}
}

/* Every alignment to 1 GiB, with the sizes around it. Each block grows once, so that it has to say how long it is. */
static void around_every_alignment(void)
{
	for (size_t align = 1; align <= (size_t) 1 << 30; align *= 2)
		for (int how = align < sizeof(void *); how < 3; how++) {
			size_t sizes[] = {0, 1, align / 2 + 1, align - 1, align, align + 1, 100000};

			for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
				size_t size = sizes[i], end;
				char *p = aligned(how, align, size);

				end = malloc_usable_size(p);
				if (end > 0)
					p[0] = p[end - 1] = p[size / 2] = 1;
				if (size > 0 && align <= 1 << 20) {
					p = hidden(realloc(p, size + 5000));
					CHECK(p != NULL && p[0] == 1 && p[size / 2] == 1);
				}
				free(p);
			}
		}
}

/* One of each length that slabs might know, at each alignment: all in their places at the same time. */
static void every_class(void)
{
	static char *p[400];

	for (size_t align = 32; align <= 32768; align *= 2) {
		size_t n = 0;

		for (size_t size = 1; size < 40000; size += 16 + size / 16)
			p[n] = aligned((int) (n % 3), align, size), n++;
		for (size_t i = 0; i < n; i++)
			fill(p[i], malloc_usable_size(p[i]), (unsigned) i);
		for (size_t i = 0; i < n; i++) {
			CHECK(holds(p[i], malloc_usable_size(p[i]), (unsigned) i));
			free(p[i]);
		}
	}
}

static void posix_refuses(size_t align)
{
	void *p = &p;

	errno = EXDEV;
	CHECK(posix_memalign(&p, hidden_size(align), 100) == EINVAL && p == &p && errno == EXDEV);
	CHECK(posix_memalign(&p, hidden_size(align), 0) == EINVAL && p == &p);
	CHECK(posix_memalign(&p, hidden_size(align), hidden_size(SIZE_MAX)) == EINVAL && p == &p);
}

/* What is no power of two memalign rounds up to one; C23's aligned_alloc refuses it (glibc: since 2.38). */
static void odd_alignments(void)
{
	size_t odd[] = {0, 3, 5, 7, 9, 24, 48, 100, 4095, 4097, 5000, 65535, 100000, ((size_t) 1 << 20) + 1};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		size_t align = 1;
		char *p = hidden(memalign(hidden_size(odd[i]), 100));

		while (align < odd[i])
			align *= 2;
		CHECK(p != NULL && ((uintptr_t) p & (align - 1)) == 0 && ((uintptr_t) p & 15) == 0);
		fill(p, 100, 1);
		free(p);
		errno = 0;
		p = hidden(aligned_alloc(hidden_size(odd[i]), 100));
		CHECK(p == NULL ? errno == EINVAL : !HAVE_HAKMEM);
		free(p);
	}
}

static void refusals(void)
{
	char *p;

	for (size_t align = 0; align < 5000; align++)
		if (align < sizeof(void *) || (align & (align - 1)) != 0)
			posix_refuses(align);
	for (size_t power = 1 << 13; power != 0; power *= 2) {
		posix_refuses(power + 1);
		posix_refuses(power - 1);
		posix_refuses(power + power / 2);
	}
	odd_alignments();
	for (size_t size = 0; size < 300; size++) { /* it need not be a multiple of the alignment */
		p = hidden(aligned_alloc(hidden_size(64), size));
		CHECK(p != NULL && ((uintptr_t) p & 63) == 0 && malloc_usable_size(p) >= size);
		fill(p, size, 1);
		free(p);
	}
}

static void pages(void)
{
	size_t page = (size_t) sysconf(_SC_PAGESIZE), sizes[] = {0, 1, page - 1, page, page + 1, 2 * page - 1, 2 * page, 5000, 20000,
	                                                         8 * page, 8 * page + 1, 1 << 20, (1 << 20) + 1, 40 << 20};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		char *v = hidden(valloc(size)), *p = hidden(pvalloc(size));

		CHECK(v != NULL && ((uintptr_t) v & (page - 1)) == 0 && malloc_usable_size(v) >= size);
		CHECK(p != NULL && ((uintptr_t) p & (page - 1)) == 0);
		CHECK(malloc_usable_size(p) >= ((size + page - 1) & ~(page - 1)));
		CHECK(size > 0 || !HAVE_HAKMEM || malloc_usable_size(p) >= page); /* the C library: a block of no bytes */
		fill(p, malloc_usable_size(p), 1);
		fill(v, malloc_usable_size(v), 2);
		free(v);
		free(p);
	}
}

int main(void)
{
	for (int how = 0; how < 3; how++) {
		every_alignment(how, 1);
		every_alignment(how, 100);
		every_alignment(how, 3000);
		every_alignment(how, 70000);
	}
	around_every_alignment();
	every_class();
	refusals();
	pages();
	return 0;
}
