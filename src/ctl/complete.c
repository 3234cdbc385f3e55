/* SPDX-License-Identifier: MIT
 *
 * What a shell may offer at the end of a command line, for the completion of bash and zsh (conf/completion): a request
 * that help does not list, "hakmemctl complete -- WORD...", whose last word is the one under way. Verbs,
 * options and kinds of arguments come from the table that help is printed from, keys and values from the
 * key table, targets from what runs: so a shell knows what this program knows.
 *
 * Answer: a line for each candidate, a tab and a description behind it; or ":files", or ":command N" (from word N on it is
 * another program's command line).
 */
#include "ctl/complete.h"
#include "config/doc.h"
#include "ctl/output.h"
#include "ctl/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 500 /* somebody waits for a key to take effect */

/* The command line so far. */
struct line {
	struct hk_ctl *ctl;
	const struct hk_command *command; /* NULL: none yet */
	char **words;
	int n;              /* the last one is under way */
	int position;       /* of the word under way among the arguments of the verb, options not counted */
	int behind;         /* number of the word behind "--", or 0 */
	bool diff;          /* --diff is there */
	const char *word;   /* under way */
};

static void offer(const struct line *line, const char *candidate, const char *doc)
{
	if (strncmp(candidate, line->word, strlen(line->word)) == 0)
		printf("%s\t%s\n", candidate, doc);
}

/* ---- verbs and options ---- */

static void offer_verbs(const struct line *line)
{
	for (const struct hk_command *c = hk_commands; c->name != NULL; c++)
		offer(line, c->name, c->doc);
}

/* One line of an options' text, "  -h, --help        help": the long option, what stands behind it, its description. */
struct option {
	char name[32], values[32], doc[80];
};

/* The next option at or behind *text; false at the end. */
static bool next_option(const char **text, struct option *ret)
{
	while (**text != '\0') {
		const char *start = *text, *end = start + strcspn(start, "\n");
		const char *name = strstr(start, "--");
		size_t n, v;

		*text = *end != '\0' ? end + 1 : end;
		if (strncmp(start, "  -", 3) != 0 || name == NULL || name > end)
			continue;
		n = strspn(name + 2, "abcdefghijklmnopqrstuvwxyz-") + 2;
		v = name[n] == '=' ? strcspn(name + n + 1, " \n") : 0;
		snprintf(ret->name, sizeof ret->name, "%.*s%s", (int) n, name, name[n] == '=' ? "=" : "");
		snprintf(ret->values, sizeof ret->values, "%.*s", (int) v, name + n + 1);
		name += n + (name[n] == '=' ? 1 + v : 0);
		name += strspn(name, " ");
		snprintf(ret->doc, sizeof ret->doc, "%.*s", name < end ? (int) (end - name) : 0, name);
		return true;
	}
	return false;
}

/* "--door=" with "1|2" is "--door=1" and "--door=2"; what is no list is for the user to write. */
static void offer_option(const struct line *line, const struct option *option)
{
	char candidate[80];

	if (strchr(option->values, '|') == NULL) {
		offer(line, option->name, option->doc);
		return;
	}
	for (const char *value = option->values; *value != '\0';) {
		size_t n = strcspn(value, "|");

		snprintf(candidate, sizeof candidate, "%s%.*s", option->name, (int) n, value);
		offer(line, candidate, option->doc);
		value += n + (value[n] != '\0');
	}
}

static bool is_run(const struct hk_command *command)
{
	return command != NULL && command->run == hk_do_exec;
}

static void offer_options(const struct line *line)
{
	const char *texts[] = {line->command != NULL && line->command->detail != NULL ? line->command->detail : "",
	                       is_run(line->command) ? "" : hk_ctl_options};
	struct option option;

	for (size_t i = 0; i < HK_COUNT(texts); i++)
		for (const char *text = texts[i]; next_option(&text, &option);)
			offer_option(line, &option);
}

json_t *hk_complete_table(const char *only)
{
	json_t *table = json_array();
	struct option option;

	for (const struct hk_command *c = hk_commands; c->name != NULL; c++) {
		const char *texts[] = {c->detail != NULL ? c->detail : "", is_run(c) ? "" : hk_ctl_options};
		json_t *options = json_array();

		for (size_t i = 0; i < HK_COUNT(texts); i++)
			for (const char *text = texts[i]; next_option(&text, &option);)
				json_array_append_new(options, json_sprintf("%s%s", option.name, option.values));
		if (only == NULL || strcmp(only, c->name) == 0)
			json_array_append_new(table, json_pack("{s:s,s:s,s:s,s:O}", "verb", c->name, "arguments", c->arguments,
			                                       "doc", c->doc, "options", options));
		json_decref(options);
	}
	return table;
}

/* ---- keys and values ---- */

/* Was the key given before the word under way? */
static bool given(const struct line *line, const char *key)
{
	size_t n = strlen(key);

	for (int i = 0; i + 1 < line->n; i++)
		if (strncmp(line->words[i], key, n) == 0 && (line->words[i][n] == '=' || line->words[i][n] == '\0'))
			return true;
	return false;
}

static void offer_keys(const struct line *line, const char *tail)
{
	bool set = line->command->run == hk_do_set;
	char candidate[HK_NAME_MAX + 2], doc[sizeof hk_keys[0].doc + 32];

	snprintf(candidate, sizeof candidate, "mode%s", tail);
	if (!given(line, "mode"))
		offer(line, candidate, "The mode: what every key that nobody gives is taken from.");
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		snprintf(candidate, sizeof candidate, "%s%s", hk_keys[k].name, tail);
		snprintf(doc, sizeof doc, "%s%s", hk_keys[k].doc,
		         set && hk_keys[k].context == HK_CONTEXT_STARTUP ? " (needs a restart)" : "");
		if (!given(line, hk_keys[k].name))
			offer(line, candidate, doc);
	}
}

static void offer_value(const struct line *line, const char *key, const char *value, size_t n, const char *doc)
{
	char candidate[HK_NAME_MAX + HK_VALUE_MAX + 2];

	snprintf(candidate, sizeof candidate, "%s=%.*s", key, (int) n, value);
	offer(line, candidate, doc);
}

static void offer_modes(const struct line *line, const char *key)
{
	const struct hk_doc *doc = hk_ctl_sections(&line->ctl->identity);
	enum hk_mode built_in;

	for (int m = 0; m < HK_MODE_COUNT; m++)
		offer_value(line, key, hk_mode_names[m], strlen(hk_mode_names[m]), "built-in mode");
	for (uint32_t i = 0; i < doc->n_sections; i++)
		if (doc->section[i].kind == HK_SECTION_MODE && !hk_mode_find(doc->section[i].name, &built_in))
			offer_value(line, key, doc->section[i].name, strlen(doc->section[i].name), "mode of the files");
}

/* Values of a key: all that there are, or for numbers and texts those of the presets. */
static void offer_values(const struct line *line, enum hk_key_id id)
{
	const struct hk_key *key = &hk_keys[id];

	if (key->type == HK_TYPE_BOOL) {
		offer_value(line, key->name, "on", 2, "");
		offer_value(line, key->name, "off", 3, "");
		return;
	}
	for (const char *choice = key->choices; key->type == HK_TYPE_ENUM && *choice != '\0';) {
		size_t n = strcspn(choice, " ");

		offer_value(line, key->name, choice, n, "");
		choice += n + (choice[n] == ' ');
	}
	if (key->type == HK_TYPE_ENUM)
		return;
	for (int m = 0; m < HK_MODE_COUNT; m++) {
		bool before = false;

		for (int i = 0; i < m; i++)
			before |= strcmp(key->preset[i], key->preset[m]) == 0;
		if (!before && key->preset[m][0] != '\0')
			offer_value(line, key->name, key->preset[m], strlen(key->preset[m]), "the preset");
	}
}

static void offer_settings(const struct line *line)
{
	const char *equals = strchr(line->word, '=');
	char name[HK_NAME_MAX];
	const char *near;
	enum hk_key_id key;

	if (equals == NULL || (size_t) (equals - line->word) >= sizeof name) {
		offer_keys(line, "=");
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int) (equals - line->word), line->word);
	if (strcmp(name, "mode") == 0)
		offer_modes(line, name);
	else if (hk_key_find(name, &key, &near) == 0 && strcmp(name, hk_keys[key].name) == 0)
		offer_values(line, key);
	else
		return;
	if (line->command->run == hk_do_set)
		offer_value(line, name, "-", 1, "take back what was set");
}

/* ---- what runs ---- */

static void offer_targets(const struct line *line)
{
	struct hk_services services;
	char pid[16], doc[256];

	hk_services_find(line->ctl->config.values.text[HK_TEXT_CONTROL_DIR], 0, TIMEOUT_MS, &services);
	for (unsigned i = 0; i < services.n; i++) {
		const struct hk_service *service = &services.at[i];
		const char *unit = hk_service_unit_safe(service);

		snprintf(pid, sizeof pid, "%d", (int) service->seen.pid);
		snprintf(doc, sizeof doc, "%s %s", hk_out_safe(hk_service_name(service)), unit);
		offer(line, pid, doc);
		offer(line, hk_out_safe(hk_service_name(service)), "program");
		if (unit[0] != '\0')
			offer(line, unit, "unit");
	}
}

/* Units that systemd knows by their files. */
static void offer_units(const struct line *line)
{
	for (size_t i = 0; hk_unit_folders[i] != NULL; i++) {
		DIR *dir = opendir(hk_unit_folders[i]);
		const struct dirent *entry;

		while (dir != NULL && (entry = readdir(dir)) != NULL) {
			size_t n = strlen(entry->d_name);
			if (n > 8 && strcmp(entry->d_name + n - 8, ".service") == 0)
				offer(line, hk_out_safe(entry->d_name), "unit");
		}
		if (dir != NULL)
			closedir(dir);
	}
}

/* ---- the word under way ---- */

/* The word of the verb's arguments ("TARGET KEY=VALUE...") that stands at the position; the last one may repeat. */
static const char *kind_at(const struct hk_command *command, int position, char *buf, size_t size)
{
	const char *p = command->arguments;

	buf[0] = '\0';
	while (*p != '\0') {
		size_t n = strcspn(p, " ");

		if (n == 2 && strncmp(p, "--", 2) == 0)
			break;
		snprintf(buf, size, "%.*s", (int) n, p);
		p += n + (p[n] == ' ');
		if (position-- == 0)
			return buf;
	}
	if (strstr(buf, "...") == NULL)
		buf[0] = '\0';
	return buf;
}

static void offer_arguments(const struct line *line)
{
	char buf[48];
	const char *kind = kind_at(line->command, line->position, buf, sizeof buf);

	if (is_run(line->command))
		offer(line, "--", "the command follows");
	if ((strstr(kind, "FILE") != NULL && !line->diff) || (strstr(kind, "PATH") != NULL && strchr(line->word, '/') != NULL))
		puts(":files");
	else if (strstr(kind, "KEY=VALUE") != NULL)
		offer_settings(line);
	else if (strstr(kind, "KEY") != NULL)
		offer_keys(line, "");
	else if (strstr(kind, "VERB") != NULL)
		offer_verbs(line);
	else if (strstr(kind, "UNIT") != NULL)
		offer_units(line);
	else if (strstr(kind, "TARGET") != NULL || line->diff)
		offer_targets(line);
	if (strstr(kind, "PATH") != NULL && strchr(line->word, '/') == NULL)
		offer_units(line); /* of what has not been loaded, too */
}

static void read_line(struct line *line)
{
	line->word = line->n > 0 ? line->words[line->n - 1] : "";
	for (int i = 0; i + 1 < line->n; i++) {
		const char *word = line->words[i];

		if (strcmp(word, "--") == 0) {
			line->behind = i + 1;
			return;
		}
		line->diff |= strcmp(word, "--diff") == 0;
		if (word[0] == '-' && word[1] != '\0')
			continue;
		if (line->command != NULL)
			line->position++;
		for (const struct hk_command *c = hk_commands; line->command == NULL && c->name != NULL; c++)
			if (strcmp(c->name, word) == 0)
				line->command = c;
		if (line->command == NULL)
			line->position = -1; /* no verb of ours */
	}
}

int hk_do_complete(struct hk_ctl *ctl, char **words, int n)
{
	struct line line = {.ctl = ctl, .words = words, .n = n};

	if (n > 0 && strcmp(words[0], "--") == 0) {
		line.words++;
		line.n--;
	}
	read_line(&line);
	if (line.behind > 0 && is_run(line.command))
		printf(":command %d\n", line.behind);
	else if (line.behind > 0 || line.position < 0)
		return HK_EXIT_DONE;
	else if (line.word[0] == '-' && !(is_run(line.command) && strcmp(line.word, "--") == 0))
		offer_options(&line);
	else if (line.command == NULL)
		offer_verbs(&line);
	else
		offer_arguments(&line);
	return HK_EXIT_DONE;
}
