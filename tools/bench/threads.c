/* SPDX-License-Identifier: MIT
 *
 * Scenarios of several threads. Blocks change hands through plain arrays and rings of our own,
 * so that nothing but the allocator is shared. Laps are those of the main thread alone.
 */
#include "hkbench.h"
#include "scenarios.h"
#include "ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* ---- larson: a server whose connections outlive its threads ---- */

#define TABLE 1000
#define REIGN 50000 /* replacements before a thread hands its table to a new one */

struct worker {
	pthread_t thread;
	uint64_t seed, left;
	void *table[TABLE];
};

static void *larson_reign(void *arg)
{
	struct worker *worker = arg;
	uint64_t n = worker->left < REIGN ? worker->left : REIGN;
	for (uint64_t i = 0; i < n; i++) {
		void **at = &worker->table[random_below(&worker->seed, TABLE)];
		size_t size = 16 + random_below(&worker->seed, 1000);
		free(*at);
		*at = must(malloc(size));
		touch(*at, size);
	}
	worker->left -= n;
	return NULL;
}

static void start(struct worker *worker)
{
	if (pthread_create(&worker->thread, NULL, larson_reign, worker) != 0)
		die("cannot start a thread");
}

void scenario_larson(uint64_t n)
{
	static struct worker workers[256];
	for (unsigned i = 0; i < thread_count; i++) {
		workers[i].seed = 17 + i;
		workers[i].left = n / thread_count;
		start(&workers[i]);
	}
	for (unsigned busy = thread_count; busy > 0;) {
		busy = 0;
		for (unsigned i = 0; i < thread_count; i++) {
			if (workers[i].thread == 0)
				continue;
			pthread_join(workers[i].thread, NULL);
			workers[i].thread = 0;
			if (workers[i].left != 0) {
				start(&workers[i]);
				busy++;
			}
		}
		lap(REIGN * thread_count);
	}
	for (unsigned i = 0; i < thread_count; i++)
		for (int j = 0; j < TABLE; j++) {
			free(workers[i].table[j]);
			workers[i].table[j] = NULL;
		}
}

/* ---- hand-over through rings ---- */

/* One end: makes `make` blocks for out and frees `take` from in, a batch of each in turn. */
struct end {
	struct ring *in, *out;
	uint64_t seed, make, take;
	int laps;
};

#define TURN 256

static unsigned produce(struct end *end)
{
	unsigned n = 0;
	uint64_t room = end->make != 0 ? ring_room(end->out) : 0;
	for (; n < TURN && n < room && end->make != 0; n++, end->make--) {
		size_t size = random_size(&end->seed, 2048);
		void *p = must(malloc(size));
		touch(p, size);
		ring_put(end->out, p);
	}
	return n;
}

static unsigned consume(struct end *end)
{
	unsigned n = 0;
	void *p;
	for (; n < TURN && end->take != 0 && (p = ring_get(end->in)) != NULL; n++, end->take--)
		free(p);
	return n;
}

static void *end_run(void *arg)
{
	struct end *end = arg;
	unsigned since = 0;
	while (end->make != 0 || end->take != 0) {
		unsigned n = produce(end) + consume(end);
		since += n;
		if (end->laps && since >= 4 * TURN) {
			lap(since);
			since = 0;
		}
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void run_pair(struct end *a, struct end *b)
{
	pthread_t thread;
	a->laps = 1;
	if (pthread_create(&thread, NULL, end_run, b) != 0)
		die("cannot start a thread");
	end_run(a);
	pthread_join(thread, NULL);
}

void scenario_producer_consumer(uint64_t n)
{
	static struct ring ring;
	struct end producer = {.out = &ring, .seed = 18, .make = n};
	struct end consumer = {.in = &ring, .seed = 19, .take = n};
	run_pair(&producer, &consumer);
}

void scenario_symmetric(uint64_t n)
{
	static struct ring there, back;
	struct end a = {.in = &back, .out = &there, .seed = 20, .make = n / 2, .take = n / 2};
	struct end b = {.in = &there, .out = &back, .seed = 21, .make = n / 2, .take = n / 2};
	run_pair(&a, &b);
}
