/* SPDX-License-Identifier: MIT
 *
 * A large block (3 MiB) freed twice.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(3 << 20));

	(void) argv;
	memset(p, 1, 3 << 20);
	free(p);
	if (bug(argc, "double free", p))
		free(hidden(p));
	return done();
}
