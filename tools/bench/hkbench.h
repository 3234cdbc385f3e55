/* SPDX-License-Identifier: MIT
 *
 * What the scenarios of hkbench and hkbench_cxx share: the random numbers, the clock of laps, the table.
 */
#ifndef HKBENCH_H
#define HKBENCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct scenario {
	const char *name;
	uint64_t iterations; /* default: some tenths of a second with the system's malloc */
	void (*run)(uint64_t iterations);
	const char *doc;  /* what one iteration is */
	unsigned threads; /* default of --threads, 0: four */
};

/* The table of the program. */
extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* The main thread of a scenario calls this after every `operations` operations; the time since the last
   call, per operation, is one sample of the latency figures. */
void lap(uint32_t operations);

/* The scenario sleeps, for what allocators do as time passes. Not counted as elapsed time. */
void rest(unsigned ms);

/* Threads of the threaded scenarios (--threads). */
extern unsigned thread_count;

/* Memory or death: a benchmark without memory has no result. */
void *must(void *p);
__attribute__((noreturn)) void die(const char *what);

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x;
}

/* Uniform in [0, n). */
static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t) (((random_next(state) >> 32) * n) >> 32);
}

/* Sizes as programs ask for them: mostly small, each doubling half as frequent, up to max. */
static inline size_t random_size(uint64_t *state, size_t max)
{
	unsigned zeros = (unsigned) __builtin_ctzll(random_next(state) | (uint64_t) 1 << 20);
	size_t top = (size_t) 32 << zeros;
	if (top > max)
		top = max;
	return 1 + random_below(state, (uint32_t) top);
}

/* Every doubling as frequent as the others: from `least` to `least` << doublings. */
static inline size_t random_log_size(uint64_t *state, size_t least, unsigned doublings)
{
	size_t base = least << random_below(state, doublings);
	return base + random_below(state, (uint32_t) base);
}

/* Use the block as a program does: its first and last bytes. */
static inline void touch(void *p, size_t size)
{
	volatile char *bytes = (volatile char *) p;
	bytes[0] = 1;
	bytes[size - 1] = 1;
}

/* Each page of it from there on. */
static inline void touch_pages(void *p, size_t from, size_t size)
{
	volatile char *bytes = (volatile char *) p;
	for (size_t i = from; i < size; i += 4096)
		bytes[i] = 1;
}

#ifdef __cplusplus
}
#endif

#endif
