/* SPDX-License-Identifier: MIT
 *
 * Work for programs that bring a sanitizer, run under valgrind, or with another allocator: threads, every call of the family,
 * blocks that end in another thread. With an argument it writes one byte beyond a block, and loses that. Prints "done".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 100

static void *volatile lost;

static void *work(void *arg)
{
	char *p[BLOCKS];

	for (size_t i = 0; i < BLOCKS; i++) {
		p[i] = i % 2 == 0 ? malloc(i * 97 + 1) : calloc(i, 97);
		memset(p[i], 'a', i * 97);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		p[i] = i % 3 == 0 ? realloc(p[i], i * 211 + 1) : reallocarray(p[i], i + 1, 211);
	for (size_t i = 1; i < BLOCKS; i++)
		if (p[i][0] != 'a' || malloc_usable_size(p[i]) < i * 211)
			abort();
	for (size_t i = 0; i < BLOCKS; i++)
		free(p[i]);
	if (posix_memalign(&arg, 4096, 100000) != 0 || ((size_t) arg & 4095) != 0)
		abort();
	free(arg);
	free(aligned_alloc(64, 640));
	return strcpy(calloc(1, 300000), "end");
}

int main(int argc, char **argv)
{
	pthread_t thread[3];

	(void) argv;
	for (size_t i = 0; i < 3; i++)
		if (pthread_create(&thread[i], NULL, work, NULL) != 0)
			return 2;
	for (size_t i = 0; i < 3; i++) {
		void *end;

		if (pthread_join(thread[i], &end) != 0 || strcmp(end, "end") != 0)
			return 3;
		free(end);
	}
	if (argc > 1) {
		char *volatile p = malloc(100);

		lost = p;
		p[100] = 1;
		lost = NULL;
	}
	puts("done");
	return 0;
}
