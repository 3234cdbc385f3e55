/* SPDX-License-Identifier: MIT
 *
 * Threads as servers have them: many that come and go, more than there are processors, and requests that pass
 * from one to another and back. Laps are those of the main thread alone.
 */
#include "hkbench.h"
#include "ring.h"
#include "scenarios.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 256

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	if (pthread_create(thread, NULL, run, arg) != 0)
		die("cannot start a thread");
}

/* ---- short-threads ---- */

#define BLOCKS 300
#define LEFT 8

struct visit {
	pthread_t thread;
	uint64_t seed;
	void *left[LEFT]; /* the result, for the main thread to free */
};

static void *visit_run(void *arg)
{
	struct visit *visit = arg;
	void *block[BLOCKS];
	for (int i = 0; i < BLOCKS; i++) {
		size_t size = random_size(&visit->seed, 4096);
		block[i] = must(malloc(size));
		touch(block[i], size);
	}
	for (int i = 0; i < BLOCKS; i++)
		if (i < LEFT)
			visit->left[i] = block[i];
		else
			free(block[i]);
	return NULL;
}

void scenario_short_threads(uint64_t n)
{
	static struct visit visits[MOST_THREADS];
	for (uint64_t done = 0; done < n;) {
		unsigned now = n - done < thread_count ? (unsigned) (n - done) : thread_count;
		for (unsigned i = 0; i < now; i++) {
			visits[i].seed = 38 + done + i;
			start(&visits[i].thread, visit_run, &visits[i]);
		}
		for (unsigned i = 0; i < now; i++) {
			pthread_join(visits[i].thread, NULL);
			for (int j = 0; j < LEFT; j++)
				free(visits[i].left[j]);
		}
		done += now;
		lap(now);
	}
}

/* ---- threads-many ---- */

#define TABLE 500

struct churner {
	pthread_t thread;
	uint64_t seed, work;
	void *table[TABLE];
};

static void *churn(void *arg)
{
	struct churner *churner = arg;
	for (uint64_t i = 0; i < churner->work; i++) {
		void **at = &churner->table[random_below(&churner->seed, TABLE)];
		size_t size = random_size(&churner->seed, 1U << 15);
		free(*at);
		*at = must(malloc(size));
		touch(*at, size);
	}
	for (int i = 0; i < TABLE; i++) {
		free(churner->table[i]);
		churner->table[i] = NULL;
	}
	return NULL;
}

void scenario_threads_many(uint64_t n)
{
	static struct churner churners[MOST_THREADS];
	for (unsigned i = 0; i < thread_count; i++) {
		churners[i].seed = 39 + i;
		churners[i].work = n / thread_count;
		start(&churners[i].thread, churn, &churners[i]);
	}
	for (unsigned i = 0; i < thread_count; i++)
		pthread_join(churners[i].thread, NULL);
	lap((uint32_t) n);
}

/* ---- batch-handover ---- */

#define PARTS 100
#define IN_FLIGHT 32

struct request {
	unsigned count;
	struct part {
		void *block;
		size_t size;
	} part[PARTS];
};

struct worker {
	struct ring in, out;
	uint64_t count;
};

static struct request *make_request(uint64_t *seed)
{
	struct request *request = must(malloc(sizeof *request));
	request->count = PARTS;
	for (unsigned i = 0; i < PARTS; i++) {
		struct part *part = &request->part[i];
		part->size = random_size(seed, 8192);
		part->block = must(malloc(part->size));
		touch(part->block, part->size);
	}
	return request;
}

/* Every second part goes; the worker adds an answer in the place of the first of them. */
static void process(struct request *request)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < request->count; i++) {
		struct part part = request->part[i];
		touch(part.block, part.size);
		if (i % 2 == 0)
			free(part.block);
		else
			request->part[kept++] = part;
	}
	request->part[kept++] = (struct part){must(calloc(1, 256)), 256};
	request->count = kept;
}

static void finish(struct request *request)
{
	for (unsigned i = 0; i < request->count; i++)
		free(request->part[i].block);
	free(request);
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	while (worker->count != 0) {
		struct request *request = ring_get(&worker->in);
		if (request == NULL) {
			sched_yield();
			continue;
		}
		process(request);
		ring_put(&worker->out, request);
		worker->count--;
	}
	return NULL;
}

void scenario_batch_handover(uint64_t n)
{
	static struct worker worker;
	pthread_t thread;
	uint64_t seed = 40, sent = 0, finished = 0;
	worker.count = n;
	start(&thread, worker_run, &worker);
	while (finished < n) {
		struct request *request;
		unsigned did = 0;
		for (; sent < n && sent - finished < IN_FLIGHT; sent++, did++)
			ring_put(&worker.in, make_request(&seed));
		for (; (request = ring_get(&worker.out)) != NULL; finished++, did++)
			finish(request);
		if (did == 0)
			sched_yield();
		else
			lap(did);
	}
	pthread_join(thread, NULL);
}
