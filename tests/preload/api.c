/* SPDX-License-Identifier: MIT
 *
 * hakmem.h in use. Compiled by api.sh as C and as C++, linked to the installed library, shared and static; and with
 * BY_NAME to find every function at run time, as a program does that is preloaded.
 */
#include "hakmem.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef BY_NAME
#include <dlfcn.h>
#define FUNCTION(result, name, ...) static result (*p_##name)(__VA_ARGS__);
FUNCTION(const char *, hakmem_version, void)
FUNCTION(int, hakmem_get, const char *, char *, size_t)
FUNCTION(int, hakmem_set, const char *, const char *)
FUNCTION(int, hakmem_stats, const char *, uint64_t *)
FUNCTION(int, hakmem_stats_each, int (*)(const char *, uint64_t, void *), void *)
FUNCTION(const char *, hakmem_phase, void)
FUNCTION(int, hakmem_set_phase, const char *)
FUNCTION(size_t, hakmem_trim, void)
#define FIND(name)                                         \
	do {                                               \
		void *found = dlsym(RTLD_DEFAULT, #name);  \
		CHECK(found != NULL);                      \
		memcpy(&p_##name, &found, sizeof(found));  \
	} while (0)
#define hakmem_version p_hakmem_version
#define hakmem_get p_hakmem_get
#define hakmem_set p_hakmem_set
#define hakmem_stats p_hakmem_stats
#define hakmem_stats_each p_hakmem_stats_each
#define hakmem_phase p_hakmem_phase
#define hakmem_set_phase p_hakmem_set_phase
#define hakmem_trim p_hakmem_trim
#endif

#define THREADS 4
#define ROUNDS 50
#define CHECK(what)                                                                          \
	do {                                                                                 \
		if (!(what)) {                                                               \
			fprintf(stderr, "api: %s:%d: %s\n", __FILE__, __LINE__, #what);      \
			exit(1);                                                             \
		}                                                                            \
	} while (0)

static int is(const char *key, const char *value)
{
	char buf[HAKMEM_VALUE_MAX];
	int n = hakmem_get(key, buf, sizeof(buf));

	if (n == (int) strlen(value) && strcmp(buf, value) == 0)
		return 1;
	fprintf(stderr, "api: %s is %s (%d), not %s\n", key, n >= 0 ? buf : "?", n, value);
	return 0;
}

static void get_and_set(void)
{
	char small[3] = "??";

	CHECK(is("mode", "balanced") && is("MODE", "balanced"));
	CHECK(is("purge_delay", "700ms")); /* api.sh's file */
	CHECK(is("bigcache", "on") && is("control_group", ""));
	CHECK(hakmem_get("purge_dealy", small, sizeof(small)) == -ENOENT);
	CHECK(hakmem_get(NULL, small, sizeof(small)) == -ENOENT);
	CHECK(hakmem_get("purge_delay", small, sizeof(small)) == -ERANGE && strcmp(small, "??") == 0);
	CHECK(hakmem_get("purge_delay", NULL, 0) == -ERANGE);
	CHECK(hakmem_get("bigcache", small, sizeof(small)) == 2 && strcmp(small, "on") == 0);

	CHECK(hakmem_set("purge_delay", "0.25s") == -EINVAL && is("purge_delay", "700ms"));
	CHECK(hakmem_set("purge_delay", "250ms") == 0 && is("purge_delay", "250ms"));
	CHECK(hakmem_set("thp", "perhaps") == -EINVAL);
	CHECK(hakmem_set("batch_max", "0") == -EINVAL && hakmem_set("batch_max", "1025") == -EINVAL);
	CHECK(hakmem_set("tph", "off") == -ENOENT && hakmem_set(NULL, "off") == -ENOENT);
	/* No way to say more than one thing, or to take one back by its value. */
	CHECK(hakmem_set("thp", "off elo=off") == -EINVAL && is("elo", "on"));
	CHECK(hakmem_set("thp", "off\nfreeze") == -EINVAL);
	CHECK(hakmem_set("purge_delay", "-") == -EINVAL && is("purge_delay", "250ms"));
	CHECK(hakmem_set("purge_delay", NULL) == 0 && is("purge_delay", "700ms"));
	CHECK(hakmem_set("mode", "fast") == 0 && is("mode", "fast") && is("elo", "off"));
	CHECK(hakmem_set("mode", "fats") == -EINVAL && is("mode", "fast"));
	CHECK(hakmem_set("mode", NULL) == 0 && is("mode", "balanced"));
	CHECK(hakmem_set("security", "full") == 1 && is("security", "basic"));
	CHECK(hakmem_set("security", NULL) == 0);
}

/* What is set is in force: memory that would be cached goes back, then it does not. */
static void in_force(void)
{
	uint64_t cached = 1, hits;
	void *volatile p;

	CHECK(hakmem_set("bigcache", "off") == 0);
	p = malloc(8 << 20);
	CHECK(p != NULL);
	free((void *) p);
	hakmem_trim();
	CHECK(hakmem_stats("bigcache_bytes", &cached) == 0 && cached == 0);
	CHECK(hakmem_set("bigcache", NULL) == 0);
	p = malloc(8 << 20);
	CHECK(p != NULL);
	memset((void *) p, 1, 8 << 20);
	free((void *) p);
	CHECK(hakmem_stats("bigcache_bytes", &cached) == 0 && cached >= 8 << 20);
	p = malloc(8 << 20);
	CHECK(hakmem_stats("bigcache_hits", &hits) == 0 && hits >= 1);
	free((void *) p);
	CHECK(hakmem_trim() >= 8 << 20);
}

struct sum {
	unsigned n, stop_at;
	int live, pid;
};

static int add(const char *name, uint64_t value, void *data)
{
	struct sum *sum = (struct sum *) data;

	sum->n++;
	sum->live |= strcmp(name, "live_bytes") == 0 && value > 0;
	sum->pid |= strcmp(name, "pid") == 0;
	errno = 12345;
	return sum->n == sum->stop_at ? -7 : 0;
}

static void counters(void)
{
	struct sum all = {0, 0, 0, 0}, some = {0, 5, 0, 0};
	uint64_t before, after, none = 42;
	void *volatile p;

	p = malloc(1 << 20);
	CHECK(hakmem_stats_each(add, &all) == 0 && all.n > 30 && all.live && !all.pid);
	CHECK(errno == 12345);
	free((void *) p);
	CHECK(hakmem_stats_each(add, &some) == -7 && some.n == 5);
	CHECK(hakmem_stats("processes", &before) == 0 && before == 1);
	CHECK(hakmem_stats("rss_bytes", &before) == 0 && before > 100000);
	CHECK(hakmem_stats("no_such", &none) == -ENOENT && hakmem_stats(NULL, &none) == -ENOENT && none == 42);
	CHECK(hakmem_stats("large_live_bytes", &before) == 0);
	p = malloc(20 << 20);
	CHECK(p != NULL);
	CHECK(hakmem_stats("large_live_bytes", &after) == 0 && after - before >= 20 << 20);
	free((void *) p);
}

static void engine(void)
{
	CHECK(strcmp(hakmem_phase(), "FROZEN") == 0);
	CHECK(hakmem_set_phase("LEARN") == 0 && strcmp(hakmem_phase(), "LEARN") == 0);
	CHECK(hakmem_set_phase("frozen") == 0 && strcmp(hakmem_phase(), "FROZEN") == 0);
	CHECK(hakmem_set_phase("learn") == 0 && hakmem_set_phase("freeze") == 0);
	CHECK(hakmem_set_phase("off") == -EINVAL && hakmem_set_phase(NULL) == -EINVAL);
	CHECK(hakmem_set("elo", "off") == 0 && strcmp(hakmem_phase(), "OFF") == 0);
	CHECK(hakmem_set_phase("learn") == -ENOTSUP);
	CHECK(hakmem_set("elo", NULL) == 0 && strcmp(hakmem_phase(), "FROZEN") == 0);
}

static void *hammer(void *data)
{
	const char *mine = (const char *) data;
	char buf[HAKMEM_VALUE_MAX];
	uint64_t value;
	int i, r;

	for (i = 0; i < ROUNDS; i++) {
		r = hakmem_set("batch_max", mine);
		CHECK(r == 0 || r == -EAGAIN);
		CHECK(hakmem_get("batch_max", buf, sizeof(buf)) > 0 && strchr("1234", buf[0]) != NULL && buf[1] == '\0');
		CHECK(hakmem_stats("live_bytes", &value) == 0);
		free(malloc(100000));
	}
	return NULL;
}

static void threads_and_children(void)
{
	static char values[THREADS][2] = {"1", "2", "3", "4"};
	pthread_t thread[THREADS];
	uint64_t processes;
	int i, status = -1;
	pid_t child;

	CHECK(hakmem_set("batch_max", "1") == 0); /* a thread's first one may be refused while another's is not done yet */
	for (i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, hammer, values[i]) == 0);
	/* A child that is made in the middle of it. */
	child = fork();
	if (child == 0) {
		CHECK(hakmem_set("elo_window", "48") == 0 || hakmem_set("elo_window", "48") == 0);
		_exit(is("elo_window", "48") && hakmem_stats("processes", &processes) == 0 && processes == 2 ? 0 : 1);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	for (i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK(is("elo_window", "48")); /* one service, one configuration */
	CHECK(hakmem_set("elo_window", NULL) == 0 && hakmem_set("batch_max", NULL) == 0 && is("batch_max", "64"));
}

int main(int argc, char **argv)
{
#ifdef BY_NAME
	FIND(hakmem_version);
	FIND(hakmem_get);
	FIND(hakmem_set);
	FIND(hakmem_stats);
	FIND(hakmem_stats_each);
	FIND(hakmem_phase);
	FIND(hakmem_set_phase);
	FIND(hakmem_trim);
#endif
	errno = 4711;
	CHECK(strcmp(hakmem_version(), HAKMEM_VERSION) == 0);
	get_and_set();
	engine();
	CHECK(errno == 4711);
	in_force();
	counters();
	threads_and_children();
	CHECK(hakmem_set("purge_delay", "1234ms") == 0);
	puts("in use");
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "wait") == 0)
		pause();
	return 0;
}
