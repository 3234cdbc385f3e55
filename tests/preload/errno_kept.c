/* SPDX-License-Identifier: MIT
 *
 * free never changes errno (POSIX 2024), whatever it has to do; success never sets it to 0.
 */
#include "t.h"

int main(void)
{
	size_t sizes[] = {1, 100, 1024, 5000, 40000, 300000, 1 << 20, 5 << 20, 40 << 20, 300 << 20};
	size_t n = sizeof(sizes) / sizeof(sizes[0]);

	for (int round = 0; round < 30; round++)
		for (size_t i = 0; i < n; i++) {
			char *p, *q;

			errno = E2BIG;
			p = NEW(sizes[i]);
			CHECK(p != NULL && errno != 0);
			p[0] = p[sizes[i] - 1] = 1;
			errno = E2BIG;
			q = hidden(realloc(p, sizes[i] + sizes[i] / 2));
			CHECK(q != NULL && errno != 0);
			errno = EXDEV;
			free(q);
			CHECK(errno == EXDEV);
		}
	errno = EXDEV;
	free(hidden(NULL));
	CHECK(errno == EXDEV);
	malloc_trim(0);
	return 0;
}
