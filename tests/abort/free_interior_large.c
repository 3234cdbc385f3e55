/* SPDX-License-Identifier: MIT
 *
 * free of a pointer into the middle of a large block.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(3 << 20));

	(void) argv;
	if (bug(argc, FOREIGN, p + (1 << 20)))
		free(hidden(p + (1 << 20)));
	free(p);
	return done();
}
