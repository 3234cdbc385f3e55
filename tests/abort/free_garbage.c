/* SPDX-License-Identifier: MIT
 *
 * free of an address where nothing is.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	(void) argv;
	free(hidden(malloc(48)));
	if (bug(argc, FOREIGN, (char *) 0xdeadbee0))
		free(hidden((char *) 0xdeadbee0));
	return done();
}
