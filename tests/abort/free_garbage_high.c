/* SPDX-License-Identifier: MIT
 *
 * free of an address that no process can have.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	(void) argv;
	free(hidden(malloc(48)));
	if (bug(argc, FOREIGN, (char *) 0xdeadbeefdeadbee0))
		free(hidden((char *) 0xdeadbeefdeadbee0));
	return done();
}
