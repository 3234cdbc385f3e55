/* SPDX-License-Identifier: MIT
 *
 * free_sized of the address of a static object.
 */
#include "bug.h"

/* C23; absent from the C libraries of its time. */
extern void free_sized(void *p, size_t size) __attribute__((weak));

int main(int argc, char **argv)
{
	static char object[64] __attribute__((aligned(16)));

	(void) argv;
	if (free_sized == NULL)
		return 77;
	free_sized(hidden(malloc(48)), 48);
	if (bug(argc, FOREIGN, object))
		free_sized(hidden(object), 64);
	return done();
}
