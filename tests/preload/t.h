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

/* Resident bytes of this process. */
static inline size_t rss_bytes(void)
{
	char text[128];
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size = 0, resident = 0;

	CHECK(f != NULL && fgets(text, sizeof(text), f) != NULL);
	CHECK(sscanf(text, "%lu %lu", &size, &resident) == 2);
	fclose(f);
	return resident * 4096;
}

#endif
