/* SPDX-License-Identifier: MIT
 *
 * A write into the first word of a freed block alone, where its link is: nobody follows it.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	uintptr_t *p[64];

	(void) argv;
	for (int i = 0; i < 64; i++)
		p[i] = hidden(malloc(48));
	for (int i = 0; i < 64; i++)
		free(p[i]);
	if (bug(argc, "corrupted free list", NULL))
		for (int i = 8; i < 56; i++)
			*(uintptr_t *) hidden(p[i]) = (uintptr_t) p[i] + 48; /* looks like a block, too */
	for (int i = 0; i < 4096; i++)
		memset(hidden(malloc(48)), 0, 48);
	return done();
}
