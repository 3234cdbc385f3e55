/* SPDX-License-Identifier: MIT
 *
 * What the scenarios of hkbench share: the random numbers, the clock of laps, the table.
 */
#ifndef HKBENCH_H
#define HKBENCH_H

#include <stddef.h>
#include <stdint.h>

struct scenario {
	const char *name;
	uint64_t iterations; /* default: some tenths of a second with the system's malloc */
	void (*run)(uint64_t iterations);
	const char *doc; /* what one iteration is */
};

/* Defined by the scenario files. */
void scenario_vm(uint64_t n);
void scenario_mir(uint64_t n);
void scenario_tiny_hot(uint64_t n);
void scenario_cold_churn(uint64_t n);
void scenario_realloc_growth(uint64_t n);
void scenario_fragmentation(uint64_t n);
void scenario_json_parse(uint64_t n);
void scenario_larson(uint64_t n);
void scenario_producer_consumer(uint64_t n);
void scenario_symmetric(uint64_t n);

/* The main thread of a scenario calls this after every `operations` operations; the time since the last
   call, per operation, is one sample of the latency figures. */
void lap(uint32_t operations);

/* Threads of the threaded scenarios (--threads). */
extern unsigned thread_count;

/* Memory or death: a benchmark without memory has no result. */
void *must(void *p);
_Noreturn void die(const char *what);

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

/* Use the block as a program does: its first and last bytes. */
static inline void touch(void *p, size_t size)
{
	volatile char *bytes = p;
	bytes[0] = 1;
	bytes[size - 1] = 1;
}

#endif
