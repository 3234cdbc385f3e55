/* SPDX-License-Identifier: MIT
 *
 * A resolver of an indirect function allocates: the loader calls it before the thread-locals of anybody have their initial values.
 */
#include "t.h"

static void *kept;
static size_t allocated;

static int answer(void)
{
	return 42;
}

__attribute__((used)) static int (*resolve(void))(void)
{
	for (size_t size = 1; size < 200000; size *= 3) {
		char *p = calloc(1, size), *q = realloc(malloc(size), 2 * size);

		allocated += p != NULL && q != NULL && p[size - 1] == 0;
		free(p);
		free(q);
	}
	kept = malloc(100);
	return answer;
}
int indirect(void) __attribute__((ifunc("resolve")));

int main(void)
{
	char *more = realloc(kept, 5000);

	CHECK(indirect() == 42);
	CHECK(allocated == 12);
	CHECK(more != NULL);
	free(more);
	return 0;
}
