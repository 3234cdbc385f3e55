/* SPDX-License-Identifier: MIT
 *
 * log and export: what the engine decided, and what it learned as a section for the file.
 */
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_ratings(const json_t *reply)
{
	const json_t *ratings = json_object_get(reply, "ratings");

	printf("  ratings   ");
	for (size_t i = 0; i < json_array_size(ratings); i++) {
		const json_t *rating = json_array_get(ratings, i);
		printf("%s %s %.0f (%u played)", i > 0 ? "," : "", hk_out_text(rating, "strategy"),
		       hk_out_real(rating, "rating"), (unsigned) hk_out_uint(rating, "played"));
	}
	putchar('\n');
}

/* Times are the target's CLOCK_MONOTONIC, which is this host's: shown as an age. */
static void print_decision(const json_t *entry, double now)
{
	printf("  %10s ago  %-8s  %s", hk_out_duration(now - hk_out_real(entry, "time_s")), hk_out_text(entry, "event"),
	       hk_out_text(entry, "a"));
	if (strcmp(hk_out_text(entry, "a"), hk_out_text(entry, "b")) != 0) /* else nothing was compared */
		printf(": cost %.3f, rating %.0f; %s: cost %.3f, rating %.0f", hk_out_real(entry, "cost_a"),
		       hk_out_real(entry, "rating_a"), hk_out_text(entry, "b"), hk_out_real(entry, "cost_b"),
		       hk_out_real(entry, "rating_b"));
	putchar('\n');
}

/* With the hour of the day: what else happened at that time stands in other logs. */
static void print_change(const json_t *change)
{
	time_t when = (time_t) hk_out_uint(change, "time_s");
	char text[32] = "?";
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL)
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
	printf("  %s  %s, by uid %u, pid %u\n", text, hk_out_text(change, "what"), (unsigned) hk_out_uint(change, "uid"),
	       (unsigned) hk_out_uint(change, "pid"));
}

static void print_log(const struct hk_answer *answer)
{
	const json_t *reply = answer->reply, *log = json_object_get(reply, "log"), *changes = json_object_get(reply, "changes");
	unsigned matches = (unsigned) hk_out_uint(reply, "matches"), decisions = (unsigned) hk_out_uint(reply, "decisions");
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%s: %u match%s, %u decision%s, leader %s\n", hk_ctl_label(answer->service), matches, matches == 1 ? "" : "es",
	       decisions, decisions == 1 ? "" : "s", hk_out_text(reply, "leader"));
	print_ratings(reply);
	for (size_t i = 0; i < json_array_size(changes); i++)
		print_change(json_array_get(changes, i));
	for (size_t i = 0; i < json_array_size(log); i++)
		print_decision(json_array_get(log, i), (double) now.tv_sec + (double) now.tv_nsec / 1e9);
}

/* A file takes each section once: of services of one name the first counts. */
static bool said_already(const char *ini)
{
	static json_t *sections;
	char head[128];

	snprintf(head, sizeof head, "%.*s", (int) strcspn(ini, "\n"), ini);
	if (sections == NULL)
		sections = json_object();
	if (json_object_get(sections, head) != NULL)
		return true;
	json_object_set_new(sections, head, json_true());
	return false;
}

/* As it goes into a file; a line at a time, so that nothing in it reaches a terminal raw. */
static void print_export(const struct hk_answer *answer)
{
	const char *ini = json_string_value(json_object_get(answer->reply, "ini"));
	char *text = strdup(ini != NULL ? ini : ""), *save = NULL;

	if (json_is_false(json_object_get(answer->reply, "learned")))
		printf("; %s has learned nothing yet: what was set\n", hk_ctl_label(answer->service));
	else
		printf("; learned by %s, strategy %s\n", hk_ctl_label(answer->service), hk_out_text(answer->reply, "strategy"));
	if (text == NULL)
		return;
	if (said_already(text)) {
		printf("; left out: the section %.*s is there already, and a file takes it once\n", (int) strcspn(text, "\n"),
		       hk_out_safe(text));
		free(text);
		return;
	}
	puts("; wins as a file of its own in hakmem.d; within a file that has the section, instead of its lines for these keys");
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		puts(hk_out_safe(line));
	free(text);
}

static int show(struct hk_ctl *ctl, void (*print)(const struct hk_answer *answer))
{
	struct hk_services services;
	struct hk_answer *answers;
	int status = hk_ctl_prepare(ctl, ctl->args, ctl->nargs, &services, &answers);

	if (status != HK_EXIT_DONE)
		return status;
	status = hk_ctl_ask(ctl, ctl->command->name, false, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	for (unsigned i = 0, printed = 0; i < services.n; i++) {
		if (answers[i].error[0] != '\0')
			continue;
		if (printed++ > 0)
			putchar('\n');
		print(&answers[i]);
	}
	fflush(stdout);
	for (unsigned i = 0; i < services.n; i++)
		if (json_is_false(json_object_get(answers[i].reply, "learned"))) /* of export only */
			hk_ctl_fail(0, "%s has learned nothing (no match was played): the section has only what was set; hakmemctl learn "
			            "%d begins, under load", hk_ctl_label(answers[i].service), (int) answers[i].service->seen.pid);
	return status;
}

int hk_do_log(struct hk_ctl *ctl)
{
	return show(ctl, print_log);
}

int hk_do_export(struct hk_ctl *ctl)
{
	return show(ctl, print_export);
}
