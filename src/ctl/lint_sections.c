/* SPDX-License-Identifier: MIT
 *
 * Sections and lines that can never take effect, whatever runs on the host: those that others override for all that
 * they match, names that no process has, modes that nothing selects. Only what is certain is said.
 */
#include "ctl/lint.h"
#include "ctl/output.h"

#include <stdio.h>
#include <string.h>

static const char *kind_name(const struct hk_section *s)
{
	return s->kind == HK_SECTION_PROGRAM ? "program:" : s->kind == HK_SECTION_UNIT ? "unit:" : "";
}

static const char *setting_name(unsigned what)
{
	return what < HK_KEY_COUNT ? hk_keys[what].name : what == HK_SETTING_MODE ? "mode" : "inherits";
}

/* "line 7", or with its file where that is another. */
static const char *place(const struct hk_doc *doc, unsigned file, unsigned line, unsigned here, char *buf, size_t size)
{
	if (file == here)
		snprintf(buf, size, "line %u", line);
	else
		snprintf(buf, size, "%s:%u", doc->file[file], line);
	return buf;
}

/* ---- overridden ---- */

/* A unit may be named without its ".service". */
static bool unit_covers(const char *glob, const char *other)
{
	char longer[HK_SECTION_NAME_MAX + 16], service[HK_SECTION_NAME_MAX + 16];
	bool may_omit = strchr(glob, '.') == NULL, wild = strpbrk(other, "*?[") != NULL;

	snprintf(longer, sizeof longer, "%s.service", glob);
	snprintf(service, sizeof service, "%s.service", other);
	if (strchr(other, '.') != NULL)
		return hk_glob_covers(glob, other) || (may_omit && hk_glob_covers(longer, other));
	/* Without a dot it matches the unit of that name, and if it has wildcards, others whose dot these match. */
	if (!hk_glob_covers(glob, service) && !(may_omit && hk_glob_covers(longer, service)))
		return false;
	return !wild || hk_glob_covers(glob, other);
}

static bool section_covers(const struct hk_section *s, const struct hk_section *other)
{
	if (s->kind != other->kind)
		return false;
	return s->kind == HK_SECTION_UNIT ? unit_covers(s->name, other->name) : hk_glob_covers(s->name, other->name);
}

/* The line that overrides the i-th for all that it could hold for, or NULL. */
static const struct hk_setting *winner(const struct hk_doc *doc, uint32_t i)
{
	const struct hk_setting *s = &doc->setting[i], *found = NULL;
	const struct hk_section *section = &doc->section[s->section];

	for (uint32_t j = 0; j < doc->n_settings; j++) {
		const struct hk_setting *t = &doc->setting[j];
		const struct hk_section *other = &doc->section[t->section];

		if (t->what != s->what || t->section == s->section)
			continue;
		if (section->kind == HK_SECTION_MODE && s->what < HK_KEY_COUNT && other->kind == HK_SECTION_GLOBAL)
			found = t;
		else if ((section->kind == HK_SECTION_PROGRAM || section->kind == HK_SECTION_UNIT) && j > i &&
		         section_covers(other, section))
			found = t;
	}
	return found;
}

/* Is there a later line of the same section for the same setting? That is what drop-ins are for. */
static bool superseded(const struct hk_doc *doc, uint32_t i)
{
	for (uint32_t j = i + 1; j < doc->n_settings; j++)
		if (doc->setting[j].section == doc->setting[i].section && doc->setting[j].what == doc->setting[i].what)
			return true;
	return false;
}

static void say_line(const struct hk_doc *doc, const struct hk_setting *s, const struct hk_setting *by, struct hk_lint *lint)
{
	const struct hk_section *section = &doc->section[s->section], *other = &doc->section[by->section];
	char there[HK_PATH_MAX + 16];

	place(doc, by->file, by->line, s->file, there, sizeof there);
	if (section->kind == HK_SECTION_MODE)
		hk_lint_add(lint, false,
		            "%s:%u: %s of mode [%s] never holds: [hakmem] gives it too (%s), which wins over every mode: take "
		            "one of them out",
		            doc->file[s->file], s->line, setting_name(s->what), section->name, there);
	else
		hk_lint_add(lint, false,
		            "%s:%u: %s of [%s%s] never holds: [%s%s] gives it later (%s), for all that this section matches: "
		            "put the more general section first",
		            doc->file[s->file], s->line, setting_name(s->what), kind_name(section), section->name,
		            kind_name(other), other->name, there);
}

/* All that the section gives is overridden: one message in place of many. */
static bool say_section(const struct hk_doc *doc, int section, struct hk_lint *lint)
{
	const struct hk_section *s = &doc->section[section];
	const struct hk_setting *by = NULL, *one;
	char there[HK_PATH_MAX + 16];
	unsigned n = 0;

	if (s->kind == HK_SECTION_MODE)
		return false;
	for (uint32_t i = 0; i < doc->n_settings; i++) {
		if (doc->setting[i].section != section || superseded(doc, i))
			continue;
		one = winner(doc, i);
		if (one == NULL)
			return false;
		by = one;
		n++;
	}
	if (n < 2)
		return false;
	hk_lint_add(lint, false,
	            "%s:%u: [%s%s] never holds: all that it gives is given later by [%s%s] (%s) for all that it matches: put the "
	            "more general section first",
	            doc->file[s->file], s->first_line, kind_name(s), s->name, kind_name(&doc->section[by->section]),
	            doc->section[by->section].name, place(doc, by->file, by->line, s->file, there, sizeof there));
	return true;
}

static void find_overridden(const struct hk_doc *doc, struct hk_lint *lint)
{
	for (int section = 0; section < (int) doc->n_sections; section++) {
		if (say_section(doc, section, lint))
			continue;
		for (uint32_t i = 0; i < doc->n_settings; i++) {
			const struct hk_setting *by;

			if (doc->setting[i].section != section || superseded(doc, i))
				continue;
			by = winner(doc, i);
			if (by != NULL)
				say_line(doc, &doc->setting[i], by, lint);
		}
	}
}

/* ---- names that nothing has ---- */

static bool ends_with(const char *text, const char *tail)
{
	size_t n = strlen(text), m = strlen(tail);

	return n >= m && strcmp(text + n - m, tail) == 0;
}

static const char *const unit_kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};

/* Behind the last wildcard. */
static const char *literal_tail(const char *glob)
{
	const char *tail = glob;

	for (const char *p = glob; *p != '\0'; p++)
		if (*p == '*' || *p == '?' || *p == ']')
			tail = p + 1;
	return tail;
}

/* Can the name of a unit that processes run in end like this? */
static bool unit_possible(const char *glob)
{
	const char *tail = literal_tail(glob);

	if (strchr(glob, '.') == NULL || *tail == '\0')
		return true;
	for (size_t i = 0; i < HK_COUNT(unit_kinds); i++)
		if (ends_with(tail, unit_kinds[i]) || (tail != glob && ends_with(unit_kinds[i], tail)))
			return true;
	return false;
}

static void check_near_unit(const char *file, const struct hk_section *s, struct hk_lint *lint)
{
	char full[HK_SECTION_NAME_MAX + 16], near[256];

	snprintf(full, sizeof full, "%s%s", s->name, strchr(s->name, '.') == NULL ? ".service" : "");
	if (hk_lint_near_unit(full, near, sizeof near) != NULL)
		hk_lint_add(lint, false, "%s:%u: [unit:%s]: this host has no such unit: did you mean [unit:%s]?", file, s->first_line,
		            s->name, near);
}

static void check_unit(const struct hk_doc *doc, const struct hk_section *s, struct hk_lint *lint)
{
	const char *file = doc->file[s->file];
	size_t most = sizeof ((struct hk_identity *) 0)->unit - 1;

	if (strchr(s->name, '/') != NULL)
		hk_lint_add(lint, false, "%s:%u: [unit:%s] never matches: a unit is matched by its name alone, without '/'", file,
		            s->first_line, s->name);
	else if (!unit_possible(s->name))
		hk_lint_add(lint, false,
		            "%s:%u: [unit:%s] never matches: processes run in a .service, .scope, .socket, .mount or .swap; a name "
		            "without any dot means a .service",
		            file, s->first_line, s->name);
	else if (strpbrk(s->name, "*?[") == NULL && strlen(s->name) > most)
		hk_lint_add(lint, false, "%s:%u: [unit:%.40s...] never matches: names are compared up to %zu bytes", file,
		            s->first_line, s->name, most);
	else if (strpbrk(s->name, "*?[") == NULL)
		check_near_unit(file, s, lint);
}

static void check_program(const struct hk_doc *doc, const struct hk_section *s, struct hk_lint *lint)
{
	const char *file = doc->file[s->file];
	size_t most = sizeof ((struct hk_identity *) 0)->program - 1, word = strcspn(s->name, " \t");
	char near[256];

	if (s->name[word] != '\0')
		hk_lint_add(lint, false,
		            "%s:%u: [program:%s] hardly matches: a program is matched by its name without arguments: "
		            "[program:%.*s]",
		            file, s->first_line, s->name, (int) word, s->name);
	else if (strpbrk(s->name, "*?[") == NULL && strlen(s->name) > most)
		hk_lint_add(lint, false, "%s:%u: [program:%.40s...] never matches: names are compared up to %zu bytes", file,
		            s->first_line, s->name, most);
	else if (strpbrk(s->name, "*?[") == NULL && hk_lint_near_program(s->name, near, sizeof near) != NULL)
		hk_lint_add(lint, false,
		            "%s:%u: [program:%s]: no such program runs or is in PATH: did you mean [program:%s]?", file,
		            s->first_line, s->name, near);
	for (size_t i = 0; i < HK_COUNT(unit_kinds); i++)
		if (ends_with(s->name, unit_kinds[i]))
			hk_lint_add(lint, false, "%s:%u: [program:%s] is named like a unit: did you mean [unit:%s]?", file,
			            s->first_line, s->name, s->name);
}

static void check_mode(const struct hk_doc *doc, const struct hk_section *s, struct hk_lint *lint)
{
	enum hk_mode built_in;

	if (!s->selected && !hk_mode_find(s->name, &built_in))
		hk_lint_add(lint, false,
		            "%s:%u: mode [%s] is used by no 'mode = %s': only HAKMEM_MODE or hakmemctl set can choose it",
		            doc->file[s->file], s->first_line, s->name, s->name);
}

/* ---- all of it ---- */

static bool is_empty(const struct hk_doc *doc, int section)
{
	for (uint32_t i = 0; i < doc->n_settings; i++)
		if (doc->setting[i].section == section)
			return false;
	return true;
}

void hk_lint_sections(const struct hk_doc *doc, struct hk_lint *lint)
{
	unsigned errors = lint->errors;

	for (int i = 0; i < (int) doc->n_sections; i++) {
		const struct hk_section *s = &doc->section[i];
		bool match = s->kind == HK_SECTION_PROGRAM || s->kind == HK_SECTION_UNIT;

		if (s->kind == HK_SECTION_PROGRAM)
			check_program(doc, s, lint);
		else if (s->kind == HK_SECTION_UNIT)
			check_unit(doc, s, lint);
		else if (s->kind == HK_SECTION_MODE)
			check_mode(doc, s, lint);
		/* Where there are errors its lines may be among them. */
		if (errors == 0 && match && is_empty(doc, i))
			hk_lint_add(lint, false, "%s:%u: [%s%s] gives nothing", doc->file[s->file], s->first_line, kind_name(s),
			            s->name);
	}
	find_overridden(doc, lint);
}
