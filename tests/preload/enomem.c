/* SPDX-License-Identifier: MIT
 *
 * Overflow, absurd sizes, and sizes that only the kernel refuses: NULL and ENOMEM from every function, what there was is as it
 * was, and the heap works on.
 */
#include "t.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REFUSED(call)                                                                                        \
	do {                                                                                                 \
		errno = 0;                                                                                   \
		CHECK(hidden(call) == NULL && errno == ENOMEM);                                              \
	} while (0)

static void posix_refused(size_t align, size_t size)
{
	void *p = &p;

	errno = EXDEV;
	CHECK(posix_memalign(&p, align, size) == ENOMEM && p == &p);
	CHECK(errno == EXDEV || !HAVE_HAKMEM); /* the C library sets it as well */
}

static void every_alignment(size_t size)
{
	for (size_t align = 1; align != 0; align *= 2) {
		REFUSED(memalign(align, size));
		REFUSED(aligned_alloc(align, size));
		if (align >= sizeof(void *))
			posix_refused(align, size);
	}
}

static void huge(size_t size)
{
	REFUSED(malloc(size));
	REFUSED(calloc(1, size));
	REFUSED(calloc(size, 1));
	REFUSED(realloc(NULL, size));
	REFUSED(reallocarray(NULL, size, 1));
	REFUSED(reallocarray(NULL, 1, size));
	REFUSED(valloc(size));
	REFUSED(pvalloc(size));
	every_alignment(size);
}

/* Of a long block its ends, which is where a half-done move would show. */
static void mark(char *p, size_t n, unsigned seed)
{
	fill(p, n < 65536 ? n : 65536, seed);
	fill(p + n - (n < 65536 ? n : 65536), n < 65536 ? n : 65536, seed);
}

static int is_marked(const char *p, size_t n, unsigned seed)
{
	return holds(p, n < 65536 ? n : 65536, seed) && holds(p + n - (n < 65536 ? n : 65536), n < 65536 ? n : 65536, seed);
}

/* A block outlives a refused realloc in every respect. */
static void keeps_blocks(size_t size)
{
	static const size_t kept[] = {0, 1, 24, 1024, 1025, 20000, 32768, 32769, 1 << 20, 8 << 20, 40 << 20};

	for (size_t i = 0; i < 2 * COUNT(kept); i++) {
		size_t n = kept[i / 2], usable;
		char *p = i % 2 == 0 ? NEW(n) : hidden(memalign(256, n));

		usable = malloc_usable_size(p);
		mark(p, n, (unsigned) i + 1);
		REFUSED(realloc(hidden(p), size));
		REFUSED(reallocarray(hidden(p), size, 1));
		REFUSED(reallocarray(hidden(p), hidden_size(SIZE_MAX / 2), hidden_size(3)));
		CHECK(malloc_usable_size(p) == usable && is_marked(p, n, (unsigned) i + 1));
		free(p);
	}
}

static void products(void)
{
	size_t half = (size_t) 1 << 32, pairs[][2] = {{SIZE_MAX / 2, 3}, {SIZE_MAX, SIZE_MAX}, {SIZE_MAX, 2}, {2, SIZE_MAX},
	                                              {half, half}, {half * 2, half * 2}, {half + 1, half}, {half, half + 1},
	                                              {SIZE_MAX / 3 + 1, 3}, {48, SIZE_MAX / 48 + 1}, {half - 1, half + 1},
	                                              {half / 2, half}, {SIZE_MAX / 48, 48}};

	for (size_t i = 0; i < COUNT(pairs); i++) {
		size_t n = hidden_size(pairs[i][0]), size = hidden_size(pairs[i][1]);

		REFUSED(calloc(n, size));
		REFUSED(reallocarray(NULL, n, size));
	}
}

/* Alignments that no address space has room for. */
static void absurd_alignments(void)
{
	for (size_t align = (size_t) 1 << 48; align != 0; align *= 2)
		for (size_t size = 0; size < 200000; size = size * 7 + 1) {
			REFUSED(memalign(hidden_size(align), size));
			REFUSED(aligned_alloc(hidden_size(align), size));
			posix_refused(hidden_size(align), size);
		}
	for (size_t over = 1; over < (size_t) 1 << 62; over = over * 3 + 1) {
		errno = 0; /* no power of two is as large */
		CHECK(hidden(memalign(hidden_size(SIZE_MAX / 2 + 1 + over), 100)) == NULL && errno == EINVAL);
	}
}

/* Nothing wrong with the size: the address space ends. */
static void kernel_refuses(void)
{
	leave_address_space((size_t) 2 << 30);
	for (size_t size = (size_t) 3 << 30; size < (size_t) 1 << 47; size *= 31)
		huge(hidden_size(size));
	keeps_blocks(hidden_size((size_t) 3 << 30));
}

/* All that is to be had, in a list. */
static void **use_up(void)
{
	void **list = NULL, **one;

	for (size_t size = 1 << 20; size >= 16; size = size * 3 / 4)
		while ((one = NEW(size)) != NULL) {
			*one = list;
			list = one;
		}
	return list;
}

/* When there is nothing left at all, a block can still be made smaller: programs, and languages, do not expect that to fail. */
static void shrinks_without_memory(void)
{
	static const size_t from[] = {3000, 20000, 40000, 300000, 2 << 20, 9 << 20};
	char *p[COUNT(from)], *more;
	void **list, **next;
	size_t refused = 0;

	leave_address_space(48 << 20);
	for (size_t i = 0; i < COUNT(from); i++) {
		p[i] = NEW(from[i]);
		fill(p[i], from[i], (unsigned) i);
	}
	list = use_up();
	/* All before the first is made smaller, which makes room. A guarded block, of which there is one now and then, may still find some. */
	for (size_t i = 0; i < COUNT(from); i++) {
		errno = 0;
		more = hidden(realloc(hidden(p[i]), hidden_size(from[i] + (1 << 20))));
		refused += more == NULL;
		CHECK(more != NULL ? holds(more, from[i], (unsigned) i) : errno == ENOMEM);
		p[i] = more != NULL ? more : p[i];
	}
	CHECK(refused >= COUNT(from) - 1);
	for (size_t i = 0; i < COUNT(from); i++) {
		size_t to[] = {from[i] / 3, 300, 17, 1};

		for (size_t k = 0; k < COUNT(to); k++) {
			errno = EXDEV;
			p[i] = hidden(realloc(p[i], to[k]));
			CHECK(p[i] != NULL && errno == EXDEV && malloc_usable_size(p[i]) >= to[k] && holds(p[i], to[k], (unsigned) i));
		}
	}
	huge((size_t) 1 << 30);
	for (; list != NULL; list = next) {
		next = *list;
		free(list);
	}
	for (size_t i = 0; i < COUNT(from); i++)
		free(p[i]);
	p[0] = NEW(5000);
	CHECK(p[0] != NULL);
	free(p[0]);
}

int main(void)
{
	size_t big[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX - 31, SIZE_MAX - 63,
	                SIZE_MAX - 4094, SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX - 16383, SIZE_MAX - 65536,
	                SIZE_MAX - (2 << 20), SIZE_MAX - ((size_t) 1 << 32), (size_t) PTRDIFF_MAX + 4096,
	                (size_t) PTRDIFF_MAX + 2, (size_t) PTRDIFF_MAX + 1, (size_t) PTRDIFF_MAX, (size_t) PTRDIFF_MAX - 1,
	                (size_t) PTRDIFF_MAX - 15, (size_t) PTRDIFF_MAX - 64, (size_t) PTRDIFF_MAX - 4095,
	                (size_t) PTRDIFF_MAX - 65536, (size_t) 1 << 62, (size_t) 1 << 50, (size_t) 1 << 48};

	for (size_t i = 0; i < COUNT(big); i++) {
		huge(hidden_size(big[i]));
		free(NEW(100));
	}
	keeps_blocks(hidden_size(SIZE_MAX));
	keeps_blocks(hidden_size((size_t) PTRDIFF_MAX + 1));
	keeps_blocks(hidden_size((size_t) 1 << 50));
	products();
	absurd_alignments();
	kernel_refuses();
	shrinks_without_memory();
	return 0;
}
