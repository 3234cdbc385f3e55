/* SPDX-License-Identifier: MIT
 *
 * Section headers. They are read here and not by libinih, which cuts names at 50 bytes, ends a glob
 * like [program:python3.[0-9]*] at the first bracket and never reports a section without keys.
 */
#include "config/doc.h"

#include "config/name.h"

#include <string.h>

#define GLOBAL "hakmem"
#define DAEMON "hakmemd"

/* A unit may be named without its ".service", as systemctl allows. */
static bool matches_unit(const char *glob, const char *unit)
{
	char service[sizeof(((struct hk_identity *) 0)->unit)];
	size_t n = strlen(unit), tail = strlen(".service");

	if (unit[0] == '\0')
		return false;
	if (hk_glob_match(glob, unit))
		return true;
	if (strchr(glob, '.') != NULL || n <= tail || strcmp(unit + n - tail, ".service") != 0)
		return false;
	memcpy(service, unit, n - tail);
	service[n - tail] = '\0';
	return hk_glob_match(glob, service);
}

static bool applies(const struct hk_doc *doc, enum hk_section_kind kind, const char *name)
{
	switch (kind) {
	case HK_SECTION_GLOBAL:
		return true;
	case HK_SECTION_PROGRAM:
		return doc->identity->program[0] != '\0' && hk_glob_match(name, doc->identity->program);
	case HK_SECTION_UNIT:
		return matches_unit(name, doc->identity->unit);
	default:
		return false;
	}
}

static bool same(const struct hk_section *s, enum hk_section_kind kind, const char *name)
{
	if (s->kind != kind)
		return false;
	return kind == HK_SECTION_MODE ? hk_name_equal(s->name, name) : strcmp(s->name, name) == 0;
}

static int find_or_add(struct hk_doc *doc, unsigned file, uint32_t line, enum hk_section_kind kind,
                       const char *name)
{
	struct hk_section *s;

	for (uint32_t i = 0; i < doc->n_sections; i++)
		if (same(&doc->section[i], kind, name))
			return (int) i;
	if (doc->n_sections == HK_DOC_SECTIONS) {
		if (!doc->crowded)
			hk_doc_error(doc, file, line, "more than %d sections", HK_DOC_SECTIONS);
		doc->crowded = true;
		return HK_NO_SECTION;
	}
	s = &doc->section[doc->n_sections];
	s->kind = (uint8_t) kind;
	s->applies = applies(doc, kind, name);
	s->parent = HK_NO_SECTION;
	s->base = HK_MODE_BALANCED;
	s->file = s->lines_file = (uint8_t) file;
	s->first_line = (uint16_t) hk_min(line, UINT16_MAX);
	(void) hk_text_copy(s->name, sizeof(s->name), name);
	for (char *p = s->name; kind == HK_SECTION_MODE && *p != '\0'; p++)
		*p = hk_to_lower(*p);
	return (int) doc->n_sections++;
}

/* "program:GLOB" and "unit:GLOB"; colon points into name. */
static int enter_match(struct hk_doc *doc, unsigned file, uint32_t line, char *name, char *colon)
{
	struct hk_near near = {.want = name};
	char *glob = colon + 1, *end = colon;
	enum hk_section_kind kind = HK_SECTION_PROGRAM;

	while (end > name && hk_is_blank(end[-1]))
		end--;
	*end = '\0';
	while (hk_is_blank(*glob))
		glob++;
	if (hk_name_equal(name, "unit")) {
		kind = HK_SECTION_UNIT;
	} else if (!hk_name_equal(name, "program")) {
		hk_near_offer(&near, "program");
		hk_near_offer(&near, "unit");
		if (near.best != NULL)
			hk_doc_error(doc, file, line,
			             "unknown section [%.40s:%.60s]: did you mean [%s:%.60s]?", name, glob,
			             near.best, glob);
		else
			hk_doc_error(doc, file, line,
			             "unknown section [%.40s:%.60s]: only [program:NAME] and [unit:NAME] "
			             "have a ':'",
			             name, glob);
		return HK_NO_SECTION;
	}
	if (*glob == '\0') {
		hk_doc_error(doc, file, line, "[%s:] names no %s: say [%s:NAME], '*' for all", name, name,
		             name);
		return HK_NO_SECTION;
	}
	if (kind == HK_SECTION_PROGRAM && strchr(glob, '/') != NULL) {
		hk_doc_error(doc, file, line,
		             "[program:%.100s]: a program is matched by its name without directory", glob);
		return HK_NO_SECTION;
	}
	return find_or_add(doc, file, line, kind, glob);
}

/* "hakmem", "hakmemd" or a mode, built-in or own. */
static int enter_name(struct hk_doc *doc, unsigned file, uint32_t line, const char *name)
{
	enum hk_mode mode;
	const char *rest;
	size_t word;
	int section;

	if (hk_name_equal(name, GLOBAL))
		return find_or_add(doc, file, line, HK_SECTION_GLOBAL, GLOBAL);
	if (hk_name_equal(name, DAEMON))
		return find_or_add(doc, file, line, HK_SECTION_DAEMON, DAEMON);
	if (hk_name_equal(name, "program") || hk_name_equal(name, "unit")) {
		hk_doc_error(doc, file, line, "[%s] names no %s: say [%s:NAME]", name, name, name);
		return HK_NO_SECTION;
	}
	word = strcspn(name, " \t.=");
	if (hk_name_equal_n(name, word, "program") || hk_name_equal_n(name, word, "unit")) {
		rest = name + word + 1;
		rest += strspn(rest, " \t");
		hk_doc_error(doc, file, line, "section [%.80s] is no mode's name: did you mean [%.*s:%.60s]?", name, (int) word, name,
		             rest);
		return HK_NO_SECTION;
	}
	if (!hk_name_valid(name)) {
		hk_doc_error(doc, file, line,
		             "section [%.80s] is no mode's name: 1 to %d letters, digits, '-', '_' or '.'",
		             name, HK_NAME_MAX - 1);
		return HK_NO_SECTION;
	}
	section = find_or_add(doc, file, line, HK_SECTION_MODE, name);
	if (section != HK_NO_SECTION && hk_mode_find(name, &mode))
		doc->section[section].base = (uint8_t) mode;
	return section;
}

int hk_doc_enter(struct hk_doc *doc, unsigned file, uint32_t line, char *header)
{
	size_t n = strlen(header);
	char *name = header + 1, *colon;

	if (n < 2 || header[n - 1] != ']') {
		hk_doc_error(doc, file, line,
		             "'%.80s': a section is [NAME] with nothing behind it but a comment", header);
		return HK_NO_SECTION;
	}
	for (header[--n] = '\0'; n > 1 && hk_is_blank(header[n - 1]);)
		header[--n] = '\0';
	while (hk_is_blank(*name))
		name++;
	if (strlen(name) >= HK_SECTION_NAME_MAX) {
		hk_doc_error(doc, file, line, "the section's name is longer than %d bytes",
		             HK_SECTION_NAME_MAX - 1);
		return HK_NO_SECTION;
	}
	colon = strchr(name, ':');
	if (colon != NULL)
		return enter_match(doc, file, line, name, colon);
	return enter_name(doc, file, line, name);
}
