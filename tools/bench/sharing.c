/* SPDX-License-Identifier: MIT
 *
 * false-sharing: threads write small blocks many times, which is slow where blocks of two threads lie in
 * one cache line. Passive: the main thread hands every thread a block from one line; the thread frees it
 * and makes blocks of that size, which should not come from the line that the other one got. Active: all
 * threads make blocks at the same time. The threads meet before each iteration, so that they do.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define MOST_THREADS 256
#define OWN 8 /* blocks a thread writes by turns */
#define WRITES 25000

struct writer {
	pthread_t thread;
	unsigned number;
	uint64_t rounds;
};

static _Atomic uint32_t arrived, meeting;
static void *handed[MOST_THREADS];
static const size_t sizes[] = {8, 16, 24, 32, 48};

/* Spins for a moment, as they arrive together, then lets others run. */
static void meet(void)
{
	uint32_t now = atomic_load(&meeting);
	if (atomic_fetch_add(&arrived, 1) + 1 == thread_count) {
		atomic_store(&arrived, 0);
		atomic_fetch_add(&meeting, 1);
		return;
	}
	for (unsigned i = 0; atomic_load(&meeting) == now; i++)
		if (i > 2000)
			sched_yield();
}

static void write_all(volatile uint64_t **block, size_t count)
{
	for (unsigned i = 0; i < WRITES; i++)
		*block[i % count] += i;
}

static void write_own(size_t size)
{
	volatile uint64_t *block[OWN];
	for (int i = 0; i < OWN; i++) {
		block[i] = must(malloc(size));
		*block[i] = 0;
	}
	write_all(block, OWN);
	for (int i = 0; i < OWN; i++)
		free((void *) block[i]);
}

static void hand_out(size_t size)
{
	for (unsigned i = 0; i < thread_count; i++)
		handed[i] = must(malloc(size));
}

static void *writer_run(void *arg)
{
	struct writer *writer = arg;
	for (uint64_t i = 0; i < writer->rounds; i++) {
		size_t size = sizes[i % (sizeof sizes / sizeof sizes[0])];
		if (writer->number == 0)
			hand_out(size);
		meet();
		touch(handed[writer->number], size);
		free(handed[writer->number]);
		write_own(size); /* passive */
		meet();
		write_own(size); /* active */
		if (writer->number == 0)
			lap(2 * WRITES);
	}
	return NULL;
}

void scenario_false_sharing(uint64_t n)
{
	static struct writer writers[MOST_THREADS];
	for (unsigned i = 0; i < thread_count; i++) {
		writers[i].number = i;
		writers[i].rounds = n;
		if (i != 0 && pthread_create(&writers[i].thread, NULL, writer_run, &writers[i]) != 0)
			die("cannot start a thread");
	}
	writer_run(&writers[0]);
	for (unsigned i = 1; i < thread_count; i++)
		pthread_join(writers[i].thread, NULL);
}
