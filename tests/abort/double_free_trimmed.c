/* SPDX-License-Identifier: MIT
 *
 * A trim between the two frees: the block is in no list any more.
 */
#include "bug.h"

#include <malloc.h>

int main(int argc, char **argv)
{
	char *p = hidden(malloc(100)), *neighbour = hidden(malloc(100));

	(void) argv;
	free(hidden(p));
	(void) malloc_trim(0);
	if (bug(argc, "double free", p))
		free(hidden(p));
	(void) malloc_trim(0);
	free(neighbour);
	return done();
}
