/* SPDX-License-Identifier: MIT
 *
 * Programs that change what they are: the first argument says what to do. guest.sh runs each on the C library alone, and
 * preloaded with control off and on, where a thread of ours is a guest. A second one says how many threads there are to be.
 */
#include "t.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static void use(void)
{
	char *p[60];

	for (size_t i = 0; i < 60; i++) {
		p[i] = NEW(1 + i * i * 100);
		CHECK(p[i] != NULL);
		fill(p[i], 1 + i * i * 100, (unsigned) i);
	}
	for (size_t i = 0; i < 60; i++) {
		CHECK(holds(p[i], 1 + i * i * 100, (unsigned) i));
		free(p[i]);
	}
}

/* Status 77 where the kernel does not grant it to anybody. */
static void enter(int flags)
{
	int r = unshare(flags);

	if (r != 0 && (errno == EPERM || errno == ENOSPC || errno == ENOSYS))
		exit(77);
	CHECK(r == 0);
	use();
}

static void user(void)
{
	enter(CLONE_NEWUSER);
}

static void pid(void)
{
	pid_t child;

	enter(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET);
	child = fork();
	if (child == 0) {
		use();
		_exit(getpid() != 1);
	}
	waited(child, 0);
}

/* A user namespace of another process, and a mount namespace, which asks for a root that no other thread shares. */
static void join_namespaces(void)
{
	int ready[2], fd;
	char path[64], c;
	pid_t child;

	CHECK(pipe(ready) == 0);
	child = fork();
	if (child == 0) {
		c = unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 'y' : 'n';
		(void) !write(ready[1], &c, 1);
		pause();
	}
	CHECK(child > 0 && read(ready[0], &c, 1) == 1);
	if (c != 'y')
		exit(77);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int) child, i == 0 ? "user" : "mnt");
		fd = open(path, O_RDONLY);
		CHECK(fd >= 0 && setns(fd, i == 0 ? CLONE_NEWUSER : CLONE_NEWNS) == 0);
		use();
	}
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
}

/* Without the clone handlers of libc, in a process of one thread of its own. */
static void raw(void)
{
	pid_t child = (pid_t) syscall(SYS_clone, (unsigned long) SIGCHLD, 0L, 0L, 0L, 0L);

	if (child == 0) {
		use();
		_exit(0);
	}
	waited(child, 0);
	use();
}

static int every_thread(const char *line)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300], text[2048];
	int good = dir != NULL;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		FILE *f;
		size_t n;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		f = fopen(path, "r");
		CHECK(f != NULL);
		n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = '\0';
		fclose(f);
		good &= strstr(text, line) != NULL;
	}
	closedir(dir);
	return good;
}

/* Every thread has to lose root's rights, ours too. */
static void drop(void)
{
	static const gid_t group = 65533;

	if (getuid() != 0)
		exit(77);
	CHECK(setgroups(1, &group) == 0 && setresgid(65533, 65533, 65533) == 0);
	use();
	CHECK(setresuid(65534, 65534, 65534) == 0 && setuid(0) != 0);
	use();
	CHECK(every_thread("\nUid:\t65534\t65534\t65534\t65534\n"));
	CHECK(every_thread("\nGid:\t65533\t65533\t65533\t65533\n"));
	CHECK(every_thread("\nCapPrm:\t0000000000000000\n"));
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	use();
}

static void root(void)
{
	pid_t child;

	if (getuid() != 0)
		exit(77);
	CHECK(chroot("/proc/self") == 0 && chdir("/") == 0);
	use();
	CHECK(access("/proc", F_OK) != 0);
	child = fork();
	if (child == 0) {
		use();
		exit(0);
	}
	waited(child, 0);
}

static void daemonize(void)
{
	pid_t child = fork();

	if (child == 0) {
		CHECK(setsid() > 0);
		use();
		child = fork();
		if (child == 0) {
			closefrom(0);
			use();
			CHECK(open("/dev/null", O_RDWR) == 0); /* nobody else takes the lowest number */
			use();
			exit(0);
		}
		waited(child, 0);
		exit(0);
	}
	waited(child, 0);
	for (int fd = 3; fd < 1024; fd++)
		(void) close(fd);
	use();
	CHECK(dup(2) == 3);
}

/* Only read, write and the end are allowed: what is cached is still to be had. */
static void strict(void)
{
	char *p = NEW(100);
	pid_t child = fork();

	if (child == 0) {
		CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
		free(p);
		p = NEW(100);
		syscall(SYS_exit, p == NULL);
	}
	waited(child, 0);
	free(p);
}

static void *allocate_by(void *function)
{
	void *(*take)(size_t);

	memcpy(&take, &function, sizeof(take)); /* ISO C has no cast from object to function pointer */
	for (size_t i = 0; i < 100; i++)
		CHECK(take(i * 500 + 1) != NULL); /* for ever: whose they are to free depends on the loader */
	use();
	return NULL;
}

/* Not preloaded: a loader may have no room for its thread-locals, which is no more than an error. Else it works, and stays when
   it is closed: threads that used it end, and fork calls its handlers. */
static void load(void)
{
	for (int i = 0; i < 4; i++) {
		void *library = dlopen(getenv("HK_LIBRARY"), RTLD_NOW | (i % 2 == 0 ? RTLD_LOCAL : RTLD_GLOBAL));
		const char *error = library == NULL ? dlerror() : "";
		pthread_t thread;
		pid_t child;

		CHECK(library != NULL || strstr(error, "static TLS") != NULL);
		if (library == NULL)
			continue;
		CHECK(dlsym(library, "hakmem_version") != NULL);
		CHECK(pthread_create(&thread, NULL, allocate_by, dlsym(library, "malloc")) == 0);
		CHECK(dlclose(library) == 0 && pthread_join(thread, NULL) == 0);
		child = fork();
		if (child == 0)
			exit(0);
		waited(child, 0);
		use();
	}
}

static nlink_t threads(void)
{
	struct stat st;

	CHECK(stat("/proc/self/task", &st) == 0);
	return st.st_nlink - 2;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} all[] = {{"user", user}, {"pid", pid}, {"join", join_namespaces}, {"raw", raw}, {"drop", drop},
	           {"root", root}, {"daemonize", daemonize}, {"strict", strict}, {"load", load}};

	alarm(60);
	use();
	CHECK(argc != 3 || threads() == (nlink_t) atoi(argv[2]));
	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(argv[1], all[i].name) != 0)
			continue;
		all[i].run();
		use();
		return 0;
	}
	return 2;
}
