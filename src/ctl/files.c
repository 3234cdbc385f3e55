/* SPDX-License-Identifier: MIT
 *
 * check and modes: the configuration files by themselves, without any process.
 */
#include "config/doc.h"
#include "ctl/check.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct hk_doc *hk_ctl_sections(const struct hk_identity *identity)
{
	struct hk_doc *doc = calloc(1, sizeof *doc);
	struct hk_diags *ignored = calloc(1, sizeof *ignored);

	if (doc == NULL || ignored == NULL)
		hk_out_of_memory();
	doc->identity = identity;
	doc->diags = ignored;
	hk_doc_read(doc);
	hk_doc_link(doc);
	return doc;
}

/* ---- check ---- */

static void print_findings(const struct hk_lint *lint, bool colour)
{
	for (size_t i = 0; i < json_array_size(lint->messages); i++) {
		const json_t *message = json_array_get(lint->messages, i);
		const char *level = hk_out_text(message, "level");
		printf("%s%s%s: %s\n", colour ? (level[0] == 'e' ? "\033[31m" : "\033[33m") : "", level,
		       colour ? "\033[0m" : "", json_string_value(json_object_get(message, "message")));
	}
}

/* Every file that was read, when there is nothing to say of any. */
static void print_clean(const char *name, const struct hk_lint *lint)
{
	if (json_array_size(lint->files) == 0)
		printf("%s: there is none; built-in defaults hold\n", hk_out_safe(name));
	for (size_t i = 0; i < json_array_size(lint->files); i++)
		printf("%s: clean\n", json_string_value(json_array_get(lint->files, i)));
}

/* Who goes on with other values until it is told. */
static void print_services(const json_t *services)
{
	for (size_t i = 0; i < json_array_size(services); i++) {
		const json_t *one = json_array_get(services, i);
		unsigned n = (unsigned) hk_out_uint(one, "changes"), pid = (unsigned) hk_out_uint(one, "pid");
		if (n > 0)
			printf("%s[%u] has %u other value%s: hakmemctl check --diff %u shows what a reload would change\n",
			       hk_out_text(one, "program"), pid, n, n == 1 ? "" : "s", pid);
	}
}

static json_t *check_object(const char *name, const struct hk_lint *lint, json_t *services)
{
	return json_pack("{s:s,s:O,s:i,s:i,s:O,s:O}", "file", hk_out_safe(name), "files", lint->files, "errors",
	                 (int) lint->errors, "warnings", (int) lint->warnings, "messages", lint->messages, "services",
	                 services);
}

/* One file, or (NULL) the ones that hold here. Its result goes to results, or to the screen. */
static bool check_one(struct hk_check_live *live, const char *file, json_t *results)
{
	const struct hk_ctl *ctl = live->ctl;
	const char *name = file != NULL ? file : ctl->identity.conf;
	json_t *services = json_array();
	struct hk_lint lint;
	bool clean;

	hk_lint_run(name, &lint);
	if (json_array_size(lint.files) > 0)
		hk_check_live(live, &lint, services), hk_check_units(live, name, &lint);
	clean = lint.errors == 0;
	if (name[0] == '\0')
		name = HK_SYSCONFDIR "/hakmem.ini";
	if (ctl->json) {
		json_array_append_new(results, check_object(name, &lint, services));
	} else {
		if (json_array_size(lint.messages) > 0)
			print_findings(&lint, ctl->colour);
		else
			print_clean(name, &lint);
		print_services(services);
	}
	json_decref(services);
	hk_lint_drop(&lint);
	return clean;
}

int hk_do_check(struct hk_ctl *ctl)
{
	struct hk_check_live live = {.ctl = ctl};
	json_t *results = json_array();
	bool clean = true;

	if (ctl->diff)
		return hk_check_diff(ctl);
	if (ctl->nargs == 0)
		clean = check_one(&live, NULL, results);
	for (int i = 0; i < ctl->nargs; i++)
		clean &= check_one(&live, ctl->args[i], results);
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
