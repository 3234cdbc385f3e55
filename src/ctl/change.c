/* SPDX-License-Identifier: MIT
 *
 * The verbs that change a live service: freeze, learn, canary, trim, reload, set.
 */
#include "ctl/check.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "applied by all 8 processes", "applied by 0 of 6 processes so far, the rest when they next allocate". */
static void print_applied(const json_t *reply)
{
	unsigned applied = (unsigned) hk_out_uint(reply, "applied"), all = (unsigned) hk_out_uint(reply, "processes");

	if (json_object_get(reply, "processes") == NULL)
		return;
	printf("; applied by %u of %u process%s", applied, all, all == 1 ? "" : "es");
	if (applied >= all)
		return;
	printf(" so far, %s when %s next allocate%s", all == 1 ? "and" : "the rest", all - applied == 1 ? "it" : "they",
	       all - applied == 1 ? "s" : "");
}

static void print_pending(const json_t *pending)
{
	for (size_t i = 0; i < json_array_size(pending); i++)
		printf("\n  %s", hk_out_pending(json_array_get(pending, i)));
}

/* What is different now, and the start-up keys that wait for a restart. */
static void print_changes(const json_t *reply)
{
	const json_t *changed = json_object_get(reply, "changed"), *pending = json_object_get(reply, "pending");

	if (changed != NULL && json_array_size(changed) == 0)
		printf("\n  no live value is different from before");
	for (size_t i = 0; i < json_array_size(changed); i++) {
		const json_t *key = json_array_get(changed, i);
		printf("\n  %s = %s (was %s)", hk_out_text(key, "key"), hk_out_text(key, "new"), hk_out_text(key, "old"));
	}
	print_pending(pending);
}

static void print_warnings(const json_t *reply)
{
	const json_t *warnings = json_object_get(reply, "warnings");

	for (size_t i = 0; i < json_array_size(warnings); i++)
		printf("\n  warning: %s", hk_out_safe(json_string_value(json_array_get(warnings, i))));
}

/* Lines of the files that another source wins over: what a reload cannot change. */
static void print_overridden(const json_t *reply)
{
	const json_t *all = json_object_get(reply, "overridden");

	for (size_t i = 0; i < json_array_size(all); i++)
		printf("\n  %s", hk_out_overridden(json_array_get(all, i)));
}

/* All that set was told concerns keys that are read at start-up: nothing has changed, and nothing will. */
static bool in_vain(const struct hk_ctl *ctl, const json_t *reply)
{
	const json_t *changed = json_object_get(reply, "changed");

	return ctl->command->run == hk_do_set && changed != NULL && json_array_size(changed) == 0 && json_array_size(json_object_get(reply, "pending")) > 0;
}

/* Free memory that was never touched goes back, too, but was not resident. */
static void print_trimmed(const json_t *reply, bool some)
{
	printf(", %s given back%s (resident: %s, was %s)", hk_out_bytes(hk_out_uint(reply, "trimmed_bytes")),
	       some ? " so far" : "", hk_out_bytes(hk_out_uint(reply, "rss_bytes")),
	       hk_out_bytes(hk_out_uint(reply, "rss_before_bytes")));
}

static void print_change(const struct hk_ctl *ctl, const struct hk_answer *answer)
{
	const json_t *reply = answer->reply;
	uint64_t applied = hk_out_uint(reply, "applied"), all = hk_out_uint(reply, "processes");
	bool done = json_object_get(reply, "processes") != NULL && applied >= all;

	if (in_vain(ctl, reply)) {
		printf("%s: nothing changed", hk_ctl_label(answer->service));
		print_pending(json_object_get(reply, "pending"));
		print_warnings(reply);
		putchar('\n');
		return;
	}
	/* Nothing is done before a process has done it, nor where nobody could be looked at after it was asked for. */
	printf("%s: %s %s", hk_ctl_label(answer->service), ctl->command->name, done ? "done" : "requested");
	if (json_is_string(json_object_get(reply, "phase")))
		printf(", phase %s%s", hk_out_text(reply, "phase"), applied == 0 && all > 0 ? " (requested)" : "");
	if (json_object_get(reply, "trimmed_bytes") != NULL && (applied > 0 || all == 0))
		print_trimmed(reply, applied < all);
	print_applied(reply);
	print_changes(reply);
	print_overridden(reply);
	print_warnings(reply);
	putchar('\n');
}

/* Ask all, print what came of it. */
static int change(struct hk_ctl *ctl, char **targets, int n, const char *line)
{
	struct hk_services services;
	struct hk_answer *answers;
	int status = hk_ctl_prepare(ctl, targets, n, &services, &answers);

	if (status != HK_EXIT_DONE)
		return status;
	if (services.n == 0)
		hk_ctl_say_none(ctl, &services);
	status = hk_ctl_ask(ctl, line, true, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	for (unsigned i = 0; i < services.n; i++)
		if (answers[i].error[0] == '\0' && in_vain(ctl, answers[i].reply))
			status = HK_EXIT_FAILED;
	for (unsigned i = 0; i < services.n; i++)
		if (answers[i].error[0] == '\0' && ctl->command->run != hk_do_set) /* what is set ends with the process */
			hk_check_pending(&answers[i]);
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	for (unsigned i = 0; i < services.n; i++)
		if (answers[i].error[0] == '\0')
			print_change(ctl, &answers[i]);
	return status;
}

int hk_do_change(struct hk_ctl *ctl)
{
	if (ctl->all && ctl->nargs > 0)
		return hk_ctl_usage(ctl, "--all leaves no room for '%s'", ctl->args[0]);
	if (!ctl->all && ctl->nargs == 0)
		return hk_ctl_usage(ctl, "reload needs a TARGET or --all");
	return change(ctl, ctl->args, ctl->nargs, ctl->command->name);
}

int hk_do_set(struct hk_ctl *ctl)
{
	char *line, *target[1] = {ctl->args[0]};
	static char force[] = "--force";
	int first = ctl->force ? 0 : 1;

	for (int i = 1; i < ctl->nargs; i++)
		if (strchr(ctl->args[i], '=') == NULL || ctl->args[i][0] == '=')
			return hk_ctl_usage(ctl, "'%s' is not KEY=VALUE, without blanks", ctl->args[i]);
	ctl->args[0] = force;
	line = hk_ctl_line(ctl, ctl->args + first, ctl->nargs - first);
	return line == NULL ? HK_EXIT_USAGE : change(ctl, target, 1, line);
}
