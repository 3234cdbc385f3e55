/* SPDX-License-Identifier: MIT
 *
 * fork in a process whose other threads allocate all the time: the child can allocate at once,
 * free what the parent had, start threads of its own and fork again.
 */
#include "t.h"

#include <stdatomic.h>

#define THREADS 3
#define FORKS 50

static atomic_int stop;

static void *churn(void *arg)
{
	uint64_t state = (uint64_t) (uintptr_t) arg + 1;
	char *p[64] = {NULL};

	while (!stop) {
		unsigned i = draw(&state) % 64, kind = draw(&state) % 100;
		size_t size = 1 + draw(&state) % (kind < 90 ? 2000 : kind < 98 ? 60000 : 3 << 20);

		free(p[i]);
		p[i] = NEW(size);
		CHECK(p[i] != NULL);
		p[i][0] = p[i][size - 1] = 1;
	}
	for (int i = 0; i < 64; i++)
		free(p[i]);
	return NULL;
}

static void *some_blocks(void *arg)
{
	for (int i = 0; i < 200; i++)
		free(NEW(1 + (size_t) i * 40));
	return arg;
}

static void child(char **inherited, int depth)
{
	pthread_t thread;

	alarm(60);
	for (int i = 0; i < 20; i++)
		free(inherited[i]);
	some_blocks(NULL);
	free(NEW(4 << 20));
	CHECK(pthread_create(&thread, NULL, some_blocks, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
	if (depth > 0) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			some_blocks(NULL);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		exit(0); /* runs the destructors too */
	}
	_exit(0);
}

int main(void)
{
	pthread_t thread[THREADS];
	char *p[20];

	alarm(100);
	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, churn, (void *) i) == 0);
	for (int n = 0; n < FORKS; n++) {
		int status;
		pid_t pid;

		for (int i = 0; i < 20; i++)
			p[i] = NEW((size_t) (i + 1) * 333);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			child(p, n % 4 == 0);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
		for (int i = 0; i < 20; i++)
			free(p[i]);
	}
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	return 0;
}
