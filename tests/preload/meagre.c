/* SPDX-License-Identifier: MIT
 *
 * A program that goes on with whatever it is given: memory, threads, processes. For tests that take such things away; it
 * ends with 0 unless memory was spoilt, and says what it got. Commands, carried out in turn: see main.
 */
#include "t.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <threads.h>

#define BLOCKS 200

static void say(const char *text)
{
	(void) !write(1, text, strlen(text));
}

/* ---- memory as it comes ---- */

static size_t size_of(unsigned i)
{
	static const size_t most[] = {64, 1024, 9000, 40000, 300000, 64, 2048, 2000000};

	return 1 + i * 7919U % most[i % 8];
}

/* Contents are looked at in the first bytes and the last: the sizes are what varies. */
static size_t edge(size_t size)
{
	return size < 4096 ? size : 4096;
}

static void set(char *p, size_t size, unsigned tag)
{
	fill(p, edge(size), tag);
	fill(p + size - edge(size), edge(size), tag);
}

static void check(const char *p, size_t size, unsigned tag)
{
	CHECK(holds(p, edge(size), tag) && holds(p + size - edge(size), edge(size), tag));
}

static char *some(unsigned i)
{
	size_t size = size_of(i);
	char *p;

	errno = 0;
	p = (char *) (i % 3 == 0 ? hidden(calloc(1, size)) : i % 3 == 1 ? NEW(size) : hidden(memalign(64, size)));
	CHECK(p != NULL || errno == ENOMEM);
	if (p == NULL)
		return NULL;
	CHECK(i % 3 != 0 || (holds(p, edge(size), 0) && holds(p + size - edge(size), edge(size), 0)));
	set(p, size, i);
	return p;
}

static void *work(void *unused)
{
	char *p[BLOCKS];

	for (unsigned i = 0; i < BLOCKS; i++)
		p[i] = some(i);
	for (unsigned i = 0; i < BLOCKS; i += 2) {
		char *q = p[i] != NULL ? (char *) hidden(realloc(p[i], size_of(i) + 50000)) : NULL;

		if (q != NULL) {
			p[i] = q;
			CHECK(holds(q, edge(size_of(i)), i));
			set(q, size_of(i), i);
		}
	}
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (p[i] != NULL)
			check(p[i], size_of(i), i);
		free(p[i]);
	}
	(void) malloc_trim(0);
	return unused;
}

static void threads_and_children(void)
{
	pthread_t thread[2];
	int ok[2], status = 0;
	pid_t pid;

	for (int i = 0; i < 2; i++)
		ok[i] = pthread_create(&thread[i], NULL, work, NULL) == 0;
	pid = fork();
	if (pid == 0) {
		(void) work(NULL);
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		if (ok[i])
			(void) pthread_join(thread[i], NULL);
	if (pid > 0)
		CHECK(waitpid(pid, &status, 0) != pid || status == 0);
	say(ok[0] && ok[1] ? "threads " : "no threads ");
	say(pid > 0 ? "child " : "no child ");
}

/* ---- all of it ---- */

static unsigned long address_space_kb(void)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		(void) close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "VmSize:");
	return at != NULL ? strtoul(at + 7, NULL, 10) : 0;
}

/* There is no more of that size: to ask again and again costs nothing. */
static void insist(size_t size)
{
	unsigned long before = address_space_kb();

	for (int i = 0; i < 100; i++) {
		free(hidden(malloc(size)));
		free(hidden(malloc(30000000)));
		free(hidden(memalign((size_t) 1 << 25, 20000000)));
	}
	CHECK(address_space_kb() <= before + 150000);
}

/* Until there is no more; how much that was. */
static size_t take_all(size_t size)
{
	char **list = NULL, **p;
	size_t sum = 0, n = 0;

	while ((p = (char **) NEW(size)) != NULL) {
		*p = (char *) list;
		fill(p + 1, 1000, (unsigned) n++);
		list = p;
		sum += size;
	}
	CHECK(errno == ENOMEM);
	insist(size);
	while (list != NULL) {
		char **next = (char **) (void *) *list;

		CHECK(holds(list + 1, 1000, (unsigned) --n));
		free(list);
		list = next;
	}
	return sum;
}

/* To the limit, with each size; refusals take nothing, and what was freed can be had again. */
static void take_everything(void)
{
	static const size_t sizes[] = {1500, 40000, 600000, 5000000};
	size_t first = take_all(600000);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int k = 0; k < 2; k++) {
			CHECK(take_all(sizes[i]) > 0);
			(void) malloc_trim(0);
		}
	CHECK(take_all(600000) >= first / 10 * 8);
	say(first > 0 ? "filled " : "nothing ");
}

/* No further mapping is allowed; then they are again. */
static void take_mappings(void)
{
	enum { MOST = 70000 };
	static void *map[MOST];
	size_t n = 0;

	while (n < MOST && (map[n] = mmap(NULL, 4096, n % 2 == 0 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED)
		n++;
	(void) work(NULL);
	for (unsigned i = 0; i < 40; i++)
		free(hidden(realloc(NEW(30000000 + i * 1000000), 100000000)));
	(void) work(NULL);
	for (size_t i = 0; i < n; i++)
		CHECK(munmap(map[i], 4096) == 0);
	for (unsigned i = 0; i < BLOCKS; i++) {
		char *p = some(i);

		CHECK(p != NULL);
		free(p);
	}
	say(n < MOST ? "full " : "not full ");
}

/* ---- descriptors ---- */

/* All are closed, whoever they are of, and their numbers used for something else: that stays as it is. */
static void reuse_descriptors(void)
{
	enum { PIPES = 20 };
	int fd[PIPES][2];
	char c = 0;

	for (int i = 0; i < 64; i++)
		(void) close(i);
	for (int i = 0; i < PIPES; i++) {
		CHECK(pipe(fd[i]) == 0 && fd[i][0] == 2 * i && fd[i][1] == 2 * i + 1);
		CHECK(write(fd[i][1], "abc", 3) == 3);
	}
	for (int i = 0; i < 2; i++) {
		threads_and_children();
		(void) usleep(20000);
	}
	for (int i = 0; i < PIPES; i++) {
		char text[4] = "";

		/* say() wrote to 1, which is the first pipe now */
		CHECK(read(fd[i][0], text, 3) == 3 && memcmp(text, "abc", 3) == 0);
		CHECK(close(fd[i][1]) == 0);
		while (read(fd[i][0], &c, 1) == 1) /* nobody else holds the other end */
			CHECK(i == 0);
		CHECK(close(fd[i][0]) == 0);
	}
}

/* As few descriptors as the program has, from now on. */
static void limit_descriptors(void)
{
	struct rlimit limit = {0, 0};

	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static long cpu_us(void)
{
	struct rusage usage;

	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* This process does nothing for a while: neither may anybody else in it be busy. A slow machine makes it less, not more. */
static void rest(void)
{
	long before = cpu_us();

	(void) usleep(700000);
	CHECK(cpu_us() - before < 100000);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "work") == 0)
			(void) work(NULL);
		else if (strcmp(argv[i], "threads") == 0)
			threads_and_children();
		else if (strcmp(argv[i], "everything") == 0)
			take_everything();
		else if (strcmp(argv[i], "mappings") == 0)
			take_mappings();
		else if (strcmp(argv[i], "descriptors") == 0)
			reuse_descriptors();
		else if (strcmp(argv[i], "nofile") == 0)
			limit_descriptors();
		else if (strcmp(argv[i], "rest") == 0)
			rest();
		else if (strcmp(argv[i], "leave") == 0)
			thrd_exit(0); /* not through pthread_exit; the process ends with its last thread */
		else
			return 2;
	}
	return 0;
}
