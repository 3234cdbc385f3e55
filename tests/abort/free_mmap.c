/* SPDX-License-Identifier: MIT
 *
 * free of memory that came from mmap, not from malloc.
 */
#include "bug.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void) argv;
	free(hidden(malloc(48)));
	if (p == MAP_FAILED)
		return 1;
	if (bug(argc, FOREIGN, p))
		free(hidden(p));
	return done();
}
