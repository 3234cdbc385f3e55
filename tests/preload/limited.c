/* SPDX-License-Identifier: MIT
 *
 * Under RLIMIT_AS malloc fails with ENOMEM, the heap stays whole, and what was freed can be had again.
 */
#include "t.h"

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

/* What is left of the address space serves, but for what arenas are rounded up to (4 MiB) and one more block's start. */
static void all_of_it_serves(void)
{
	static const struct {
		size_t mb, room, blocks;
	} cases[] = {{9, 20, 1}, {9, 34, 2}, {17, 31, 1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pid_t pid = fork();
		int status = 1;

		if (pid == 0) {
			leave_address_space(cases[i].room << 20);
			for (size_t n = 0; n < cases[i].blocks; n++)
				CHECK(NEW((cases[i].mb << 20) - 65536) != NULL);
			_exit(0);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	}
}

int main(void)
{
	static char *p[1 << 22];
	size_t sizes[] = {2 << 20, 100000, 5000, 200, 2 << 20};

	all_of_it_serves();
	leave_address_space((size_t) 300 << 20);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = take(p, 1 << 22, sizes[i]);

		CHECK(n < 1 << 22 && n * sizes[i] > 150 << 20);
		give(p, n, sizes[i]);
		malloc_trim(0);
	}
	return 0;
}
