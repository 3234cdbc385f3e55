/* SPDX-License-Identifier: MIT
 *
 * check and modes: the configuration files by themselves, without any process.
 */
#include "config/doc.h"
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_MESSAGES 2400 /* of one check: each page of them reads the files again */

const struct hk_doc *hk_ctl_sections(const struct hk_identity *identity)
{
	struct hk_doc *doc = calloc(1, sizeof *doc);
	struct hk_diags *ignored = calloc(1, sizeof *ignored);

	if (doc == NULL || ignored == NULL) {
		perror("hakmemctl");
		exit(HK_EXIT_FAILED);
	}
	doc->identity = identity;
	doc->diags = ignored;
	hk_doc_read(doc);
	hk_doc_link(doc);
	return doc;
}

/* ---- check ---- */

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

/* What was found, all of it: an array of objects with level and message. */
struct findings {
	json_t *messages;
	unsigned errors, warnings;
};

static bool said_before(const struct findings *all, const char *text)
{
	for (size_t i = 0; i < json_array_size(all->messages); i++) {
		const char *said = hk_out_text(json_array_get(all->messages, i), "message");
		const char *rest = strstr(said, text);
		if (rest != NULL && strcmp(rest, text) == 0)
			return true;
	}
	return false;
}

static void add(struct findings *all, bool is_error, const char *where, const char *text)
{
	json_t *message = json_sprintf("%s%s", where, hk_out_safe(text));

	if (is_error)
		all->errors++;
	else
		all->warnings++;
	json_array_append_new(all->messages,
	                      json_pack("{s:s,s:o}", "level", is_error ? "error" : "warning", "message", message));
}

/* What the files say by themselves, a page of messages at a time, since so few are kept. */
static void read_files(const struct hk_identity *identity, struct hk_config *ret, struct findings *all)
{
	struct hk_diags diags = {.count = 0};

	do {
		diags.count = diags.errors = 0;
		hk_config_resolve(identity, NULL, NULL, NULL, ret, &diags);
		for (uint32_t i = 0; i < HK_DIAGS && diags.skip + i < diags.count; i++)
			add(all, diags.is_error[i], "", diags.text[i]);
		diags.skip += HK_DIAGS;
	} while (diags.skip < diags.count && diags.skip < MAX_MESSAGES);
	if (diags.count > diags.skip)
		add(all, true, "", "... and many more");
}

/* The nonsense in what one kind of process would get; what others get as well is said once. */
static void warn_for(const struct hk_identity *identity, const char *mode, const char *where, struct findings *all)
{
	struct hk_overlay env = {.mask = 0};
	struct hk_diags ignored = {.count = 0}, nonsense = {.count = 0};
	struct hk_config config;
	char before[80];

	snprintf(env.mode, sizeof env.mode, "%s", mode);
	snprintf(before, sizeof before, "%.60s: ", hk_out_safe(where));
	hk_config_resolve(identity, &env, NULL, NULL, &config, &ignored);
	do {
		nonsense.count = 0;
		hk_config_warn(&config, &nonsense);
		for (uint32_t i = 0; i < HK_DIAGS && nonsense.skip + i < nonsense.count; i++)
			if (!said_before(all, nonsense.text[i]))
				add(all, false, before, nonsense.text[i]);
		nonsense.skip += HK_DIAGS;
	} while (nonsense.skip < nonsense.count);
}

static void warn_for_sections(const struct hk_identity *identity, const struct hk_doc *doc, struct findings *all)
{
	warn_for(identity, "", "every program", all);
	for (uint32_t i = 0; i < doc->n_sections; i++) {
		const struct hk_section *section = &doc->section[i];
		struct hk_identity one = *identity;
		char where[HK_SECTION_NAME_MAX + 16];
		static const char *const kinds[] = {"", "", "program:", "unit:"};

		snprintf(where, sizeof where, "[%s%s]", kinds[section->kind], section->name);
		if (section->kind == HK_SECTION_MODE)
			warn_for(identity, section->name, where, all);
		else if (section->kind == HK_SECTION_PROGRAM && example_of(section->name, one.program, sizeof one.program))
			warn_for(&one, "", where, all);
		else if (section->kind == HK_SECTION_UNIT && example_of(section->name, one.unit, sizeof one.unit))
			warn_for(&one, "", where, all);
	}
}

static void print_findings(const struct findings *all, bool colour)
{
	for (size_t i = 0; i < json_array_size(all->messages); i++) {
		const json_t *message = json_array_get(all->messages, i);
		const char *level = hk_out_text(message, "level");
		printf("%s%s%s: %s\n", colour ? (level[0] == 'e' ? "\033[31m" : "\033[33m") : "", level,
		       colour ? "\033[0m" : "", hk_out_text(message, "message"));
	}
}

/* Every file that was read, when there is nothing to say of any. */
static void print_clean(const char *name, const struct hk_doc *doc)
{
	if (doc->n_files == 0)
		printf("%s: there is none; built-in defaults hold\n", hk_out_safe(name));
	for (uint32_t i = 0; i < doc->n_files; i++)
		printf("%s: clean\n", hk_out_safe(doc->file[i]));
}

static json_t *check_object(const char *name, const struct hk_doc *doc, const struct findings *all)
{
	json_t *files = json_array();

	for (uint32_t i = 0; doc != NULL && i < doc->n_files; i++)
		json_array_append_new(files, json_string(hk_out_safe(doc->file[i])));
	return json_pack("{s:s,s:o,s:i,s:i,s:O}", "file", hk_out_safe(name), "files", files, "errors", (int) all->errors,
	                 "warnings", (int) all->warnings, "messages", all->messages);
}

/* One file, or (NULL) the ones that hold here. Its result goes to results, or to the screen. */
static bool check_one(struct hk_ctl *ctl, const char *file, json_t *results)
{
	struct hk_identity identity = {.conf = ""};
	struct findings all = {.messages = json_array()};
	const struct hk_doc *doc = NULL;
	struct hk_config config;
	const char *name = file != NULL ? file : ctl->identity.conf[0] != '\0' ? ctl->identity.conf : NULL;
	bool too_long = name != NULL && strlen(name) >= sizeof identity.conf;

	if (too_long || (name != NULL && access(name, R_OK) != 0)) {
		char text[HK_DIAG_MAX];
		snprintf(text, sizeof text, "%.150s: %s", name, too_long ? "the path is too long" : strerror(errno));
		add(&all, true, "", text);
	} else {
		snprintf(identity.conf, sizeof identity.conf, "%s", name != NULL ? name : "");
		doc = hk_ctl_sections(&identity);
		read_files(&identity, &config, &all);
		warn_for_sections(&identity, doc, &all);
	}
	if (name == NULL)
		name = HK_SYSCONFDIR "/hakmem.ini";
	if (ctl->json)
		json_array_append_new(results, check_object(name, doc, &all));
	else if (json_array_size(all.messages) > 0)
		print_findings(&all, ctl->colour);
	else
		print_clean(name, doc);
	return all.errors == 0;
}

int hk_do_check(struct hk_ctl *ctl)
{
	json_t *results = json_array();
	bool clean = true;

	if (ctl->nargs == 0)
		clean = check_one(ctl, NULL, results);
	for (int i = 0; i < ctl->nargs; i++)
		clean &= check_one(ctl, ctl->args[i], results);
	if (ctl->json && hk_out_json(results) != 0)
		return HK_EXIT_FAILED;
	return clean ? HK_EXIT_DONE : HK_EXIT_FAILED;
}

/* ---- modes ---- */

/* Names of all modes: the built-in ones, then the user's in the order of the file. */
static size_t list_modes(const struct hk_identity *identity, const char **ret, size_t size)
{
	const struct hk_doc *doc = hk_ctl_sections(identity);
	size_t n = 0;
	enum hk_mode built_in;

	for (; n < HK_MODE_COUNT; n++)
		ret[n] = hk_mode_names[n];
	for (uint32_t i = 0; i < doc->n_sections && n < size; i++)
		if (doc->section[i].kind == HK_SECTION_MODE && !hk_mode_find(doc->section[i].name, &built_in))
			ret[n++] = doc->section[i].name;
	return n;
}

static json_t *mode_object(const struct hk_config *config)
{
	json_t *keys = json_object();
	char text[HK_VALUE_MAX];

	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		json_object_set_new(keys, hk_keys[k].name,
		                    json_string(hk_out_safe(hk_values_format(&config->values, k, text))));
	return json_pack("{s:s,s:s,s:o}", "mode", config->mode, "base", hk_mode_names[config->base_mode], "keys", keys);
}

static void print_modes(const struct hk_config *configs, size_t n, bool colour)
{
	const char **cells = calloc((HK_KEY_COUNT + 1) * (n + 1), sizeof *cells);
	char text[HK_VALUE_MAX], cell[HK_VALUE_MAX + 2], align[HK_DOC_SECTIONS + 2];
	bool marked = false;

	if (cells == NULL)
		return;
	memset(align, 'l', sizeof align);
	cells[0] = "KEY";
	for (size_t m = 0; m < n; m++)
		cells[m + 1] = configs[m].mode;
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		const char **row = cells + (k + 1) * (n + 1);
		row[0] = hk_keys[k].name;
		for (size_t m = 0; m < n; m++) {
			bool changed = configs[m].origin[k] != HK_ORIGIN_PRESET;
			marked |= changed;
			hk_values_format(&configs[m].values, k, text);
			snprintf(cell, sizeof cell, "%s%s", hk_out_safe(text), changed ? "*" : "");
			row[m + 1] = strdup(cell);
		}
	}
	hk_out_table(cells, HK_KEY_COUNT + 1, n + 1, align, colour);
	if (marked)
		puts("* given by the files, over the built-in preset");
	free(cells);
}

int hk_do_modes(struct hk_ctl *ctl)
{
	const char *names[HK_DOC_SECTIONS];
	size_t n = list_modes(&ctl->identity, names, HK_COUNT(names));
	struct hk_config *configs = calloc(n, sizeof *configs);
	json_t *array = json_array();
	struct hk_diags diags = {.count = 0};

	if (configs == NULL)
		return HK_EXIT_FAILED;
	for (size_t m = 0; m < n; m++) {
		struct hk_overlay env = {.mask = 0};
		snprintf(env.mode, sizeof env.mode, "%s", names[m]);
		memset(&diags, 0, sizeof diags);
		hk_config_resolve(&ctl->identity, &env, NULL, NULL, &configs[m], &diags);
		json_array_append_new(array, mode_object(&configs[m]));
	}
	if (diags.errors > 0)
		fprintf(stderr, "hakmemctl: the files have %u error%s (hakmemctl check shows them); these lines do not count\n",
		        diags.errors, diags.errors == 1 ? "" : "s");
	if (ctl->json)
		return hk_out_json(array);
	print_modes(configs, n, ctl->colour);
	return HK_EXIT_DONE;
}
