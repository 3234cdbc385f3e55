/* SPDX-License-Identifier: MIT
 *
 * The linter. Main thread only.
 */
#include "ctl/lint.h"
#include "config/doc.h"
#include "ctl/output.h"
#include "ctl/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_MESSAGES 2400 /* of one check: each page of them reads the files again */

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

static bool said_before(const struct hk_lint *all, const char *text)
{
	for (size_t i = 0; i < json_array_size(all->messages); i++) {
		const char *said = hk_out_text(json_array_get(all->messages, i), "message");
		const char *rest = strstr(said, text);
		if (rest != NULL && strcmp(rest, text) == 0)
			return true;
	}
	return false;
}

static void add(struct hk_lint *all, bool is_error, const char *where, const char *text)
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
static void read_files(const struct hk_identity *identity, struct hk_config *ret, struct hk_lint *all)
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
static void warn_for(const struct hk_identity *identity, const char *mode, const char *where, struct hk_lint *all)
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

static void warn_for_sections(const struct hk_identity *identity, const struct hk_doc *doc, struct hk_lint *all)
{
	warn_for(identity, "", "every program", all);
	for (uint32_t i = 0; i < doc->n_sections; i++) {
		const struct hk_section *section = &doc->section[i];
		struct hk_identity one = *identity;
		char where[HK_SECTION_NAME_MAX + 16];
		static const char *const kinds[] = {"", "", "program:", "unit:", ""};

		snprintf(where, sizeof where, "[%s%s]", kinds[section->kind], section->name);
		if (section->kind == HK_SECTION_MODE)
			warn_for(identity, section->name, where, all);
		else if (section->kind == HK_SECTION_PROGRAM && example_of(section->name, one.program, sizeof one.program))
			warn_for(&one, "", where, all);
		else if (section->kind == HK_SECTION_UNIT && example_of(section->name, one.unit, sizeof one.unit))
			warn_for(&one, "", where, all);
	}
}

/* What the host's daemon would say of its section. */
static void read_daemon(const struct hk_identity *identity, struct hk_lint *all)
{
	struct hk_diags diags = {.count = 0};
	struct hk_settings settings;

	do {
		diags.count = diags.errors = 0;
		hk_settings_read(identity, &settings, &diags);
		for (uint32_t i = 0; i < HK_DIAGS && diags.skip + i < diags.count; i++)
			add(all, true, "", diags.text[i]);
		diags.skip += HK_DIAGS;
	} while (diags.skip < diags.count && diags.skip < MAX_MESSAGES);
}

static void look_at(const struct hk_identity *identity, struct hk_lint *all)
{
	struct hk_diags ignored = {.count = 0};
	struct hk_doc doc = {.identity = identity, .diags = &ignored};
	struct hk_config config;

	(void) hk_doc_read(&doc);
	hk_doc_link(&doc);
	for (uint32_t i = 0; i < doc.n_files; i++)
		json_array_append_new(all->files, json_string(hk_out_safe(doc.file[i])));
	read_files(identity, &config, all);
	read_daemon(identity, all);
	warn_for_sections(identity, &doc, all);
	hk_doc_drop(&doc);
}

void hk_lint_run(const char *conf, struct hk_lint *ret)
{
	struct hk_identity identity = {.conf = ""};
	bool too_long = strlen(conf) >= sizeof identity.conf;
	char text[HK_DIAG_MAX];

	*ret = (struct hk_lint){.files = json_array(), .messages = json_array()};
	if (too_long || (conf[0] != '\0' && access(conf, R_OK) != 0)) {
		snprintf(text, sizeof text, "%.150s: %s", conf, too_long ? "the path is too long" : strerror(errno));
		add(ret, true, "", text);
		return;
	}
	strcpy(identity.conf, conf);
	look_at(&identity, ret);
}

void hk_lint_drop(struct hk_lint *lint)
{
	json_decref(lint->files);
	json_decref(lint->messages);
}
