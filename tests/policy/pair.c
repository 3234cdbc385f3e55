/* SPDX-License-Identifier: MIT
 *
 * pair SIZE LIVE ROUNDS: each round frees one of LIVE blocks (a power of two, at most 64) and allocates one of SIZE
 * bytes in its place. Its instructions are counted, not its time.
 */
#include <stdlib.h>

int main(int argc, char **argv)
{
	static void *block[64];
	size_t size = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned mask = argc == 4 ? (unsigned) atoi(argv[2]) - 1 : 64;
	long rounds = argc == 4 ? atol(argv[3]) : 0;

	if (size == 0 || mask > 63)
		return 2;
	for (long i = 0; i < rounds; i++) {
		free(block[(unsigned) i & mask]);
		block[(unsigned) i & mask] = malloc(size);
	}
	return 0;
}
