/* SPDX-License-Identifier: MIT
 *
 * hk_pool_run on threads of its own: one or two as a rule, since a look takes some microseconds, and more as long as the
 * kernel holds those that there are. (libuv's pool would start all of its threads for the first job.) A round lives until its
 * last thread has come back, be it too late. Its fields change under its lock.
 */
#include "ctl/pool.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define FIRST_THREADS 2
#define MOST_THREADS 64
#define STALL_MS 20 /* so long without a job done: one more thread */

void (*hk_pool_pause)(void);

struct round {
	uv_mutex_t lock;
	void (*work)(void *);
	void **jobs;
	bool *done; /* the caller's; NULL once it no longer waits */
	size_t n, next, left, left_before;
	unsigned threads, users; /* users: threads, handles that are not closed, the caller */
	bool late;
	uv_async_t wake;
	uv_timer_t deadline, stall;
};

static void drop(struct round *round)
{
	bool last;

	uv_mutex_lock(&round->lock);
	last = --round->users == 0;
	uv_mutex_unlock(&round->lock);
	if (!last)
		return;
	uv_mutex_destroy(&round->lock);
	free(round->jobs);
	free(round);
}

static void closed(uv_handle_t *handle)
{
	drop(handle->data);
}

/* ---- a thread ---- */

static void run(void *arg)
{
	struct round *round = arg;

	uv_mutex_lock(&round->lock);
	while (round->next < round->n) {
		size_t i = round->next++;

		uv_mutex_unlock(&round->lock);
		round->work(round->jobs[i]);
		if (hk_pool_pause != NULL)
			hk_pool_pause();
		uv_mutex_lock(&round->lock);
		if (round->done != NULL) {
			round->done[i] = true;
			round->left--;
			if (round->left == 0)
				uv_async_send(&round->wake);
		} else {
			free(round->jobs[i]);
		}
	}
	uv_mutex_unlock(&round->lock);
	drop(round);
}

static void add_thread(struct round *round)
{
	uv_thread_t thread;

	uv_mutex_lock(&round->lock);
	round->users++;
	uv_mutex_unlock(&round->lock);
	if (uv_thread_create(&thread, run, round) == 0) {
		round->threads++;
		(void) pthread_detach(thread);
		return;
	}
	drop(round);
	if (round->threads == 0) { /* no thread to be had: then here, and no deadline */
		uv_mutex_lock(&round->lock);
		round->users++;
		uv_mutex_unlock(&round->lock);
		run(round);
	}
}

/* ---- the caller ---- */

static void on_wake(uv_async_t *wake)
{
	(void) wake; /* the loop has turned, which is all */
}

static void too_late(uv_timer_t *timer)
{
	struct round *round = timer->data;

	round->late = true;
}

static void on_stall(uv_timer_t *timer)
{
	struct round *round = timer->data;
	bool stalled;

	uv_mutex_lock(&round->lock);
	stalled = round->left == round->left_before && round->next < round->n;
	round->left_before = round->left;
	uv_mutex_unlock(&round->lock);
	if (stalled && round->threads < MOST_THREADS)
		add_thread(round);
}

static struct round *make(void (*work)(void *), void **jobs, bool *done, size_t n)
{
	struct round *round = calloc(1, sizeof *round);

	if (round == NULL)
		return NULL;
	*round = (struct round){.work = work, .jobs = malloc(n * sizeof *jobs), .done = done, .n = n, .left = n, .users = 4};
	if (round->jobs == NULL || uv_mutex_init(&round->lock) != 0) {
		free(round->jobs);
		free(round);
		return NULL;
	}
	memcpy(round->jobs, jobs, n * sizeof *jobs);
	uv_async_init(uv_default_loop(), &round->wake, on_wake);
	uv_timer_init(uv_default_loop(), &round->deadline);
	uv_timer_init(uv_default_loop(), &round->stall);
	round->wake.data = round->deadline.data = round->stall.data = round;
	return round;
}

static bool is_over(struct round *round)
{
	bool over;

	uv_mutex_lock(&round->lock);
	over = round->left == 0;
	uv_mutex_unlock(&round->lock);
	return over;
}

/* What no thread has begun is nobody's any more. */
static void give_up(struct round *round)
{
	uv_mutex_lock(&round->lock);
	round->done = NULL;
	while (round->next < round->n)
		free(round->jobs[round->next++]);
	uv_mutex_unlock(&round->lock);
}

void hk_pool_run(void (*work)(void *), void **jobs, bool *done, size_t n, unsigned timeout_ms)
{
	struct round *round;

	memset(done, 0, n * sizeof *done);
	round = n > 0 ? make(work, jobs, done, n) : NULL;
	if (round == NULL)
		return;
	uv_timer_start(&round->deadline, too_late, timeout_ms, 0);
	uv_timer_start(&round->stall, on_stall, STALL_MS, STALL_MS);
	for (size_t i = 0; i < FIRST_THREADS && i < n; i++)
		add_thread(round);
	while (!is_over(round) && !round->late)
		uv_run(uv_default_loop(), UV_RUN_ONCE);
	give_up(round);
	uv_close((uv_handle_t *) &round->wake, closed);
	uv_close((uv_handle_t *) &round->deadline, closed);
	uv_close((uv_handle_t *) &round->stall, closed);
	drop(round);
}
