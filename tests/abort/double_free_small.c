/* SPDX-License-Identifier: MIT
 *
 * The smallest block, twice: nothing of a pattern survives in it.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(16));

	(void) argv;
	free(hidden(p));
	if (bug(argc, "double free", p))
		free(hidden(p));
	for (int i = 0; i < 100; i++)
		free(hidden(malloc(16)));
	return done();
}
