/* SPDX-License-Identifier: MIT
 *
 * Frame of the preload test programs, C and C++. Each is first run on the C library alone, which
 * proves the test, then preloaded. No test framework: the allocator under test is the only one here.
 */
#ifndef HK_TESTS_T_H
#define HK_TESTS_T_H

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C"
#else
extern
#endif
const char *hakmem_version(void) __attribute__((weak));

#define HAVE_HAKMEM (hakmem_version != NULL)

/* Unlike assert, it works without allocating and is never compiled out. */
#define CHECK(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			dprintf(2, "%s:%d: failed: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
			_exit(1);                                                                            \
		}                                                                                            \
	} while (0)

/* The compiler must not know where a pointer comes from, or it would drop the calls under test. */
static inline void *hidden(void *p)
{
	void *volatile q = p;

	return q;
}

static inline size_t hidden_size(size_t n)
{
	volatile size_t m = n;

	return m;
}

#define NEW(size) hidden(malloc(size))

/* Small, reproducible random numbers; each thread brings its own state. */
static inline uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t) (*state >> 33);
}

static inline void fill(void *p, size_t n, unsigned seed)
{
	memset(p, (int) (seed & 255), n);
}

static inline int holds(const void *p, size_t n, unsigned seed)
{
	const unsigned char *c = (const unsigned char *) p;

	for (size_t i = 0; i < n; i++)
		if (c[i] != (seed & 255))
			return 0;
	return 1;
}

/* The end of a child, with this status. */
static inline void waited(pid_t pid, int wanted)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

/* For a thread that does so as long as the process lives. */
static inline void *allocate_for_ever(void *seed)
{
	uint64_t state = (uint64_t) (uintptr_t) seed;

	for (;;)
		free(NEW(1 + draw(&state) % 100000));
	return NULL;
}

/* Bytes of address space of this process, and resident ones. */
static inline void bytes_used(size_t *ret_size, size_t *ret_resident)
{
	size_t page = (size_t) sysconf(_SC_PAGESIZE);
	unsigned long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	CHECK(f != NULL && fscanf(f, "%lu %lu", &size, &resident) == 2);
	(void) fclose(f);
	*ret_size = size * page;
	*ret_resident = resident * page;
}

static inline size_t rss_bytes(void)
{
	size_t size, resident;

	bytes_used(&size, &resident);
	return resident;
}

/* Of address space there are only so many bytes more from now on. */
static inline void leave_address_space(size_t bytes)
{
	struct rlimit limit;
	size_t size, resident;

	bytes_used(&size, &resident);
	CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = size + bytes;
	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

#endif
