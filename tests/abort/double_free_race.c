/* SPDX-License-Identifier: MIT
 *
 * Two threads free one large block at the same moment: one of them is refused, whoever comes first.
 */
#include "bug.h"

#include <pthread.h>

#define SIZE ((size_t) 3 << 20)

static pthread_barrier_t start;

static void *free_it(void *p)
{
	(void) pthread_barrier_wait(&start);
	free(p);
	return NULL;
}

int main(int argc, char **argv)
{
	char *p = hidden(malloc(SIZE));
	pthread_t thread;

	(void) argv;
	if (pthread_barrier_init(&start, NULL, 2) != 0)
		return 1;
	if (bug(argc, "double free", p)) {
		if (pthread_create(&thread, NULL, free_it, hidden(p)) != 0)
			return 1;
		(void) free_it(p);
		(void) pthread_join(thread, NULL);
	} else {
		free(p);
	}
	return done();
}
