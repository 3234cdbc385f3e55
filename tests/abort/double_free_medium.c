/* SPDX-License-Identifier: MIT
 *
 * A medium block (20,000 bytes) freed twice.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(20000)), *q = hidden(malloc(20000));

	(void) argv;
	free(p);
	if (bug(argc, "double free", p))
		free(hidden(p));
	free(q);
	return done();
}
