/* SPDX-License-Identifier: MIT
 *
 * check, the part that looks at live services (and changes nothing): what a reload would change in them, and which
 * lines of the files hold in vain because an environment or hakmemctl set wins.
 */
#include "ctl/check.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- whose files they are ---- */

/* The same file, also when it is seen from inside a container; by name where its root is closed to us. */
static bool same_file(pid_t pid, const char *theirs, const char *ours)
{
	char path[HK_PATH_MAX + 32];
	struct stat a, b;

	snprintf(path, sizeof path, "/proc/%d/root%s", (int) pid, theirs);
	if (stat(ours, &b) != 0)
		return false;
	if (stat(path, &a) != 0)
		return strcmp(theirs, ours) == 0;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Has the service read any of the files? */
static bool concerned(const struct hk_answer *answer, const struct hk_lint *lint)
{
	const json_t *files = json_object_get(answer->reply, "files");

	for (size_t i = 0; i < json_array_size(files); i++)
		for (size_t k = 0; k < json_array_size(lint->files); k++)
			if (same_file(answer->service->seen.pid, hk_out_text_at(files, i),
			              json_string_value(json_array_get(lint->files, k))))
				return true;
	return false;
}

/* ---- check ---- */

static void say_overridden(const struct hk_answer *answer, struct hk_lint *lint)
{
	const json_t *all = json_object_get(answer->reply, "overridden");

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *one = json_array_get(all, i);
		const char *key = hk_out_text(one, "key"), *by = hk_out_text(one, "by");

		if (strcmp(by, hk_origin_names[HK_ORIGIN_SET]) == 0)
			hk_lint_add(lint, false,
			            "%s: %s = %s does not hold in %s: hakmemctl set says %s until it ends; hakmemctl set %d %s=- "
			            "takes that back",
			            hk_out_text(one, "place"), key, hk_out_text(one, "value"), hk_ctl_label(answer->service),
			            hk_out_text(one, "holds"), (int) answer->service->seen.pid, key);
		else
			hk_lint_add(lint, false,
			            "%s: %s = %s does not hold in %s: its %s says %s; take the variable out where it is started",
			            hk_out_text(one, "place"), key, hk_out_text(one, "value"), hk_ctl_label(answer->service), by,
			            hk_out_text(one, "holds"));
	}
}

/* Changes that are more than another origin of the same value. */
static unsigned count_changes(const json_t *reply)
{
	const json_t *changes = json_object_get(reply, "changes");
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(changes); i++)
		n += strcmp(hk_out_text(json_array_get(changes, i), "effect"), "none") != 0;
	return n;
}

static void ask(struct hk_check_live *live)
{
	struct hk_ask request = {.line = "diff", .door = live->ctl->door, .timeout_ms = live->ctl->timeout_ms};
	char *none[1] = {NULL};

	live->asked = true;
	if (hk_ctl_targets(live->ctl, none, 0, &live->services) != HK_EXIT_DONE)
		return;
	live->answers = calloc(live->services.n + 1, sizeof *live->answers);
	if (live->answers == NULL)
		return;
	/* Who cannot be asked, or has errors in its files, is not compared: this is about the files. */
	(void) hk_ask(&request, &live->services, live->answers);
	live->n = live->services.n;
}

void hk_check_live(struct hk_check_live *live, struct hk_lint *lint, json_t *ret_services)
{
	if (!live->asked)
		ask(live);
	for (unsigned i = 0; i < live->n; i++) {
		const struct hk_answer *answer = &live->answers[i];

		if (answer->error[0] != '\0' || !concerned(answer, lint))
			continue;
		say_overridden(answer, lint);
		json_array_append_new(ret_services, json_pack("{s:i,s:s,s:s,s:i}", "pid", (int) answer->service->seen.pid,
		                                              "program", hk_out_safe(hk_service_name(answer->service)), "unit",
		                                              hk_service_unit_safe(answer->service), "changes",
		                                              (int) count_changes(answer->reply)));
	}
	hk_lint_sort(lint);
}

/* ---- check --diff ---- */

enum { COLUMNS = 6 };

static const char *effect_text(const char *effect)
{
	if (strcmp(effect, "live") == 0)
		return "at once";
	return strcmp(effect, "restart") == 0 ? "pending until restart" : "none: the same value";
}

static void print_changes(const struct hk_ctl *ctl, const json_t *changes)
{
	static const char *const head[COLUMNS] = {"  KEY", "NOW", "FROM", "THEN", "FROM", "EFFECT"};
	static const char *const fields[] = {"old", "old_origin", "new", "new_origin"};
	size_t n = json_array_size(changes);
	const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);
	char key[64];

	if (cells == NULL)
		return;
	memcpy(cells, head, sizeof head);
	for (size_t i = 0; i < n; i++) {
		const json_t *change = json_array_get(changes, i);
		const char **row = cells + (i + 1) * COLUMNS;

		snprintf(key, sizeof key, "  %s", hk_out_text(change, "key"));
		row[0] = strdup(key);
		for (size_t c = 0; c < HK_COUNT(fields); c++)
			row[c + 1] = strdup(hk_out_text(change, fields[c]));
		row[COLUMNS - 1] = effect_text(hk_out_text(change, "effect"));
	}
	hk_out_table(cells, n + 1, COLUMNS, "llllll", ctl->colour);
	free(cells);
}

static void print_diff(const struct hk_ctl *ctl, const struct hk_answer *answer)
{
	const json_t *changes = json_object_get(answer->reply, "changes"), *vain = json_object_get(answer->reply, "overridden");

	if (json_array_size(changes) == 0)
		printf("%s: a reload would change nothing\n", hk_ctl_label(answer->service));
	else
		printf("%s: a reload would change\n", hk_ctl_label(answer->service));
	if (json_array_size(changes) > 0)
		print_changes(ctl, changes);
	for (size_t i = 0; i < json_array_size(vain); i++)
		printf("  %s\n", hk_out_overridden(json_array_get(vain, i)));
}

int hk_check_diff(struct hk_ctl *ctl)
{
	char request[] = "diff";
	struct hk_services services;
	struct hk_answer *answers;
	int status;

	if (ctl->nargs == 0)
		return hk_ctl_usage(ctl, "--diff needs a TARGET");
	status = hk_ctl_prepare(ctl, ctl->args, ctl->nargs, &services, &answers);
	if (status != HK_EXIT_DONE)
		return status;
	status = hk_ctl_ask(ctl, request, false, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	for (unsigned i = 0; i < services.n; i++)
		if (answers[i].error[0] == '\0')
			print_diff(ctl, &answers[i]);
	return status;
}
