/* SPDX-License-Identifier: MIT
 *
 * realloc of the address of a static object.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	static char object[64] __attribute__((aligned(16)));

	(void) argv;
	free(hidden(malloc(48)));
	if (bug(argc, "realloc of a pointer that malloc did not return", object))
		return realloc(hidden(object), 100) == NULL;
	return done();
}
