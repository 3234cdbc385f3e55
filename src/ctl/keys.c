/* SPDX-License-Identifier: MIT
 *
 * get: live values, and where they come from.
 */
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const key_fields[] = {"key", "value", "origin", "context", "pending", "applied", "processes"};

/* The array of key objects in a reply, or NULL. */
static json_t *keys_of(const json_t *reply)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *) (uintptr_t) reply, name, value)
	{
		if (json_is_array(value) && json_object_get(json_array_get(value, 0), "key") != NULL)
			return value;
	}
	return NULL;
}

/* One key as the contract names its fields; pid when several services were asked. */
static json_t *key_object(const json_t *key, const struct hk_service *service)
{
	json_t *object = json_object();

	if (service != NULL)
		json_object_set_new(object, "pid", json_integer(service->seen.pid));
	for (size_t i = 0; i < HK_COUNT(key_fields); i++) {
		json_t *value = json_object_get(key, key_fields[i]);
		if (value != NULL)
			json_object_set(object, key_fields[i], value);
	}
	return object;
}

static int print_json(const struct hk_answer *answers, unsigned n)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++) {
		const json_t *keys = keys_of(answers[i].reply);
		json_t *failed = hk_ctl_array(&answers[i], answers[i].error[0] != '\0');

		json_array_extend(array, failed);
		json_decref(failed);
		for (size_t k = 0; k < json_array_size(keys); k++)
			json_array_append_new(array, key_object(json_array_get(keys, k), n > 1 ? answers[i].service : NULL));
	}
	return hk_out_json(array);
}

/* The value that waits for a restart, or how many processes have taken up the one that is shown, else "". */
static const char *pending_of(const json_t *key)
{
	const json_t *pending = json_object_get(key, "pending");
	static char text[64];

	if (json_object_get(key, "processes") != NULL) {
		snprintf(text, sizeof text, "applied by %u of %u so far", (unsigned) hk_out_uint(key, "applied"),
		         (unsigned) hk_out_uint(key, "processes"));
		return text;
	}
	if (json_is_string(pending))
		return hk_out_safe(json_string_value(pending));
	return json_is_true(pending) ? "at restart" : "";
}

static void print_table(const json_t *keys, bool colour)
{
	static const char *const head[] = {"KEY", "VALUE", "ORIGIN", "CONTEXT", "PENDING"};
	enum { COLUMNS = HK_COUNT(head) };
	size_t n = json_array_size(keys);
	const char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);

	if (cells == NULL)
		return;
	memcpy(cells, head, sizeof head);
	for (size_t i = 0; i < n; i++) {
		const json_t *key = json_array_get(keys, i);
		const char **row = cells + (i + 1) * COLUMNS;
		for (size_t c = 0; c < COLUMNS; c++) {
			const char *text = c == 4 ? pending_of(key) : hk_out_text(key, key_fields[c]);
			row[c] = strdup(text);
		}
	}
	hk_out_table(cells, n + 1, COLUMNS, "lllll", colour);
	for (size_t i = COLUMNS; i < (n + 1) * COLUMNS; i++)
		free((void *) (uintptr_t) cells[i]);
	free(cells);
}

int hk_do_get(struct hk_ctl *ctl)
{
	struct hk_services services;
	struct hk_answer *answers;
	char *line = hk_ctl_line(ctl, ctl->args + 1, ctl->nargs - 1);
	int status = line == NULL ? HK_EXIT_USAGE : hk_ctl_prepare(ctl, ctl->args, 1, &services, &answers);

	if (status != HK_EXIT_DONE)
		return status;
	status = hk_ctl_ask(ctl, line, false, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (ctl->json)
		return print_json(answers, services.n) != 0 ? HK_EXIT_FAILED : status;
	for (unsigned i = 0; i < services.n; i++) {
		if (answers[i].error[0] != '\0')
			continue;
		if (services.n > 1)
			printf("%s%s:\n", i > 0 ? "\n" : "", hk_ctl_label(&services.at[i]));
		print_table(keys_of(answers[i].reply), ctl->colour);
	}
	return status;
}
