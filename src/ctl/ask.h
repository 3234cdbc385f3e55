/* SPDX-License-Identifier: MIT
 *
 * One request to many services at once, each through the door that opens.
 */
#ifndef HK_CTL_ASK_H
#define HK_CTL_ASK_H

#include "ctl/service.h"

#include <jansson.h>

struct hk_ask {
	const char *line; /* "set purge_delay=2s" */
	bool changes;     /* the verb changes something: never asked twice */
	int door;         /* 1 or 2: this one only; 0: 1, else 2 */
	unsigned timeout_ms;
};

struct hk_answer {
	const struct hk_service *service;
	int door;        /* that answered; 0: none */
	json_t *reply;   /* the object of the reply, "ok" included, or NULL */
	char error[512]; /* "" when the reply says ok */
	char note[256];  /* for people, e.g. why the other door was taken */
};

/* One answer per service, in their order. Returns the number of those that failed. Main thread: runs the default loop until
   all have answered or are out of time, so not to be called from a callback of it. timeout_ms is for each door,
   and starts anew where the first is given up for the second. Answers point into services. */
unsigned hk_ask(const struct hk_ask *ask, const struct hk_services *services, struct hk_answer *ret);
/* The replies; the array is the caller's. */
void hk_answers_drop(struct hk_answer *answers, unsigned n);

#endif
