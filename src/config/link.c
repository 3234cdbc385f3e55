/* SPDX-License-Identifier: MIT
 *
 * Modes by name, once every file is read: a mode may be used above the section that defines it. After
 * hk_doc_link() each mode's section has a parent or stands on a built-in mode, and no chain is endless.
 */
#include "config/doc.h"

#include "config/name.h"

#include <string.h>

bool hk_doc_mode_exists(const struct hk_doc *doc, const char *name, const char **ret_near)
{
	struct hk_near near = {.want = name};
	enum hk_mode mode;

	if (hk_mode_find(name, &mode) || hk_doc_find_mode(doc, name) != HK_NO_SECTION)
		return true;
	for (int m = 0; m < HK_MODE_COUNT; m++)
		hk_near_offer(&near, hk_mode_names[m]);
	for (uint32_t i = 0; i < doc->n_sections; i++)
		if (doc->section[i].kind == HK_SECTION_MODE)
			hk_near_offer(&near, doc->section[i].name);
	*ret_near = near.best;
	return false;
}

/* Unknown modes are said, and their lines void. */
static void check_names(struct hk_doc *doc)
{
	for (uint32_t i = 0; i < doc->n_settings; i++) {
		struct hk_setting *s = &doc->setting[i];
		const char *near;
		int section;

		if (s->what < HK_KEY_COUNT)
			continue;
		section = hk_doc_find_mode(doc, s->value.text);
		if (section != HK_NO_SECTION)
			doc->section[section].selected = true;
		if (hk_doc_mode_exists(doc, s->value.text, &near))
			continue;
		hk_doc_error(doc, s->file, s->line, "unknown mode '%s'%s%s%s", s->value.text,
		             near != NULL ? ": did you mean '" : ": no section defines it",
		             near != NULL ? near : "", near != NULL ? "'?" : "");
		s->value.text[0] = '\0';
	}
}

/* A mode of one's own that says nothing stands on balanced, the default. */
static void tie_parents(struct hk_doc *doc)
{
	for (uint32_t i = 0; i < doc->n_sections; i++) {
		struct hk_section *s = &doc->section[i];
		enum hk_mode mode;

		if (s->kind == HK_SECTION_MODE && !hk_mode_find(s->name, &mode))
			s->parent = (int16_t) hk_doc_find_mode(doc, hk_mode_names[HK_MODE_BALANCED]);
	}
	for (uint32_t i = 0; i < doc->n_settings; i++) {
		const struct hk_setting *setting = &doc->setting[i];
		struct hk_section *s = &doc->section[setting->section];
		enum hk_mode mode;

		if (setting->what != HK_SETTING_INHERITS || setting->value.text[0] == '\0')
			continue;
		s->inherits = true;
		s->parent = (int16_t) hk_doc_find_mode(doc, setting->value.text);
		if (s->parent == HK_NO_SECTION && hk_mode_find(setting->value.text, &mode))
			s->base = (uint8_t) mode;
	}
}

/* The line to blame: the last 'inherits' of the section. */
static const struct hk_setting *inherits_line(const struct hk_doc *doc, int section)
{
	const struct hk_setting *found = NULL;

	for (uint32_t i = 0; i < doc->n_settings; i++)
		if (doc->setting[i].section == section && doc->setting[i].what == HK_SETTING_INHERITS)
			found = &doc->setting[i];
	return found;
}

/*
 * From each section upwards; who meets itself again is on a cycle, and loses its parent. Cutting one
 * link opens the cycle, so each is said once. Sections before i are on no cycle any more, but
 * may lead into one: hence the bound on the steps.
 */
static void cut_cycles(struct hk_doc *doc)
{
	for (uint32_t i = 0; i < doc->n_sections; i++) {
		struct hk_section *s = &doc->section[i];
		const struct hk_setting *line;
		int at = s->parent;

		for (uint32_t steps = 0; steps < doc->n_sections && at != HK_NO_SECTION && at != (int) i;
		     steps++)
			at = doc->section[at].parent;
		if (at != (int) i)
			continue;
		line = inherits_line(doc, (int) i);
		if (line == NULL) /* who has a parent has such a line */
			continue;
		hk_doc_error(doc, line->file, line->line, "[%s] inherits from itself%s%s%s", s->name,
		             s->parent == (int) i ? "" : " through [",
		             s->parent == (int) i ? "" : doc->section[s->parent].name,
		             s->parent == (int) i ? "" : "]");
		s->parent = HK_NO_SECTION;
	}
}

/*
 * [hakmen] or [balnced] would be a mode of the user's own that nothing selects, and its settings lost
 * without a word. A section that says 'inherits', or that is selected, is meant.
 */
static void doubt_names(struct hk_doc *doc)
{
	for (uint32_t i = 0; i < doc->n_sections; i++) {
		const struct hk_section *s = &doc->section[i];
		struct hk_near near = {.want = s->name};
		enum hk_mode mode;

		if (s->kind != HK_SECTION_MODE || s->selected || s->inherits || hk_mode_find(s->name, &mode))
			continue;
		hk_near_offer(&near, "hakmem");
		hk_near_offer(&near, "hakmemd");
		for (int m = 0; m < HK_MODE_COUNT; m++)
			hk_near_offer(&near, hk_mode_names[m]);
		if (near.best != NULL)
			hk_doc_error(doc, s->file, s->first_line,
			             "unknown section [%s]: did you mean [%s]? (a mode of your own says "
			             "'inherits = MODE')",
			             s->name, near.best);
	}
}

void hk_doc_link(struct hk_doc *doc)
{
	check_names(doc);
	tie_parents(doc);
	cut_cycles(doc);
	doubt_names(doc);
}
