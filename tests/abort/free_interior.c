/* SPDX-License-Identifier: MIT
 *
 * free of a pointer into the middle of a small block.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(256));

	(void) argv;
	if (bug(argc, FOREIGN, p + 64))
		free(hidden(p + 64));
	free(p);
	return done();
}
