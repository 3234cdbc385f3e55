/* SPDX-License-Identifier: MIT
 *
 * malloc_usable_size of the address of a static object.
 */
#include "bug.h"

#include <malloc.h>

int main(int argc, char **argv)
{
	static char object[64] __attribute__((aligned(16)));

	(void) argv;
	free(hidden(malloc(48)));
	if (bug(argc, "malloc_usable_size of a pointer that malloc did not return", object))
		return malloc_usable_size(hidden(object)) == 1;
	return done();
}
