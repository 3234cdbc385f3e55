/* SPDX-License-Identifier: MIT
 *
 * The linter. Main thread only.
 */
#include "ctl/lint.h"
#include "ctl/output.h"
#include "ctl/settings.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_MESSAGES 240 /* of one check: each page of them reads the files again */
#define TEXT_MAX 1024     /* of one message: longer paths than services keep fit */

/* ---- messages ---- */

/* The file of "FILE:LINE: …" or "FILE: …", of whose path only the end may be there behind "...". */
static json_t *file_of(const struct hk_lint *lint, const char *text, size_t *ret_length)
{
	bool cut = strncmp(text, "...", 3) == 0;

	for (size_t i = 0; i < json_array_size(lint->files); i++) {
		json_t *file = json_array_get(lint->files, i);
		const char *path = json_string_value(file);
		size_t n = strlen(path);

		for (size_t skip = 0; skip < (cut ? n : 1); skip++) {
			const char *end = text + (cut ? 3 : 0) + n - skip;

			if (strncmp(text + (cut ? 3 : 0), path + skip, n - skip) != 0 || *end != ':')
				continue;
			*ret_length = (size_t) (end - text);
			return file;
		}
	}
	return NULL;
}

static bool said_before(const struct hk_lint *lint, const char *text)
{
	for (size_t i = 0; i < json_array_size(lint->messages); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(lint->messages, i), "message")), text) == 0)
			return true;
	return false;
}

static void add(struct hk_lint *lint, bool is_error, const char *text)
{
	json_t *message, *file;
	size_t n = 0;
	long line;

	if (said_before(lint, text))
		return;
	message = json_pack("{s:s,s:s}", "level", is_error ? "error" : "warning", "message", text);
	file = file_of(lint, text, &n);
	line = file != NULL ? strtol(text + n + 1, NULL, 10) : 0;
	if (file != NULL)
		json_object_set(message, "file", file);
	if (line > 0)
		json_object_set_new(message, "line", json_integer(line));
	json_array_append_new(lint->messages, message);
	lint->errors += is_error;
	lint->warnings += !is_error;
}

void hk_lint_add(struct hk_lint *lint, bool is_error, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	hk_text_tame(text, sizeof text);
	add(lint, is_error, text);
}

/* A message and where it belongs: without a place first, then by file, line, and order of finding. */
struct placed {
	json_t *message;
	size_t file, line, found;
};

static int compare(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->found < y->found ? -1 : x->found > y->found;
}

void hk_lint_sort(struct hk_lint *lint)
{
	size_t n = json_array_size(lint->messages);
	struct placed *all = calloc(n + 1, sizeof *all);
	json_t *sorted = json_array();

	for (size_t i = 0; all != NULL && i < n; i++) {
		json_t *message = json_array_get(lint->messages, i), *file = json_object_get(message, "file");

		all[i] = (struct placed){.message = message, .found = i};
		all[i].line = (size_t) json_integer_value(json_object_get(message, "line"));
		while (file != NULL && json_array_get(lint->files, all[i].file++) != file)
			continue;
	}
	if (all != NULL && n > 1)
		qsort(all, n, sizeof *all, compare);
	for (size_t i = 0; all != NULL && i < n; i++)
		json_array_append(sorted, all[i].message);
	if (all != NULL) {
		json_decref(lint->messages);
		lint->messages = sorted;
	}
	free(all);
}

/* A warning that one kind of process gets; those that several get become one. */
static void add_for(struct hk_lint *lint, const char *text, const char *where)
{
	json_t *message, *list;

	hk_lint_add(lint, false, "%s", text);
	for (size_t i = 0; i < json_array_size(lint->messages); i++) {
		message = json_array_get(lint->messages, i);
		if (strcmp(json_string_value(json_object_get(message, "message")), text) != 0)
			continue;
		list = json_object_get(message, "for");
		if (list == NULL)
			json_object_set_new(message, "for", list = json_array());
		json_array_append_new(list, json_string(where));
	}
}

/* Every list behind its message: "(for [web], [unit:a] and 3 more)". */
static void tell_for(struct hk_lint *lint)
{
	for (size_t i = 0; i < json_array_size(lint->messages); i++) {
		json_t *message = json_array_get(lint->messages, i), *list = json_object_get(message, "for");
		size_t n = json_array_size(list), shown = n <= 3 ? n : 2;
		char text[TEXT_MAX], tail[32] = "";

		if (n == 0)
			continue;
		if (shown < n)
			snprintf(tail, sizeof tail, " and %zu more", n - shown);
		snprintf(text, sizeof text, "%.700s (for %s%s%s%s%s%s)",
		         json_string_value(json_object_get(message, "message")), hk_out_text_at(list, 0), n > 1 ? ", " : "",
		         n > 1 ? hk_out_text_at(list, 1) : "", shown > 2 ? ", " : "", shown > 2 ? hk_out_text_at(list, 2) : "",
		         tail);
		hk_text_tame(text, sizeof text);
		json_object_set_new(message, "message", json_string(text));
	}
}

/* ---- what the files say by themselves, a page of messages at a time, since so few are kept ---- */

static void read_files(const struct hk_identity *identity, struct hk_lint *lint)
{
	struct hk_diags diags = {.count = 0};
	struct hk_config config;

	do {
		diags.count = diags.errors = 0;
		hk_config_resolve(identity, NULL, NULL, NULL, &config, &diags);
		for (uint32_t i = 0; i < HK_DIAGS && diags.skip + i < diags.count; i++)
			add(lint, diags.is_error[i], diags.text[i]);
		diags.skip += HK_DIAGS;
	} while (diags.skip < diags.count && diags.skip < MAX_MESSAGES);
	if (diags.count > diags.skip)
		add(lint, true, "... and many more");
}

/* What the host's daemon would say of its section. */
static void read_daemon(const struct hk_identity *identity, struct hk_lint *lint)
{
	struct hk_diags diags = {.count = 0};
	struct hk_settings settings;

	do {
		diags.count = diags.errors = 0;
		hk_settings_read(identity, &settings, &diags);
		for (uint32_t i = 0; i < HK_DIAGS && diags.skip + i < diags.count; i++)
			add(lint, true, diags.text[i]);
		diags.skip += HK_DIAGS;
	} while (diags.skip < diags.count && diags.skip < MAX_MESSAGES);
}

/* ---- combinations ---- */

/* Some text that the glob matches; false if that takes more than filling in its wildcards. */
static bool example_of(const char *glob, char *ret, size_t size)
{
	size_t n = 0;

	for (; *glob != '\0' && n + 1 < size; glob++) {
		if (*glob == '[')
			return false;
		ret[n++] = *glob == '*' || *glob == '?' ? 'x' : *glob;
	}
	ret[n] = '\0';
	return true;
}

/* What the library does not look up, because that allocates. */
static void check_group(const struct hk_config *config, enum hk_key_id key, const char *group, struct hk_diags *diags)
{
	unsigned line = config->line[key];

	if (group[0] == '\0' || line == 0 || strspn(group, "0123456789") == strlen(group) || getgrnam(group) != NULL)
		return;
	hk_diag_add(diags, false, "%.90s:%u: %s = %s: there is no such group on this host",
	            config->files[config->file[key]], line, hk_keys[key].name, group);
}

static bool said_for_all(const struct hk_lint *lint, const char *text)
{
	for (size_t i = 0; i < json_array_size(lint->messages); i++) {
		const json_t *message = json_array_get(lint->messages, i);

		if (strcmp(json_string_value(json_object_get(message, "message")), text) == 0)
			return json_object_get(message, "for") == NULL;
	}
	return false;
}

/* The nonsense in what one kind of process would get; where is NULL for every program. What these get is said once. */
static void warn_for(const struct hk_identity *identity, const char *mode, const char *where, struct hk_lint *lint)
{
	struct hk_overlay env = {.mask = 0};
	struct hk_diags ignored = {.count = 0}, nonsense = {.count = 0};
	struct hk_config config;

	snprintf(env.mode, sizeof env.mode, "%s", mode);
	hk_config_resolve(identity, &env, NULL, NULL, &config, &ignored);
	do {
		nonsense.count = 0;
		hk_config_warn(&config, &nonsense);
		check_group(&config, HK_KEY_CONTROL_GROUP, config.values.text[HK_TEXT_CONTROL_GROUP], &nonsense);
		check_group(&config, HK_KEY_CONTROL_READ_GROUP, config.values.text[HK_TEXT_CONTROL_READ_GROUP], &nonsense);
		for (uint32_t i = 0; i < HK_DIAGS && nonsense.skip + i < nonsense.count; i++) {
			if (where == NULL)
				hk_lint_add(lint, false, "%s", nonsense.text[i]);
			else if (!said_for_all(lint, nonsense.text[i]))
				add_for(lint, nonsense.text[i], where);
		}
		nonsense.skip += HK_DIAGS;
	} while (nonsense.skip < nonsense.count);
}

static void warn_for_sections(const struct hk_identity *identity, const struct hk_doc *doc, struct hk_lint *lint)
{
	warn_for(identity, "", NULL, lint);
	for (uint32_t i = 0; i < doc->n_sections; i++) {
		const struct hk_section *section = &doc->section[i];
		struct hk_identity one = *identity;
		char where[HK_SECTION_NAME_MAX + 16];

		snprintf(where, sizeof where, "[%s%s]",
		         section->kind == HK_SECTION_PROGRAM ? "program:" : section->kind == HK_SECTION_UNIT ? "unit:" : "",
		         section->name);
		if (section->kind == HK_SECTION_MODE)
			warn_for(identity, section->name, where, lint);
		else if (section->kind == HK_SECTION_PROGRAM && example_of(section->name, one.program, sizeof one.program))
			warn_for(&one, "", where, lint);
		else if (section->kind == HK_SECTION_UNIT && example_of(section->name, one.unit, sizeof one.unit))
			warn_for(&one, "", where, lint);
	}
}

/* ---- all of it ---- */

static void look_at(const struct hk_identity *identity, struct hk_lint *lint)
{
	struct hk_diags ignored = {.count = 0};
	struct hk_doc doc = {.identity = identity, .diags = &ignored, .keep_all = true};

	(void) hk_doc_read(&doc);
	hk_doc_link(&doc);
	for (uint32_t i = 0; i < doc.n_files; i++)
		json_array_append_new(lint->files, json_string(hk_out_safe(doc.file[i])));
	for (uint32_t i = 0; i < doc.n_settings; i++)
		lint->control |= doc.setting[i].what == HK_KEY_CONTROL && doc.setting[i].value.num != 0;
	for (uint32_t i = 0; i < doc.n_sections; i++)
		if (doc.section[i].kind == HK_SECTION_UNIT && strchr(doc.section[i].name, '@') != NULL &&
		    strpbrk(doc.section[i].name, "*?[") == NULL)
			json_array_append_new(lint->instances, json_string(hk_out_safe(doc.section[i].name)));
	read_files(identity, lint);
	read_daemon(identity, lint);
	hk_lint_sections(&doc, lint);
	warn_for_sections(identity, &doc, lint);
	tell_for(lint);
	hk_doc_drop(&doc);
}

void hk_lint_run(const char *conf, struct hk_lint *ret)
{
	struct hk_identity identity = {.conf = ""};
	bool too_long = strlen(conf) >= sizeof identity.conf;

	*ret = (struct hk_lint){.files = json_array(), .messages = json_array(), .instances = json_array()};
	if (too_long || (conf[0] != '\0' && access(conf, R_OK) != 0)) {
		hk_lint_add(ret, true, "%.300s: %s; put it back, or name another file", conf,
		            too_long ? "the path is too long" : strerror(errno));
		return;
	}
	strcpy(identity.conf, conf);
	look_at(&identity, ret);
	hk_lint_sort(ret);
}

void hk_lint_drop(struct hk_lint *lint)
{
	json_decref(lint->files);
	json_decref(lint->messages);
	json_decref(lint->instances);
}
