/* SPDX-License-Identifier: MIT
 *
 * realloc of a pointer into the middle of a block.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(256));

	(void) argv;
	if (bug(argc, "realloc of a pointer that malloc did not return", p + 64))
		return realloc(hidden(p + 64), 100) == NULL;
	free(p);
	return done();
}
