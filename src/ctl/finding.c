/* SPDX-License-Identifier: MIT
 *
 * Findings: kept in the order in which they were found. Never freed: the program ends soon. Main thread only.
 */
#include "ctl/finding.h"
#include "config/name.h"
#include "ctl/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const level_names[] = {"OK", "NOTE", "PROBLEM"};
static const char *const level_colours[] = {"\033[32m", "\033[33m", "\033[31m"};

static char *text_of(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		hk_out_of_memory();
	(void) hk_text_clean(text); /* names and paths of strangers are in it */
	return text;
}

void hk_found(struct hk_findings *all, enum hk_level level, const char *topic, const char *format, ...)
{
	struct hk_finding *added;
	va_list args;

	all->at = realloc(all->at, (all->n + 1) * sizeof *all->at);
	if (all->at == NULL)
		hk_out_of_memory();
	added = &all->at[all->n++];
	*added = (struct hk_finding){.level = level, .topic = topic};
	va_start(args, format);
	added->text = text_of(format, args);
	va_end(args);
	all->problems += level == HK_PROBLEM;
}

void hk_remedy(struct hk_findings *all, const char *format, ...)
{
	va_list args;

	if (all->n == 0)
		return;
	va_start(args, format);
	free(all->at[all->n - 1].remedy);
	all->at[all->n - 1].remedy = text_of(format, args);
	va_end(args);
}

bool hk_found_any(const struct hk_findings *all, enum hk_level level, const char *topic)
{
	for (unsigned i = 0; i < all->n; i++)
		if (all->at[i].level == level && strcmp(all->at[i].topic, topic) == 0)
			return true;
	return false;
}

void hk_findings_print(const struct hk_findings *all, enum hk_level from, bool colour)
{
	const char *arrow = hk_out_unicode() ? "\u2192" : "->";

	printf("%s%s%s\n", colour ? "\033[1m" : "", all->subject, colour ? "\033[0m" : "");
	for (unsigned i = 0; i < all->n; i++) {
		const struct hk_finding *one = &all->at[i];
		if (one->level < from)
			continue;
		printf("  %s%-7s%s  %-10s  %s\n", colour ? level_colours[one->level] : "",
		       level_names[one->level], colour ? "\033[0m" : "", one->topic, one->text);
		if (one->remedy != NULL)
			printf("  %-7s  %-10s  %s %s\n", "", "", arrow, one->remedy);
	}
}

json_t *hk_findings_json(const struct hk_findings *all)
{
	json_t *list = json_array(), *object = json_object();

	for (unsigned i = 0; i < all->n; i++) {
		json_t *one = json_object();
		json_object_set_new(one, "level", json_string(level_names[all->at[i].level]));
		json_object_set_new(one, "topic", json_string(all->at[i].topic));
		json_object_set_new(one, "text", json_string(all->at[i].text));
		json_object_set_new(one, "remedy",
		                    all->at[i].remedy != NULL ? json_string(all->at[i].remedy) : json_null());
		json_array_append_new(list, one);
	}
	json_object_set_new(object, "subject", json_string(all->subject));
	json_object_set_new(object, "pid", all->pid != 0 ? json_integer(all->pid) : json_null());
	json_object_set_new(object, "problems", json_integer(all->problems));
	json_object_set_new(object, "findings", list);
	return object;
}
