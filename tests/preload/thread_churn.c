/* SPDX-License-Identifier: MIT
 *
 * Thousands of short threads: the memory of ended threads comes back to use, also blocks that
 * outlive their thread and are freed by another.
 */
#include "t.h"

#define WAVES 250
#define THREADS 8
#define BLOCKS 200

static char *left[THREADS][BLOCKS];

static void *work(void *arg)
{
	size_t me = (size_t) (uintptr_t) arg;

	for (size_t i = 0; i < BLOCKS; i++) {
		size_t size = 16 + (i * 97 + me * 31) % 4000;
		char *p = NEW(size), *q = NEW(size);

		CHECK(p != NULL && q != NULL);
		fill(p, size, (unsigned) i);
		fill(q, size, (unsigned) i);
		free(q);
		free(left[me][i]); /* of a thread that has ended */
		left[me][i] = p;
	}
	return NULL;
}

int main(void)
{
	size_t early = 0;

	for (int wave = 0; wave < WAVES; wave++) {
		pthread_t thread[THREADS];

		for (size_t i = 0; i < THREADS; i++)
			CHECK(pthread_create(&thread[i], NULL, work, (void *) i) == 0);
		for (size_t i = 0; i < THREADS; i++)
			CHECK(pthread_join(thread[i], NULL) == 0);
		if (wave == WAVES / 5)
			early = rss_bytes();
	}
	/* About 3.4 MB are live; the rest must be bounded, not grow with the number of threads. */
	CHECK(rss_bytes() < early + (24 << 20));
	CHECK(rss_bytes() < 96 << 20);
	return 0;
}
