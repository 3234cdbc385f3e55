/* SPDX-License-Identifier: MIT
 *
 * Overflow and absurd sizes: NULL and ENOMEM from every function, and the heap works on.
 */
#include "t.h"

#define REFUSED(call)                                                                                        \
	do {                                                                                                 \
		errno = 0;                                                                                   \
		CHECK(hidden(call) == NULL && errno == ENOMEM);                                              \
	} while (0)

static void huge(size_t size)
{
	void *p = hidden(&size);

	REFUSED(malloc(size));
	REFUSED(calloc(1, size));
	REFUSED(calloc(size, 1));
	REFUSED(realloc(NULL, size));
	REFUSED(reallocarray(NULL, size, 1));
	REFUSED(aligned_alloc(64, size & ~(size_t) 63));
	REFUSED(memalign(4096, size));
	REFUSED(memalign((size_t) 1 << 30, size));
	REFUSED(valloc(size));
	REFUSED(pvalloc(size));
	CHECK(posix_memalign(&p, 64, size) == ENOMEM);
}

int main(void)
{
	size_t big[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX / 2 + 1,
	                (size_t) PTRDIFF_MAX + 1, (size_t) PTRDIFF_MAX, (size_t) PTRDIFF_MAX - 64,
	                (size_t) 1 << 62, (size_t) 1 << 50};

	for (size_t i = 0; i < sizeof(big) / sizeof(big[0]); i++) {
		huge(hidden_size(big[i]));
		free(NEW(100));
	}
	REFUSED(calloc(hidden_size(SIZE_MAX / 2), hidden_size(3)));
	REFUSED(calloc(hidden_size((size_t) 1 << 33), hidden_size((size_t) 1 << 33)));
	REFUSED(calloc(hidden_size(SIZE_MAX), hidden_size(SIZE_MAX)));
	REFUSED(reallocarray(NULL, hidden_size((size_t) 1 << 33), hidden_size((size_t) 1 << 33)));
	return 0;
}
