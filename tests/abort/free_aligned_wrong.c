/* SPDX-License-Identifier: MIT
 *
 * free_aligned_sized with an alignment that the block cannot have.
 */
#include "bug.h"

/* C23; absent from the C libraries of its time. */
extern void free_aligned_sized(void *p, size_t align, size_t size) __attribute__((weak));

int main(int argc, char **argv)
{
	char *p[2] = {hidden(malloc(48)), hidden(malloc(48))};
	/* Of two neighbours one lies outside any large alignment. */
	char *odd = ((uintptr_t) p[0] & 4095) != 0 ? p[0] : p[1];

	(void) argv;
	if (free_aligned_sized == NULL)
		return 77;
	if (bug(argc, "free with an alignment that the block has not", odd))
		free_aligned_sized(odd, 4096, 48);
	free_aligned_sized(aligned_alloc(4096, 4096), 4096, 4096);
	free(p[0]);
	free(p[1]);
	return done();
}
