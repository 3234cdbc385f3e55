/* SPDX-License-Identifier: MIT
 *
 * free of the address of a static object.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	static char object[64] __attribute__((aligned(16)));

	(void) argv;
	free(hidden(malloc(48)));
	if (bug(argc, FOREIGN, object))
		free(hidden(object));
	return done();
}
