/* SPDX-License-Identifier: MIT
 *
 * free of a pointer that is not a multiple of 16.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(256));

	(void) argv;
	if (bug(argc, FOREIGN, p + 1))
		free(hidden(p + 1));
	free(p);
	return done();
}
