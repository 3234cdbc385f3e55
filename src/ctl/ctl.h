/* SPDX-License-Identifier: MIT
 *
 * hakmemctl: what its verbs share. main.c parses the command line, looks the verb up in the one
 * table that help is printed from as well, and runs it. Main thread only.
 */
#ifndef HK_CTL_CTL_H
#define HK_CTL_CTL_H

#include "ctl/ask.h"

/* Exit statuses: part of the contract. */
enum { HK_EXIT_DONE, HK_EXIT_FAILED, HK_EXIT_USAGE, HK_EXIT_NO_TARGET };

struct hk_ctl;

struct hk_command {
	const char *name, *arguments, *doc; /* as in help */
	const char *detail;                 /* more, for VERB --help; may be NULL */
	int (*run)(struct hk_ctl *ctl);     /* returns an exit status */
	int min, max;                       /* arguments besides options; max −1: any number */
};
extern const struct hk_command hk_commands[]; /* ends with name == NULL */
extern const char hk_ctl_options[];           /* the options of every verb, as in help */

struct hk_ctl {
	const struct hk_command *command;
	char **args; /* those of the verb, without options */
	int nargs;
	char **rest; /* what stood behind "--", NULL if there was none */
	int nrest;
	bool json, prometheus, all, diff, once, help, version;
	bool dry_run, restart, no_reload, no_socket; /* of enable and disable */
	bool force; /* of set */
	int door;            /* 0, or the one that was asked for */
	unsigned timeout_ms; /* for each service */
	unsigned interval_ms; /* of top; 0: not said */
	bool colour;
	const char *output;  /* a file to write to in place of standard output */
	/* hakmemctl's own configuration: its environment and the files that this names. */
	struct hk_identity identity;
	struct hk_overlay env;
	struct hk_config config;
};

/* ---- main.c ---- */

/* "hakmemctl: …" on stderr. Returns status, so that it can be returned. */
int hk_ctl_fail(int status, const char *format, ...) HK_PRINTF(2, 3);
int hk_ctl_usage(const struct hk_ctl *ctl, const char *format, ...) HK_PRINTF(2, 3);

/* From long work, now and then, in any thread: this thread goes on with the priority that the program was started with
   once it has used some CPU time. */
void hk_ctl_patience(void);

/* ---- target.c ---- */

/* The services that the targets name (none: all services). On failure says why and returns an exit status. */
int hk_ctl_targets(struct hk_ctl *ctl, char **targets, int n, struct hk_services *ret);
/* The same, with room for the answer of each. */
int hk_ctl_prepare(struct hk_ctl *ctl, char **targets, int n, struct hk_services *ret, struct hk_answer **ret_answers);
/* Ask them, tell failures and notes on stderr. answers: one per service. Returns how many failed. Where everybody
   is asked, services that have ended meanwhile are taken out of both. */
unsigned hk_ctl_ask(struct hk_ctl *ctl, const char *line, bool changes, struct hk_services *services,
                    struct hk_answer *answers);
/* VERB and its arguments as one request line; NULL (having said why) if it cannot be one. */
char *hk_ctl_line(const struct hk_ctl *ctl, char **args, int n);
/* The answers as the contract's array: reply objects without "ok", failed ones as pid, program, unit, error. */
json_t *hk_ctl_array(const struct hk_answer *answers, unsigned n);
/* That no process runs with hakmem, and how to start one, on stderr. */
void hk_ctl_say_none(const struct hk_ctl *ctl, const struct hk_services *services);
/* Processes that this user may not look at, on stderr. */
void hk_ctl_say_hidden(const struct hk_services *services);
/* "redis-server[1234]" in a static buffer. */
const char *hk_ctl_label(const struct hk_service *service);

/* ---- files.c ---- */

struct hk_doc;
/* Sections of the files that hold for identity, in their order. Never freed: the program ends soon. */
const struct hk_doc *hk_ctl_sections(const struct hk_identity *identity);

/* ---- counters.c ---- */

/* What each number of stats means, for its help. */
void hk_ctl_print_counters(void);

/* ---- run.c ---- */

/* One word KEY=VALUE (or mode=NAME), checked by the key table: the variable that carries it. Cuts word. On failure says
   why (with hint behind a word that is none) and returns an exit status. */
int hk_ctl_setting(const struct hk_ctl *ctl, char *word, const char *hint, const char **ret_name, const char **ret_value);

/* ---- the verbs ---- */

int hk_do_list(struct hk_ctl *ctl);
int hk_do_status(struct hk_ctl *ctl);
int hk_do_stats(struct hk_ctl *ctl);
int hk_do_explain(struct hk_ctl *ctl);
int hk_do_top(struct hk_ctl *ctl);
int hk_do_log(struct hk_ctl *ctl);
int hk_do_export(struct hk_ctl *ctl);
int hk_do_get(struct hk_ctl *ctl);
int hk_do_set(struct hk_ctl *ctl);
int hk_do_change(struct hk_ctl *ctl); /* freeze, learn, canary, trim, reload */
int hk_do_check(struct hk_ctl *ctl);
int hk_do_modes(struct hk_ctl *ctl);
int hk_do_exec(struct hk_ctl *ctl);
int hk_do_doctor(struct hk_ctl *ctl);
int hk_do_enable(struct hk_ctl *ctl);
int hk_do_disable(struct hk_ctl *ctl);
int hk_do_help(struct hk_ctl *ctl);
int hk_do_version(struct hk_ctl *ctl);

#endif
