/* SPDX-License-Identifier: MIT
 *
 * One request under way, as the verbs see it. Lives on the caller's stack.
 */
#ifndef HK_CONTROL_CALL_H
#define HK_CONTROL_CALL_H

#include "control/block.h"
#include "control/json.h"

#define HK_ARGS_MAX 64

struct hk_call {
	const struct hk_request *request;
	struct hk_block_values *values; /* a private copy of what is published, to be changed */
	struct hk_json json;            /* the reply, open after "ok":true */
	bool changed;                   /* values are to be published */
	bool rebuilt;                   /* nothing of the block was whole: what was set is lost */
	bool show_diags;                /* on failure: values->diags go into the reply */
	unsigned nargs;
	char *args[HK_ARGS_MAX];
	char error[HK_DIAG_MAX];
	char line[HK_LINE_MAX];         /* what args point into */
};

/* call->error as a complete sentence; returns −EINVAL. */
int hk_call_refuse(struct hk_call *call, const char *format, ...) HK_PRINTF(2, 3);

/* Verbs: 0, or negative (see hk_verb_run) with call->error set. */
int hk_report_list(struct hk_call *call);
int hk_report_status(struct hk_call *call);
int hk_report_stats(struct hk_call *call);
int hk_report_get(struct hk_call *call);
int hk_report_log(struct hk_call *call);
int hk_report_export(struct hk_call *call);
int hk_change_set(struct hk_call *call);
int hk_change_reload(struct hk_call *call);
int hk_diff_run(struct hk_call *call);

/* change.c: what a reload begins with: the files are read into call->values->config; refused where a reload would be. */
int hk_change_read(struct hk_call *call, const struct hk_config *old);

/* A text of the block, which may be a live one that nobody has terminated. */
void hk_report_text(struct hk_json *json, const char *key, const char *text, size_t size);
/* The array "pending": those of the keys (a mask) that wait for a restart; "set" for those that were set live, which
   end with the process. */
void hk_report_pending(struct hk_call *call, uint64_t keys);
/* limits.c: of the keys (a mask) those limits that are below what is in use, as elements of an open array. */
void hk_report_limits(struct hk_call *call, uint64_t keys);
/* Refuses a hard_limit of call->values below what is in use. */
int hk_limits_refuse(struct hk_call *call);
/* diff.c: the array "overridden": lines of the files that do not hold in what runs (effective), because the
   environment or set wins. Left out where the files cannot be read. */
void hk_diff_overridden(struct hk_call *call, const struct hk_config *effective);
/* Messages of diags as elements of an open array. */
void hk_report_diags(struct hk_json *json, const struct hk_diags *diags);
/* What is published, with what the engine has learned on top. */
void hk_report_effective(const struct hk_call *call, struct hk_config *ret);
/* Where a value of config, or its mode, comes from: "preset", "[hakmem] /etc/hakmem.ini:12", "environment HAKMEM_THP". */
void hk_report_origin(const struct hk_call *call, const struct hk_config *config, unsigned key, char *buf, size_t size);
void hk_report_mode_origin(const struct hk_config *config, char *buf, size_t size);
/* hk_key_find with a refusal that names the nearest. */
int hk_call_key(struct hk_call *call, const char *name, enum hk_key_id *ret);

#endif
