/* SPDX-License-Identifier: MIT
 *
 * Two threads fork at once while others allocate, free and exchange blocks of every size. Each child checks and frees
 * what it inherited and allocates; some start a thread, fork again, or leave by exit; others execute a program, by
 * every call that there is for it. HK_FORKS says how many children there are to be.
 */
#include "t.h"

#include <spawn.h>
#include <stdatomic.h>

#define CHURNERS 2
#define FORKERS 2
#define FORKS 60
#define SLOTS 48
#define OWN 16

extern char **environ;
static char *_Atomic slot[SLOTS]; /* anybody's, to free or to replace */
static atomic_int stop, started;
static int forks = FORKS;
static char *argv_true[] = {(char *) "true", NULL};

static size_t any_size(uint64_t *state)
{
	unsigned kind = draw(state) % 1000;

	return 1 + draw(state) % (kind < 970 ? 1024 : kind < 995 ? 32768 : kind < 999 ? 1 << 20 : 40 << 20);
}

static void exchange(uint64_t *state)
{
	size_t size = any_size(state);
	char *p = NEW(size), *old;

	CHECK(p != NULL);
	if (draw(state) % 4 == 0) {
		size = size / 2 + 1 + draw(state) % 512;
		p = hidden(realloc(p, size));
		CHECK(p != NULL);
	}
	p[0] = p[size - 1] = 1;
	old = atomic_exchange(&slot[draw(state) % SLOTS], p);
	free(old);
}

static void *churn(void *arg)
{
	uint64_t state = (uint64_t) (uintptr_t) arg + 1;

	for (unsigned n = 1; !stop; n++) {
		exchange(&state);
		if (n % 32 == 0)
			usleep(100); /* forks are to be many, not slow */
	}
	return NULL;
}

static void *some_exchanges(void *arg)
{
	uint64_t state = 99;

	for (int i = 0; i < 16; i++)
		exchange(&state);
	return arg;
}

static void check_and_free(char **own)
{
	for (unsigned i = 0; i < OWN; i++) {
		CHECK(holds(own[i], 1 + (size_t) i * i * 16, i));
		free(own[i]);
	}
}

static void child(char **own, int kind)
{
	pthread_t thread;

	alarm(100);
	check_and_free(own);
	for (unsigned i = 0; i < SLOTS; i += 5)
		free(atomic_exchange(&slot[i], NULL));
	some_exchanges(NULL);
	if (kind == 1) {
		CHECK(pthread_create(&thread, NULL, some_exchanges, NULL) == 0);
		some_exchanges(NULL);
		CHECK(pthread_join(thread, NULL) == 0);
	} else if (kind == 2) {
		pid_t pid = fork();

		some_exchanges(NULL);
		if (pid != 0)
			waited(pid, 0);
	} else if (kind == 3) {
		exit(0);
	}
	_exit(0);
}

static void execute(unsigned n)
{
	pid_t pid;
	FILE *f;

	if (n % 3 == 0) {
		CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, argv_true, environ) == 0);
		waited(pid, 0);
	} else if (n % 3 == 1) {
		pid = vfork(); /* NOLINT: vfork is what is tested */
		if (pid == 0) {
			execv("/bin/true", argv_true);
			_exit(9);
		}
		waited(pid, 0);
	} else if (n % 2 == 0) {
		CHECK(system("exit 0") == 0);
	} else {
		f = popen("exit 0", "r");
		CHECK(f != NULL && pclose(f) == 0);
	}
}

static void *fork_all(void *arg)
{
	char *own[OWN];
	int n;

	while ((n = started++) < forks) {
		pid_t pid;

		if (n % 8 == 7) {
			execute((unsigned) n / 8);
			continue;
		}
		for (unsigned i = 0; i < OWN; i++) {
			own[i] = NEW(1 + (size_t) i * i * 16);
			CHECK(own[i] != NULL);
			fill(own[i], 1 + (size_t) i * i * 16, i);
		}
		pid = fork();
		if (pid == 0)
			child(own, n % 8);
		waited(pid, 0);
		check_and_free(own);
	}
	return arg;
}

int main(void)
{
	pthread_t churner[CHURNERS], forker[FORKERS];
	const char *wanted = getenv("HK_FORKS");

	if (wanted != NULL)
		forks = atoi(wanted);
	else
		alarm(100);
	for (long i = 0; i < CHURNERS; i++)
		CHECK(pthread_create(&churner[i], NULL, churn, (void *) i) == 0);
	for (int i = 0; i < FORKERS; i++)
		CHECK(pthread_create(&forker[i], NULL, fork_all, NULL) == 0);
	for (int i = 0; i < FORKERS; i++)
		CHECK(pthread_join(forker[i], NULL) == 0);
	stop = 1;
	for (int i = 0; i < CHURNERS; i++)
		CHECK(pthread_join(churner[i], NULL) == 0);
	for (int i = 0; i < SLOTS; i++)
		free(slot[i]);
	return 0;
}
