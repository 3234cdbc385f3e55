/* SPDX-License-Identifier: MIT
 *
 * free of the address of an object on the stack.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char object[64] __attribute__((aligned(16)));

	(void) argv;
	free(hidden(malloc(48)));
	memset(hidden(object), 0, sizeof(object));
	if (bug(argc, FOREIGN, object))
		free(hidden(object));
	return done();
}
