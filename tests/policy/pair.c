/* SPDX-License-Identifier: MIT
 *
 * pair SIZE LIVE ROUNDS [new]: each round frees one of LIVE blocks (a power of two, at most 64) and allocates one of SIZE
 * bytes in its place, with new by operator new and sized delete. Its instructions are counted, not its time.
 */
#include <stdlib.h>
#include <string.h>

/* operator new(size_t), operator delete(void *, size_t): the library that is preloaded has them. */
extern void *_Znwm(size_t size) __attribute__((weak));
extern void _ZdlPvm(void *p, size_t size) __attribute__((weak));

static void *block[64];

static void plain(size_t size, unsigned mask, long rounds)
{
	for (long i = 0; i < rounds; i++) {
		free(block[(unsigned) i & mask]);
		block[(unsigned) i & mask] = malloc(size);
	}
}

static void cxx(size_t size, unsigned mask, long rounds)
{
	for (long i = 0; i < rounds; i++) {
		_ZdlPvm(block[(unsigned) i & mask], size);
		block[(unsigned) i & mask] = _Znwm(size);
	}
}

int main(int argc, char **argv)
{
	size_t size = argc >= 4 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned mask = argc >= 4 ? (unsigned) atoi(argv[2]) - 1 : 64;
	long rounds = argc >= 4 ? atol(argv[3]) : 0;

	if (size == 0 || mask > 63)
		return 2;
	if (argc == 4)
		plain(size, mask, rounds);
	else if (strcmp(argv[4], "new") == 0 && _Znwm != NULL && _ZdlPvm != NULL)
		cxx(size, mask, rounds);
	else
		return 2;
	return 0;
}
