/* SPDX-License-Identifier: MIT
 *
 * exit() and the end of main while other threads allocate; pthread_exit of the main thread.
 */
#include "t.h"

static void *finish(void *arg)
{
	for (int i = 0; i < 2000; i++)
		free(NEW(1 + (size_t) i * 10));
	return arg;
}

static void child(int kind)
{
	pthread_t thread;

	alarm(60);
	if (kind == 2) {
		CHECK(pthread_create(&thread, NULL, finish, NULL) == 0);
		pthread_exit(NULL); /* the last thread's end ends the process, with status 0 */
	}
	for (long i = 0; i < 3; i++)
		CHECK(pthread_create(&thread, NULL, allocate_for_ever, (void *) i) == 0);
	usleep(2000);
	if (kind == 0)
		exit(0);
	_exit(0);
}

int main(void)
{
	alarm(100);
	for (int i = 0; i < 45; i++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			child(i % 3);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return 0;
}
