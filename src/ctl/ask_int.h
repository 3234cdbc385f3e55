/* SPDX-License-Identifier: MIT
 *
 * Between ask.c (who is asked, and what becomes of it) and door1.c (the socket).
 */
#ifndef HK_CTL_ASK_INT_H
#define HK_CTL_ASK_INT_H

#include "ctl/ask.h"
#include "ctl/door2.h"

#include <uv.h>

/* One service being asked. It outlives the answer while handles of its are still closing, or while a thread is
   held in the kernel: ask and answer are the caller's and not to be touched once the task is finished. */
struct hk_task {
	const struct hk_ask *ask;
	struct hk_answer *answer;
	unsigned *left; /* tasks under way */
	unsigned users; /* the request itself, handles that are not closed, a thread: the last one frees it */
	/* Door 1 */
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write, probe;
	uv_timer_t deadline, again, hedge;
	char *request; /* the line with its newline */
	char *text;    /* HK_REPLY_MAX bytes */
	size_t used;
	bool probing; /* "version" first: does the thread answer at all? */
	bool sent, door1_over;
	/* Door 2 */
	uv_work_t work;
	uv_timer_t patience;
	struct hk_door2 *door2;
	char *line; /* door 2's copy of the request */
	struct hk_task *next_late;
	bool door2_over;
};

void hk_task_drop(struct hk_task *task);
/* Close one of its handles, which task->users has counted since it was initialised. */
void hk_task_close(uv_handle_t *handle);

/* Start door 1; ends in exactly one call of hk_task_reply or hk_task_door1_failed. */
void hk_door1_start(struct hk_task *task);

/* Door 1 (door 2) has said text: judge it. */
void hk_task_reply(struct hk_task *task, int door, const char *text, size_t size);
/* Is there another way, and may it be taken? Then take it: door 1 was given up. */
bool hk_task_may_take_door2(const struct hk_task *task);
void hk_task_take_door2(struct hk_task *task);
/* Door 1 did not answer. uncertain: the request may have been taken, or may yet be. */
void hk_task_door1_failed(struct hk_task *task, bool uncertain, const char *format, ...) HK_PRINTF(3, 4);

#endif
