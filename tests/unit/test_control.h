/* SPDX-License-Identifier: MIT
 *
 * What the control tests share: a block as hk_process_start makes it, in ordinary memory, and requests to it.
 */
#ifndef TEST_CONTROL_H
#define TEST_CONTROL_H

#include "control/block.h"

#include <check.h>
#include <jansson.h>

/* A block of this process with the configuration in ini ("" = none), published as generation 2. */
struct hk_block *block_make(const char *ini);
void block_drop(struct hk_block *block);
void block_write_ini(const char *text);
extern char block_ini[64];

/* Run a request, publish what it changed; the reply, parsed. Drop with json_decref. */
json_t *ask(struct hk_block *block, const char *line);
/* The same, asserting "ok". */
json_t *ask_ok(struct hk_block *block, const char *line);
/* The same, asserting a refusal that contains text. */
void ask_refused(struct hk_block *block, const char *line, const char *text);
/* One key's value, origin or pending ("null" if null) as get shows it; static buffer. */
const char *get(struct hk_block *block, const char *key, const char *field);

TCase *case_block(void);
TCase *case_json(void);
TCase *case_verbs(void);
TCase *case_slots(void);
TCase *case_live(void);
TCase *case_forged(void);

#endif
