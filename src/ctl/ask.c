/* SPDX-License-Identifier: MIT
 *
 * Which door is taken, what happens when it does not open, and what a reply must look like. All
 * services are asked at the same time on one loop; door 2 runs on worker threads. A request that
 * changes something is not repeated at the other door once door 1 may have taken it.
 */
#include "ctl/ask_int.h"
#include "ctl/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hk_task_drop(struct hk_task *task)
{
	if (--task->users > 0)
		return;
	free(task->request);
	free(task->text);
	free(task->door2);
	free(task->line);
	free(task);
}

static void closed(uv_handle_t *handle)
{
	hk_task_drop(handle->data);
}

void hk_task_close(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, closed);
}

/* The answer is complete. */
static void finish(struct hk_task *task)
{
	--*task->left;
	hk_task_drop(task);
}

void hk_task_reply(struct hk_task *task, int door, const char *text, size_t size)
{
	struct hk_answer *answer = task->answer;
	json_error_t why;
	json_t *reply = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
	const json_t *ok;

	if (reply == NULL) /* a counter that is short below zero is no number of jansson's: still show the rest */
		reply = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
	ok = json_object_get(reply, "ok");
	answer->door = door;
	if (!json_is_boolean(ok)) {
		snprintf(answer->error, sizeof answer->error, "its reply is not one of hakmem's (%s): refused",
		         reply == NULL ? why.text : "no \"ok\" in it");
		hk_text_tame(answer->error, sizeof answer->error); /* jansson quotes what it did not expect */
		json_decref(reply);
	} else if (!json_is_true(ok)) {
		const char *error = json_string_value(json_object_get(reply, "error"));
		snprintf(answer->error, sizeof answer->error, "%s", error != NULL ? error : "refused");
		hk_text_tame(answer->error, sizeof answer->error); /* a stranger's, and maybe cut within a character */
		answer->reply = reply;
	} else {
		answer->reply = reply;
	}
	finish(task);
}

/* ---- door 2 ---- */

static void queued_work(uv_work_t *work)
{
	struct hk_task *task = work->data;

	hk_door2_run(task->door2);
}

static void door2_done(struct hk_task *task)
{
	struct hk_door2 *job = task->door2;
	struct hk_answer *answer = task->answer;

	if (job->error[0] != '\0') {
		snprintf(answer->error, sizeof answer->error, "%s", job->error);
		finish(task);
		return;
	}
	if (job->raced > 0)
		snprintf(answer->note, sizeof answer->note,
		         "another operator changed it at the same time; done on top of that change");
	hk_task_reply(task, 2, job->reply, strlen(job->reply));
}

/* Tasks whose thread the kernel still holds, though nobody waits for it any more. Who asks again and again must
   not lose one more thread each time. */
static struct hk_task *late;

static bool is_late(pid_t pid)
{
	for (const struct hk_task *task = late; task != NULL; task = task->next_late)
		if (task->door2->pid == pid)
			return true;
	return false;
}

static void came_back(struct hk_task *task)
{
	for (struct hk_task **at = &late; *at != NULL; at = &(*at)->next_late)
		if (*at == task) {
			*at = task->next_late;
			break;
		}
}

static void after_work(uv_work_t *work, int status)
{
	struct hk_task *task = work->data;

	(void) status;
	came_back(task);
	if (!task->door2_over) {
		task->door2_over = true;
		hk_task_close((uv_handle_t *) &task->patience);
		door2_done(task);
	}
	hk_task_drop(task);
}

static void door2_too_late(uv_timer_t *timer)
{
	struct hk_task *task = timer->data;

	task->door2_over = true; /* its memory now belongs to the thread */
	task->next_late = late;
	late = task;
	hk_task_close((uv_handle_t *) timer);
	snprintf(task->answer->error, sizeof task->answer->error,
	         "the kernel did not let its memory be read within %u ms", task->ask->timeout_ms);
	finish(task);
}

bool hk_task_may_take_door2(const struct hk_task *task)
{
	return task->answer->service->seen.state == HK_SEEN_BLOCK && task->ask->door != 1;
}

void hk_task_take_door2(struct hk_task *task)
{
	const struct hk_seen *seen = &task->answer->service->seen;
	struct hk_door2 *job;

	if (is_late(seen->pid)) {
		snprintf(task->answer->error, sizeof task->answer->error,
		         "the kernel still does not let its memory be read (an earlier request waits for it)");
		finish(task);
		return;
	}
	job = calloc(1, sizeof *job);
	task->line = strdup(task->ask->line);
	if (job == NULL || task->line == NULL)
		hk_out_of_memory();
	*job = (struct hk_door2){.pid = seen->pid, .uid = seen->uid, .gid = seen->gid, .block = seen->block};
	job->line = task->line;
	task->door2 = job;
	task->work.data = task;
	task->users += 2; /* the timer, the thread */
	uv_timer_init(uv_default_loop(), &task->patience);
	task->patience.data = task;
	uv_timer_start(&task->patience, door2_too_late, task->ask->timeout_ms, 0);
	uv_queue_work(uv_default_loop(), &task->work, queued_work, after_work);
}

/* Why door 2 is closed, for one whose door 1 is, too. */
static void explain_closed(const struct hk_seen *seen, char *error, size_t size)
{
	if (seen->state == HK_SEEN_FOREIGN && seen->layout != 0)
		snprintf(error, size,
		         "the process runs hakmem %s, layout %u; this hakmemctl knows layout %u: restart the process "
		         "or use the matching hakmemctl",
		         seen->version, seen->layout, HK_BLOCK_LAYOUT);
	else if (seen->state == HK_SEEN_FOREIGN)
		snprintf(error, size, "its control block is not one that this hakmemctl knows");
	else if (seen->state == HK_SEEN_REFUSED || seen->state == HK_SEEN_HIDDEN)
		snprintf(error, size, "%s", HK_DOOR2_REFUSED);
	else if (seen->state == HK_SEEN_NO_BLOCK)
		snprintf(error, size, "libhakmem.so is mapped, but has no control block (is it still starting?)");
	else
		snprintf(error, size, "it has no control block that could be read instead");
}

void hk_task_door1_failed(struct hk_task *task, bool uncertain, const char *format, ...)
{
	struct hk_answer *answer = task->answer;
	char why[384];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	if (uncertain && task->ask->changes) {
		snprintf(answer->error, sizeof answer->error,
		         "%s; it is not certain whether the request was carried out%s", why,
		         answer->service->seen.state == HK_SEEN_BLOCK ? " (--door=2 goes past the thread)" : "");
		finish(task);
	} else if (hk_task_may_take_door2(task)) {
		snprintf(answer->note, sizeof answer->note, "door 1: %.160s; taken: door 2", why);
		hk_task_take_door2(task);
	} else {
		snprintf(answer->error, sizeof answer->error, "%s", why);
		finish(task);
	}
}

static void start(struct hk_task *task)
{
	const struct hk_service *service = task->answer->service;
	char *error = task->answer->error;

	if (service->socket[0] != '\0' && task->ask->door != 2) {
		hk_door1_start(task);
	} else if (task->ask->door == 1) {
		snprintf(error, sizeof task->answer->error, "it has no control socket (control = on makes one)");
		finish(task);
	} else if (service->seen.state == HK_SEEN_BLOCK) {
		hk_task_take_door2(task);
	} else {
		explain_closed(&service->seen, error, sizeof task->answer->error);
		finish(task);
	}
}

unsigned hk_ask(const struct hk_ask *ask, const struct hk_services *services, struct hk_answer *ret)
{
	unsigned left = services->n, failed = 0;

	for (unsigned i = 0; i < services->n; i++) {
		struct hk_task *task = calloc(1, sizeof *task);
		if (task == NULL)
			hk_out_of_memory();
		ret[i] = (struct hk_answer){.service = &services->at[i]};
		*task = (struct hk_task){.ask = ask, .answer = &ret[i], .left = &left, .users = 1};
		start(task);
	}
	while (left > 0)
		uv_run(uv_default_loop(), UV_RUN_ONCE);
	for (unsigned i = 0; i < services->n; i++)
		failed += ret[i].error[0] != '\0';
	return failed;
}

void hk_answers_drop(struct hk_answer *answers, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		json_decref(answers[i].reply);
}
