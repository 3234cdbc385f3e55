/* SPDX-License-Identifier: MIT
 *
 * Thousands of short threads: the memory of ended threads comes back to use, also blocks that
 * outlive their thread and are freed by another. HK_THREADS says how many there are to be.
 */
#include "t.h"

#include <stdatomic.h>

#define WAVES 250
#define THREADS 8
#define DETACHED 2
#define BLOCKS 200

static char *left[THREADS][BLOCKS];
static atomic_int ended;

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

static void *work_detached(void *arg)
{
	(void) work(arg);
	ended++;
	return NULL;
}

/* Two are detached, one of these and one of the others has the smallest stack there is. */
static void wave(const pthread_attr_t *small)
{
	pthread_t thread[THREADS];

	ended = 0;
	for (size_t i = 0; i < THREADS; i++) {
		CHECK(pthread_create(&thread[i], i % 4 == 1 ? small : NULL, i < DETACHED ? work_detached : work, (void *) i) == 0);
		CHECK(i >= DETACHED || pthread_detach(thread[i]) == 0);
	}
	for (size_t i = DETACHED; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	while (ended < DETACHED)
		usleep(50);
}

int main(void)
{
	const char *wanted = getenv("HK_THREADS");
	int waves = wanted != NULL ? atoi(wanted) / THREADS : WAVES;
	pthread_attr_t small;
	size_t early = 0;

	CHECK(pthread_attr_init(&small) == 0);
	CHECK(pthread_attr_setstacksize(&small, (size_t) sysconf(_SC_THREAD_STACK_MIN)) == 0);
	for (int n = 0; n < waves; n++) {
		wave(&small);
		if (n == waves / 5)
			early = rss_bytes();
	}
	/* About 3.4 MB are live; the rest must be bounded, not grow with the number of threads. */
	CHECK(rss_bytes() < early + (24 << 20));
	CHECK(rss_bytes() < 96 << 20);
	if (wanted != NULL)
		dprintf(1, "%d threads, %zu KiB resident after a fifth of them, %zu KiB in the end\n", waves * THREADS, early / 1024,
		        rss_bytes() / 1024);
	return 0;
}
