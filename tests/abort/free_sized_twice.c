/* SPDX-License-Identifier: MIT
 *
 * free_sized of a freed block.
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
	free_sized(p, 48);
	if (bug(argc, "double free", p))
		free_sized(hidden(p), 48);
	return done();
}
