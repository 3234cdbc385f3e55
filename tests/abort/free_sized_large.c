/* SPDX-License-Identifier: MIT
 *
 * free_sized with a size that the block does not have.
 */
#include "bug.h"

/* C23; absent from the C libraries of its time. */
extern void free_sized(void *p, size_t size) __attribute__((weak));

int main(int argc, char **argv)
{
	char *p = hidden(malloc(48));

	(void) argv;
	if (free_sized == NULL)
		return 77;
	if (bug(argc, "free with a size larger than the block", p))
		free_sized(p, 4096);
	free_sized(p, 48);
	return done();
}
