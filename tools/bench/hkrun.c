/* SPDX-License-Identifier: MIT
 *
 * hkrun NAME [VAR=VALUE]... -- COMMAND [ARGUMENT]...: runs a program and prints one line of key=value figures
 * about it and the children it waited for. A launcher of its own, because a child starts with the peak RSS of
 * who started it: this one is small. The variables are for the child alone, so no preload reaches the
 * launcher.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_VARIABLES 4096

static int usage(FILE *to, int code)
{
	fprintf(to, "usage: hkrun NAME [VAR=VALUE]... -- COMMAND [ARGUMENT]...\n"
	            "Runs the command with these variables and prints its figures in a line, under this name.\n");
	return code;
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000000000U + (uint64_t) ts.tv_nsec;
}

static uint64_t nanos(struct timeval t)
{
	return (uint64_t) t.tv_sec * 1000000000U + (uint64_t) t.tv_usec * 1000U;
}

/* The environment without what the child gets anew, then the new ones. */
static char **child_environment(char **added, int count)
{
	static char *all[MOST_VARIABLES];
	int n = 0;
	for (char **old = environ; *old != NULL && n < MOST_VARIABLES - count - 1; old++) {
		size_t name = strcspn(*old, "=") + 1;
		int again = 0;
		for (int i = 0; i < count; i++)
			again |= strncmp(*old, added[i], name) == 0;
		if (!again)
			all[n++] = *old;
	}
	for (int i = 0; i < count; i++)
		all[n++] = added[i];
	return all;
}

/* Its input and output are /dev/null, its error output ours. */
static int start(pid_t *ret_pid, char **command, char **variables, int count)
{
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (error == 0)
		error = posix_spawnp(ret_pid, command[0], &actions, NULL, command,
		                     child_environment(variables, count));
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int report(const char *name, int status, uint64_t wall, const struct rusage *usage)
{
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "hkrun: %s: ended by signal %d (%s)\n", name, WTERMSIG(status),
		        strsignal(WTERMSIG(status)));
		return 1;
	}
	if (WEXITSTATUS(status) != 0) {
		fprintf(stderr, "hkrun: %s: exit status %d\n", name, WEXITSTATUS(status));
		return 1;
	}
	uint64_t user = nanos(usage->ru_utime), sys = nanos(usage->ru_stime);
	printf("scenario=%s iterations=1 wall_ns=%llu cpu_ns=%llu user_ns=%llu sys_ns=%llu minor_faults=%ld "
	       "major_faults=%ld peak_kb=%ld\n",
	       name, (unsigned long long) wall, (unsigned long long) (user + sys), (unsigned long long) user,
	       (unsigned long long) sys, usage->ru_minflt, usage->ru_majflt, usage->ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	int dashes = 2, status;
	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return usage(stdout, 0);
	if (dashes + 1 >= argc)
		return usage(stderr, 2);
	pid_t pid;
	struct rusage usage;
	uint64_t begin = now_ns();
	int error = start(&pid, argv + dashes + 1, argv + 2, dashes - 2);
	if (error != 0) {
		fprintf(stderr, "hkrun: %s: %s\n", argv[dashes + 1], strerror(error));
		return 1;
	}
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			return 1;
	return report(argv[1], status, now_ns() - begin, &usage);
}
