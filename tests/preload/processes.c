/* SPDX-License-Identifier: MIT
 *
 * Every way to start another program from a threaded one: system, popen, posix_spawn, vfork, fork and exec.
 */
#include "t.h"

#include <spawn.h>
#include <stdatomic.h>

extern char **environ;
static atomic_int stop;

static void *churn(void *arg)
{
	for (size_t i = 0; !stop; i++)
		free(NEW(1 + i * 37 % 50000));
	return arg;
}

int main(void)
{
	static char *argv[] = {(char *) "sh", (char *) "-c", (char *) "exit 3", NULL};
	pthread_t thread[2];

	alarm(100);
	CHECK(pthread_create(&thread[0], NULL, churn, NULL) == 0);
	CHECK(pthread_create(&thread[1], NULL, churn, NULL) == 0);
	for (int i = 0; i < 12; i++) {
		char line[20] = "";
		FILE *f = popen("echo hello", "r");
		pid_t pid;

		CHECK(f != NULL && fgets(line, sizeof(line), f) != NULL && strcmp(line, "hello\n") == 0);
		CHECK(pclose(f) == 0);
		CHECK(WEXITSTATUS(system("exit 5")) == 5);
		CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
		waited(pid, 3);
		pid = vfork(); /* NOLINT: vfork is what is tested */
		if (pid == 0) {
			execv("/bin/sh", argv);
			_exit(9);
		}
		waited(pid, 3);
		pid = fork();
		if (pid == 0) {
			free(NEW(5000));
			execv("/bin/sh", argv);
			_exit(9);
		}
		waited(pid, 3);
	}
	stop = 1;
	CHECK(pthread_join(thread[0], NULL) == 0 && pthread_join(thread[1], NULL) == 0);
	return 0;
}
