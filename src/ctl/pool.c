/* SPDX-License-Identifier: MIT
 *
 * hk_pool_run on uv_queue_work. A round lives until its last job has come back, be it too late.
 */
#include "ctl/pool.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct round {
	void (*work)(void *);
	bool *done; /* the caller's; NULL once it no longer waits */
	size_t left;
	bool late;
	uv_timer_t timer;
};

struct item {
	uv_work_t request;
	struct round *round;
	void *job;
	size_t index;
};

static void do_work(uv_work_t *request)
{
	struct item *item = request->data;

	item->round->work(item->job);
}

static void free_timer(uv_handle_t *handle)
{
	free(handle->data);
}

static void after_work(uv_work_t *request, int status)
{
	struct item *item = request->data;
	struct round *round = item->round;

	(void) status;
	if (round->done != NULL)
		round->done[item->index] = true;
	else
		free(item->job);
	free(item);
	if (--round->left == 0 && round->done == NULL)
		uv_close((uv_handle_t *) &round->timer, free_timer);
}

static void too_late(uv_timer_t *timer)
{
	struct round *round = timer->data;

	round->late = true;
}

void hk_pool_run(void (*work)(void *), void **jobs, bool *done, size_t n, unsigned timeout_ms)
{
	uv_loop_t *loop = uv_default_loop();
	struct round *round = calloc(1, sizeof *round);

	memset(done, 0, n * sizeof *done);
	if (round == NULL)
		return;
	*round = (struct round){.work = work, .done = done};
	uv_timer_init(loop, &round->timer);
	round->timer.data = round;
	for (size_t i = 0; i < n; i++) {
		struct item *item = calloc(1, sizeof *item);
		if (item == NULL)
			break;
		*item = (struct item){.round = round, .job = jobs[i], .index = i};
		item->request.data = item;
		if (uv_queue_work(loop, &item->request, do_work, after_work) == 0)
			round->left++;
		else
			free(item);
	}
	uv_timer_start(&round->timer, too_late, timeout_ms, 0);
	while (round->left > 0 && !round->late)
		uv_run(loop, UV_RUN_ONCE);
	round->done = NULL;
	if (round->left == 0)
		uv_close((uv_handle_t *) &round->timer, free_timer);
}
