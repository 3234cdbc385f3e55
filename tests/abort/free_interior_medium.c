/* SPDX-License-Identifier: MIT
 *
 * free of a pointer into the middle of a medium block.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(20000));

	(void) argv;
	if (bug(argc, FOREIGN, p + 4096))
		free(hidden(p + 4096));
	free(p);
	return done();
}
