/* SPDX-License-Identifier: MIT
 *
 * A block freed twice, with frees of its neighbours in between.
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
	if (bug(argc, "double free", p[20]))
		free(hidden(p[20]));
	return done();
}
