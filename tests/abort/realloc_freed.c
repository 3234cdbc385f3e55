/* SPDX-License-Identifier: MIT
 *
 * realloc of a freed block, to a size that makes it move.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(48));

	(void) argv;
	free(p);
	if (bug(argc, "double free", p))
		return realloc(hidden(p), 5000) == NULL;
	return done();
}
