/* SPDX-License-Identifier: MIT
 *
 * For frozen.sh: a program of one thread that always does the same. Each line "N" on stdin is answered, after N rounds, by
 * "done": blocks of all sizes come, grow and go, some 50 large ones a round, one of them larger than what BigCache keeps by default. No allocation of its own but those.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KB ((size_t) 1 << 10)
#define MB ((size_t) 1 << 20)

static char *block(size_t size)
{
	char *p = malloc(size);

	if (p == NULL)
		_exit(3);
	for (size_t at = 0; at < size; at += 4 * KB)
		p[at] = 1;
	return p;
}

static void round_of(unsigned n)
{
	char *small[200], *large[40], *grown = block(40 * KB), *sparse;

	for (unsigned i = 0; i < 200; i++)
		small[i] = block(16 + (i * 37 + n) % 3000);
	for (unsigned i = 0; i < 40; i++)
		large[i] = block(64 * KB + (i % 9 + n % 5) * 60 * KB);
	for (size_t size = 60 * KB; size < 3 * MB; size += size / 2) {
		grown = realloc(grown, size);
		if (grown == NULL)
			_exit(3);
		grown[size - 1] = 1;
	}
	sparse = malloc(1200 * MB);
	if (sparse == NULL)
		_exit(3);
	for (size_t at = 0; at < 1200 * MB; at += 300 * KB)
		sparse[at] = 1;
	free(sparse);
	for (unsigned i = 0; i < 40; i++)
		free(large[i]);
	for (unsigned i = 0; i < 200; i++)
		free(small[i]);
	free(grown);
}

int main(void)
{
	char line[64];
	unsigned n = 0;
	ssize_t got;

	while ((got = read(0, line, sizeof(line) - 1)) > 0) {
		line[got] = '\0';
		for (unsigned long left = strtoul(line, NULL, 10); left > 0; left--)
			round_of(n++);
		if (write(1, "done\n", 5) != 5)
			return 1;
	}
	return 0;
}
