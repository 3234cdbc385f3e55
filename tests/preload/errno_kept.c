/* SPDX-License-Identifier: MIT
 *
 * free never changes errno (POSIX 2024), whatever it has to do; nor does a call that succeeds.
 */
#include "t.h"

static void is_kept(void *p)
{
	CHECK(p != NULL && errno == E2BIG);
}

static char *grown(size_t size, size_t more)
{
	char *p;

	errno = E2BIG;
	p = NEW(size);
	is_kept(p);
	p[0] = p[size - 1] = 1;
	p = hidden(realloc(p, size + more));
	is_kept(p);
	return p;
}

static void every_call(size_t size)
{
	void *p[8] = {NULL};

	errno = E2BIG;
	is_kept(p[0] = hidden(calloc(1, size)));
	is_kept(p[1] = hidden(calloc(size, 1)));
	is_kept(p[2] = hidden(reallocarray(NULL, size, 1)));
	is_kept(p[3] = hidden(memalign(256, size)));
	is_kept(p[4] = hidden(aligned_alloc(8192, size)));
	is_kept(p[5] = hidden(valloc(size)));
	is_kept(p[6] = hidden(pvalloc(size)));
	CHECK(posix_memalign(&p[7], 1 << 17, size) == 0);
	is_kept(p[7]);
	for (int i = 0; i < 8; i++) {
		CHECK(malloc_usable_size(p[i]) >= size);
		is_kept(p[i]);
		p[i] = hidden(realloc(p[i], size / (size_t) (i + 1) + 1));
		is_kept(p[i]);
		free(p[i]);
		CHECK(errno == E2BIG);
	}
}

int main(void)
{
	size_t sizes[] = {1, 100, 1024, 5000, 40000, 300000, 1 << 20, 5 << 20, 40 << 20, 300 << 20};
	size_t n = sizeof(sizes) / sizeof(sizes[0]);

	for (int round = 0; round < 30; round++)
		for (size_t i = 0; i < n; i++) {
			char *q = grown(sizes[i], sizes[i] / 2);

			errno = EXDEV;
			free(q);
			CHECK(errno == EXDEV);
			if (round < 3 && sizes[i] <= 40 << 20)
				every_call(sizes[i]);
		}
	errno = EXDEV;
	free(hidden(NULL));
	(void) malloc_trim(0);
	(void) malloc_usable_size(hidden(NULL));
	(void) mallinfo2();
	CHECK(errno == EXDEV);
	return 0;
}
