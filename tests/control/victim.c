/* SPDX-License-Identifier: MIT
 *
 * Programs that a control thread lives in. The first argument says what to do; each prints "ready" and ends
 * when its stdin does, unless said otherwise.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static void ready(void)
{
	(void) !write(STDOUT_FILENO, "ready\n", 6);
}

static void until_eof(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

static void churn(void)
{
	void *p[64] = {NULL};

	for (unsigned i = 0; i < 512; i++) {
		free(p[i % 64]);
		p[i % 64] = malloc((i % 8 + 1) << (i % 20));
	}
	for (unsigned i = 0; i < 64; i++)
		free(p[i]);
}

static int run_idle(void)
{
	churn();
	ready();
	until_eof();
	return 0;
}

static void *busy(void *arg)
{
	for (;;) {
		churn();
		(void) usleep(1000);
	}
	return arg;
}

static int run_busy(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, busy, NULL) != 0)
		return 1;
	ready();
	until_eof();
	return 0;
}

/* As a service does that nobody speaks to: for ever. */
static int run_serve(void)
{
	for (;;) {
		churn();
		(void) usleep(1000);
	}
	return 0;
}

/* A daemon's habit: close everything, then use the freed numbers. */
static int run_closefrom(void)
{
	int fd;

	churn();
	for (fd = 3; fd < 1024; fd++)
		(void) close(fd);
	fd = dup(STDOUT_FILENO);
	(void) !write(fd, "ready\n", 6);
	until_eof();
	return fd == 3 ? 0 : 1;
}

static int run_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	ready();
	return n == 4 ? 0 : 1; /* 0, 1, 2 and the directory */
}

static int run_fork(void)
{
	pid_t child[3];

	churn();
	for (int i = 0; i < 3; i++) {
		child[i] = fork();
		if (child[i] == 0)
			(void) busy(NULL);
	}
	ready();
	until_eof();
	for (int i = 0; i < 3; i++) {
		(void) kill(child[i], SIGKILL);
		(void) waitpid(child[i], NULL, 0);
	}
	return 0;
}

/* The output must not get lost, and the process must end. */
static int run_pthread_exit(void)
{
	(void) printf("buffered");
	(void) usleep(50000);
	pthread_exit(NULL);
}

static void *later(void *arg)
{
	(void) usleep(300000);
	(void) printf(" later");
	return arg;
}

static int run_pthread_exit_later(void)
{
	pthread_t thread;

	(void) printf("buffered");
	if (pthread_create(&thread, NULL, later, NULL) != 0)
		return 1;
	pthread_exit(NULL);
}

/* A signalfd program is killed if any thread leaves the signal unblocked. */
static int run_signals(void)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	(void) sigemptyset(&set);
	(void) sigaddset(&set, SIGTERM);
	(void) sigaddset(&set, SIGUSR1);
	(void) sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, 0);
	ready();
	for (int n = 0; n < 2; n++)
		if (read(fd, &info, sizeof(info)) != (ssize_t) sizeof(info))
			return 1;
	(void) printf("%u", info.ssi_signo);
	return 0;
}

/* glibc's setuid has to reach every thread, ours too. */
static int run_setuid(void)
{
	churn();
	if (getuid() == 0 && setuid(65534) != 0)
		return 1;
	ready();
	until_eof();
	return 0;
}

/* Frees much and falls idle: nothing but the control thread can give it back. */
static int run_release(void)
{
	enum { BLOCKS = 24, SIZE = 4 << 20 };
	char *p[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		p[i] = malloc(SIZE);
		if (p[i] == NULL)
			return 1;
		memset(p[i], 1, SIZE);
	}
	for (int i = 0; i < BLOCKS; i++)
		free(p[i]);
	ready();
	until_eof();
	return 0;
}

/* The same pid and start time, another program. */
static int run_exec(void)
{
	churn();
	(void) execl("/proc/self/exe", "control_victim", "idle", (char *) NULL);
	return 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} all[] = {
		{"idle", run_idle},
		{"busy", run_busy},
		{"serve", run_serve},
		{"closefrom", run_closefrom},
		{"descriptors", run_descriptors},
		{"fork", run_fork},
		{"pthread_exit", run_pthread_exit},
		{"pthread_exit_later", run_pthread_exit_later},
		{"signals", run_signals},
		{"setuid", run_setuid},
		{"release", run_release},
		{"exec", run_exec},
	};

	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(argv[1], all[i].name) == 0)
			return all[i].run();
	return 2;
}
