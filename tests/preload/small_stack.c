/* SPDX-License-Identifier: MIT
 *
 * The allocator needs little stack: every path, in threads with the smallest stack allowed.
 */
#include "t.h"

#include <limits.h>

static void *work(void *arg)
{
	char *p[40];

	for (size_t i = 0; i < 40; i++) {
		p[i] = NEW((size_t) 3 << i % 21);
		CHECK(p[i] != NULL);
		p[i][0] = 1;
	}
	for (size_t i = 0; i < 40; i++) {
		p[i] = hidden(realloc(p[i], (size_t) 5 << i % 21));
		CHECK(p[i] != NULL);
		free(p[i]);
	}
	free(hidden(aligned_alloc(4096, 1 << 20)));
	malloc_trim(0);
	return arg;
}

int main(void)
{
	pthread_attr_t attr;

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, (size_t) sysconf(_SC_THREAD_STACK_MIN)) == 0);
	for (int i = 0; i < 50; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, &attr, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
	}
	return 0;
}
