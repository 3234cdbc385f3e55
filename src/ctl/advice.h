/* SPDX-License-Identifier: MIT
 *
 * What stands out in the memory of a service, and which key would change it by how much.
 */
#ifndef HK_CTL_ADVICE_H
#define HK_CTL_ADVICE_H

#include "ctl/account.h"

#include <jansson.h>

#define HK_ADVICE_MAX 8

struct hk_picture {
	uint64_t part[HK_PART_COUNT], all; /* of the whole service */
	uint64_t resting, overdue, huge_in_slabs, huge_in_blocks, swap, threads;
	uint64_t small_live, large_live, large_blocks, class_bytes[HK_CLASSES];
	unsigned processes;
	pid_t pid;            /* for commands that name the service */
	const json_t *keys;   /* as get tells them, or NULL */
	const json_t *status; /* the reply of status, or NULL */
};

struct hk_advice {
	char text[640];
	char key[24], value[24]; /* "" where no key helps; key "trim" is the verb */
	uint64_t bytes;          /* that it would give back, about; without a key: that it is about */
};

/* The value of a key in force, or "?"; in one of output.h's buffers. */
const char *hk_picture_key(const struct hk_picture *picture, const char *name);
/* The weightiest first. Returns how many; at least one. */
unsigned hk_advise(const struct hk_picture *picture, struct hk_advice ret[HK_ADVICE_MAX]);

#endif
