/* SPDX-License-Identifier: MIT
 *
 * stats: every number of a service, for people, as JSON, or as Prometheus text.
 */
#include "ctl/counter_docs.h"
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nested objects become name_inner. */
static void flatten(const json_t *object, const char *prefix, json_t *ret)
{
	const char *name;
	char full[128];
	json_t *value;

	json_object_foreach((json_t *) (uintptr_t) object, name, value)
	{
		snprintf(full, sizeof full, "%s%s%s", prefix, prefix[0] != '\0' ? "_" : "", name);
		if (json_is_object(value))
			flatten(value, full, ret);
		else
			json_object_set(ret, full, value);
	}
}

static const char *number(const json_t *value, char *buf, size_t size)
{
	if (json_is_real(value))
		snprintf(buf, size, "%.6g", json_real_value(value));
	else
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return buf;
}

/* "41943040 (40M)" */
static const char *readable(const char *name, const json_t *value, char *buf, size_t size)
{
	char text[64];
	size_t n = strlen(name);

	number(value, text, sizeof text);
	if (n > 6 && strcmp(name + n - 6, "_bytes") == 0 && json_integer_value(value) >= 1000)
		snprintf(buf, size, "%s (%s)", text, hk_out_bytes((uint64_t) json_integer_value(value)));
	else
		snprintf(buf, size, "%s", text);
	return buf;
}

static void print_people(const struct hk_answer *answer, bool several)
{
	json_t *flat = json_object(), *value;
	const char *name;
	char text[96];

	flatten(answer->reply, "", flat);
	if (several)
		printf("%s:\n", hk_ctl_label(answer->service));
	json_object_foreach(flat, name, value)
	{
		if (json_is_string(value))
			printf("%-18s %22s\n", hk_out_safe(name), hk_out_safe(json_string_value(value)));
		if (json_is_number(value) && strcmp(name, "pid") != 0)
			printf("%-18s %22s  %s\n", hk_out_safe(name), readable(name, value, text, sizeof text),
			       hk_counter_doc(name));
	}
	printf("%-18s %22d  %s\n", "door", answer->door, hk_counter_doc("door"));
	json_decref(flat);
}

void hk_ctl_print_counters(void)
{
	for (const struct hk_counter_doc *doc = hk_counter_docs; doc->name != NULL; doc++) {
		if (doc->name[0] == '\0')
			printf("\n%s\n", doc->doc);
		else
			printf("  %-18s %s\n", doc->name, doc->doc);
	}
}

/* ---- Prometheus text format, version 0.0.4 ---- */

static void print_label(const char *name, const char *value, const char *end)
{
	printf("%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			fputs("\\n", stdout);
		else if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else
			putchar(*value);
	}
	printf("\"%s", end);
}

/* What only grows while a service lives; everything else is a gauge. */
static bool is_counter(const char *name)
{
	static const char *const ends[] = {"_allocs", "_frees",  "_refills", "_hits",    "_misses", "_batches", "_ranges",
	                                   "_ns",     "_made",   "_freed",   "flushes",  "trims",   "enomem",   "windows",
	                                   "matches", "sys_mmap", "sys_munmap", "sys_madvise", "sys_mremap",
	                                   "purged_bytes"};
	size_t n = strlen(name);

	for (size_t i = 0; i < HK_COUNT(ends); i++) {
		size_t e = strlen(ends[i]);
		if (n >= e && strcmp(name + n - e, ends[i]) == 0)
			return true;
	}
	return false;
}

static bool metric_name(const char *name)
{
	return name[0] != '\0' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
	       strcmp(name, "pid") != 0 && strcmp(name, "door") != 0;
}

/* All samples of one metric, as the format demands: together, under one HELP and TYPE. */
static void print_metric(const char *name, json_t *const *flat, const struct hk_answer *answers, unsigned n)
{
	const char *end = is_counter(name) ? "_total" : "";
	char text[64];

	printf("# HELP hakmem_%s%s ", name, end);
	for (const char *c = name; *c != '\0'; c++)
		putchar(*c == '_' ? ' ' : *c);
	puts(", all processes of the service.");
	printf("# TYPE hakmem_%s%s %s\n", name, end, is_counter(name) ? "counter" : "gauge");
	for (unsigned i = 0; i < n; i++) {
		const json_t *value = json_object_get(flat[i], name);
		if (!json_is_number(value))
			continue;
		printf("hakmem_%s%s{", name, end);
		print_label("unit", hk_service_unit(answers[i].service), ",");
		print_label("program", hk_service_name(answers[i].service), ",");
		printf("pid=\"%d\"} %s\n", (int) answers[i].service->seen.pid, number(value, text, sizeof text));
		json_object_del(flat[i], name);
	}
}

static void print_prometheus(const struct hk_answer *answers, unsigned n)
{
	json_t **flat = calloc(n + 1, sizeof(*flat));
	const char *name;
	json_t *value;
	void *next;

	for (unsigned i = 0; flat != NULL && i < n; i++) {
		flat[i] = json_object();
		if (answers[i].error[0] == '\0')
			flatten(answers[i].reply, "", flat[i]);
	}
	for (unsigned i = 0; flat != NULL && i < n; i++)
		json_object_foreach_safe(flat[i], next, name, value)
		{
			char *own = strdup(name); /* printing removes it */
			if (own != NULL && json_is_number(value) && metric_name(own))
				print_metric(own, flat, answers, n);
			free(own);
		}
	free(flat);
}

int hk_do_stats(struct hk_ctl *ctl)
{
	struct hk_services services;
	struct hk_answer *answers;
	int status = hk_ctl_targets(ctl, ctl->args, ctl->nargs, &services);

	if (status != HK_EXIT_DONE)
		return status;
	answers = calloc(services.n + 1, sizeof *answers);
	if (answers == NULL)
		return HK_EXIT_FAILED;
	if (services.n == 0)
		hk_ctl_say_none(ctl, &services);
	status = hk_ctl_ask(ctl, "stats", false, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (services.n == 0)
		status = HK_EXIT_NO_TARGET;
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	if (ctl->prometheus)
		print_prometheus(answers, services.n);
	for (unsigned i = 0; !ctl->prometheus && i < services.n; i++)
		if (answers[i].error[0] == '\0')
			print_people(&answers[i], services.n > 1);
	return status;
}
