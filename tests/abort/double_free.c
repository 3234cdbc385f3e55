/* SPDX-License-Identifier: MIT
 *
 * A block freed twice, with nothing in between.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(48));

	(void) argv;
	free(p);
	if (bug(argc, "double free", p))
		free(hidden(p));
	return done();
}
