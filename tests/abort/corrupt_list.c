/* SPDX-License-Identifier: MIT
 *
 * A write into a freed block, over the link of the free list, found by later allocations.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p[64];

	(void) argv;
	for (int i = 0; i < 64; i++)
		p[i] = hidden(malloc(48));
	for (int i = 0; i < 64; i++)
		free(p[i]);
	if (bug(argc, "corrupted free list", NULL))
		for (int i = 8; i < 56; i++)
			memset(hidden(p[i]), 0x41, 16);
	for (int i = 0; i < 4096; i++)
		memset(hidden(malloc(48)), 0, 48);
	return done();
}
