/* SPDX-License-Identifier: MIT
 *
 * A block freed by another thread first, then by the one that allocated it.
 */
#include "bug.h"

#include <pthread.h>

static void *free_it(void *p)
{
	free(p);
	return NULL;
}

int main(int argc, char **argv)
{
	char *p = hidden(malloc(48));
	pthread_t thread;

	(void) argv;
	if (pthread_create(&thread, NULL, free_it, p) != 0 || pthread_join(thread, NULL) != 0)
		return 1;
	if (bug(argc, "double free", p))
		free(hidden(p));
	return done();
}
