/* SPDX-License-Identifier: MIT
 *
 * A write into a freed block beside the link of any list. Only security = full looks for it, when the
 * block leaves the quarantine; run.sh sets that for programs whose name ends in _full.
 */
#include "bug.h"

int main(int argc, char **argv)
{
	char *p = hidden(malloc(200));

	(void) argv;
	free(p);
	if (bug(argc, "write after free", p))
		((char *) hidden(p))[100] = 1;
	for (int i = 0; i < 20000; i++)
		free(hidden(malloc(200)));
	return done();
}
