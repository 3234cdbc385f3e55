/* SPDX-License-Identifier: MIT
 *
 * Ends of a process whose other threads allocate, free and fork: exit, also by a thread that is not the first one, quick_exit,
 * _exit, abort with a handler. Handlers and destructors allocate, and find what was allocated before as it was.
 */
#include "t.h"

#include <signal.h>

#define ROUNDS 3
#define BLOCKS 40

static char *kept[BLOCKS];

static size_t size_of(size_t i)
{
	return 1 + i * i * 60;
}

static void use(void)
{
	char *p = hidden(calloc(1, 3000)), *q = NEW(200000);

	CHECK(p != NULL && q != NULL && holds(p, 3000, 0));
	p = hidden(realloc(p, 70000));
	CHECK(p != NULL && holds(p, 3000, 0));
	free(q);
	free(p);
}

static void keep(void)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		kept[i] = NEW(size_of(i));
		CHECK(kept[i] != NULL);
		fill(kept[i], size_of(i), (unsigned) i);
	}
}

static void let_go(void)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		CHECK(kept[i] == NULL || holds(kept[i], size_of(i), (unsigned) i));
		free(kept[i]);
		kept[i] = NULL;
	}
}

static void at_end(void)
{
	use();
	let_go();
	use();
}

__attribute__((destructor)) static void last(void)
{
	at_end();
}

static void on_abort(int signal)
{
	(void) signal;
	at_end();
	_exit(6);
}

static void *fork_on(void *arg)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0) {
			use();
			_exit(0);
		}
		if (pid > 0)
			(void) waitpid(pid, NULL, 0);
		use();
	}
	return arg;
}

static void *leave(void *arg)
{
	usleep(1500);
	exit(5);
	return arg;
}

static void child(int kind)
{
	static void (*const ends[])(int) = {exit, quick_exit, _exit};
	pthread_t thread;

	alarm(60);
	keep();
	CHECK(atexit(at_end) == 0 && at_quick_exit(at_end) == 0 && signal(SIGABRT, on_abort) != SIG_ERR);
	for (long i = 0; i < 2; i++)
		CHECK(pthread_create(&thread, NULL, allocate_for_ever, (void *) i) == 0);
	CHECK(pthread_create(&thread, NULL, fork_on, NULL) == 0);
	usleep(1500);
	if (kind < 3)
		ends[kind](5);
	if (kind == 3)
		abort();
	CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
	for (;;)
		use();
}

int main(void)
{
	alarm(100);
	for (int i = 0; i < ROUNDS * 5; i++) {
		int status, kind = i % 5;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0)
			child(kind);
		CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
		CHECK(WEXITSTATUS(status) == (kind == 3 ? 6 : 5));
	}
	return 0;
}
