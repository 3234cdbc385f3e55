/* SPDX-License-Identifier: MIT
 *
 * Under RLIMIT_AS malloc fails with ENOMEM, the heap stays whole, and what was freed can be had again.
 */
#include "t.h"

#include <sys/resource.h>

static size_t take(char **p, size_t most, size_t size)
{
	size_t n = 0;

	while (n < most) {
		errno = 0;
		p[n] = NEW(size);
		if (p[n] == NULL) {
			CHECK(errno == ENOMEM);
			break;
		}
		fill(p[n], size, (unsigned) n);
		n++;
	}
	return n;
}

static void give(char **p, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		CHECK(holds(p[i], size, (unsigned) i));
		free(p[i]);
	}
}

int main(void)
{
	static char *p[1 << 22];
	struct rlimit limit;
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	size_t sizes[] = {2 << 20, 100000, 5000, 200, 2 << 20};

	CHECK(f != NULL && fscanf(f, "%lu", &pages) == 1);
	fclose(f);
	limit.rlim_cur = limit.rlim_max = pages * 4096 + (300ul << 20);
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = take(p, 1 << 22, sizes[i]);

		CHECK(n < 1 << 22 && n * sizes[i] > 150 << 20);
		give(p, n, sizes[i]);
		malloc_trim(0);
	}
	return 0;
}
