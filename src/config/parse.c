/* SPDX-License-Identifier: MIT
 *
 * One file through libinih: our source hands it one clean line at a time, it splits name and value
 * and hands them back. What it keeps quiet about (a line without '=') shows by its handler not
 * having been called. A bad line costs only itself.
 */
#include "config/doc.h"

#include "config/name.h"
#include "config/source.h"

#include <ini.h>
#include <string.h>

/* The state of one file; user pointer of both callbacks. */
struct reader {
	struct hk_doc *doc;
	unsigned file;
	int section;     /* HK_NO_SECTION after a bad header: keys are checked, not kept */
	bool headed;     /* some header was seen */
	bool unanswered; /* a line was handed to libinih and no key came back */
	bool ended;
	struct hk_source source;
};

/* What stands left of '='. Returns a key or one of the two words, or −1 with an error said. */
static int find_setting(struct reader *r, const char *name)
{
	struct hk_near near = {.want = name};
	enum hk_key_id key;
	const char *best;

	if (hk_name_equal(name, "mode"))
		return HK_SETTING_MODE;
	if (hk_name_equal(name, "inherits"))
		return HK_SETTING_INHERITS;
	if (hk_key_find(name, &key, &best) == 0)
		return (int) key;
	if (best != NULL)
		hk_near_offer(&near, best);
	hk_near_offer(&near, "mode");
	hk_near_offer(&near, "inherits");
	if (name[0] == '\0')
		hk_doc_error(r->doc, r->file, r->source.line, "there is no key before the '='");
	else
		hk_doc_error(r->doc, r->file, r->source.line, "unknown key '%.60s'%s%s%s", name,
		             near.best != NULL ? ": did you mean '" : "", near.best != NULL ? near.best : "",
		             near.best != NULL ? "'?" : "");
	return -1;
}

/* Are the two words in a section where they mean something? */
static bool belongs(struct reader *r, int what)
{
	const struct hk_section *s = &r->doc->section[r->section];
	enum hk_mode mode;

	if (what == HK_SETTING_MODE && s->kind == HK_SECTION_MODE) {
		hk_doc_error(r->doc, r->file, r->source.line,
		             "'mode' belongs into [hakmem], [program:NAME] or [unit:NAME]; a mode builds on "
		             "another with 'inherits'");
		return false;
	}
	if (what != HK_SETTING_INHERITS)
		return true;
	if (s->kind != HK_SECTION_MODE) {
		hk_doc_error(r->doc, r->file, r->source.line,
		             "'inherits' belongs into the section of a mode of your own; here it is 'mode'");
		return false;
	}
	if (hk_mode_find(s->name, &mode)) {
		hk_doc_error(r->doc, r->file, r->source.line,
		             "[%s] is built in and cannot inherit: give your mode its own name", s->name);
		return false;
	}
	return true;
}

/* Quotes around the whole value are taken off; a lone one is left by a comment sign inside. */
static bool unquote(struct reader *r, char *value)
{
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		memmove(value, value + 1, n - 2);
		value[n - 2] = '\0';
		n -= 2;
	}
	if (memchr(value, '"', n) == NULL)
		return true;
	hk_doc_error(r->doc, r->file, r->source.line,
	             "stray '\"' in the value: none are needed, and ' ;' starts a comment even between them");
	return false;
}

static bool parse_value(struct reader *r, int what, const char *text, struct hk_value *ret)
{
	char why[HK_DIAG_MAX];

	memset(ret, 0, sizeof(*ret));
	if (what < HK_KEY_COUNT) {
		if (hk_value_parse((enum hk_key_id) what, text, ret, why, sizeof(why)) == 0)
			return true;
		hk_doc_error(r->doc, r->file, r->source.line, "%s%s", why,
		             strstr(text, " #") != NULL ? " (a comment behind a value starts with ' ;')"
		                                        : "");
		return false;
	}
	if (!hk_name_valid(text)) {
		hk_doc_error(r->doc, r->file, r->source.line, "'%.60s' is no mode's name", text);
		return false;
	}
	return hk_text_copy(ret->text, sizeof(ret->text), text);
}

/* Claim the setting's place in its section; an earlier line of this file keeps it. */
static bool claim(struct reader *r, int what)
{
	struct hk_section *s = &r->doc->section[r->section];

	if (s->lines_file != r->file) {
		memset(s->line, 0, sizeof(s->line));
		s->lines_file = (uint8_t) r->file;
	}
	if (s->line[what] != 0) {
		hk_doc_error(r->doc, r->file, r->source.line,
		             "duplicate '%s': this section has it in line %u already",
		             what < HK_KEY_COUNT       ? hk_keys[what].name
		             : what == HK_SETTING_MODE ? "mode"
		                                       : "inherits",
		             s->line[what]);
		return false;
	}
	s->line[what] = (uint16_t) hk_min(r->source.line, UINT16_MAX);
	return true;
}

static void keep(struct reader *r, int what, const struct hk_value *value)
{
	struct hk_doc *doc = r->doc;
	uint8_t kind = doc->section[r->section].kind;
	struct hk_setting *setting;

	if (what == HK_KEY_CONTROL && value->num != 0 && (kind == HK_SECTION_PROGRAM || kind == HK_SECTION_UNIT))
		doc->control_elsewhere = true;
	/* Keys for other programs are only checked; modes are looked up when all files are read. */
	if (what < HK_KEY_COUNT && kind != HK_SECTION_MODE && !doc->section[r->section].applies && !doc->keep_all)
		return;
	if (doc->n_settings == HK_DOC_SETTINGS) {
		if (!doc->full)
			hk_doc_error(doc, r->file, r->source.line, "more than %d settings", HK_DOC_SETTINGS);
		doc->full = true;
		return;
	}
	setting = &doc->setting[doc->n_settings++];
	setting->section = (int16_t) r->section;
	setting->what = (uint8_t) what;
	setting->file = (uint8_t) r->file;
	setting->line = (uint16_t) hk_min(r->source.line, UINT16_MAX);
	setting->value = *value;
}

/* In the section of the host daemon: nothing there is a service's business, a mistake neither. */
static bool is_daemons(const struct reader *r)
{
	return r->section != HK_NO_SECTION && r->doc->section[r->section].kind == HK_SECTION_DAEMON;
}

/* libinih's handler. It is told its section by us, not by libinih (see section.c). */
#if INI_HANDLER_LINENO
static int handle(void *user, const char *section, const char *name, const char *value, int number)
#else
static int handle(void *user, const char *section, const char *name, const char *value)
#endif
{
	struct reader *r = user;
	char text[HK_DIAG_MAX];
	struct hk_value parsed;
	int what;

	(void) section;
#if INI_HANDLER_LINENO
	(void) number;
#endif
	if (name == NULL || value == NULL)
		return 1; /* a build of libinih that lets lines without '=' pass: unanswered says so */
	r->unanswered = false;
	(void) hk_text_copy(text, sizeof(text), value);
	if (is_daemons(r)) {
		if (r->doc->daemon != NULL && unquote(r, text))
			r->doc->daemon(r->doc, r->file, r->source.line, name, text);
		return 1;
	}
	what = find_setting(r, name);
	if (what < 0 || !unquote(r, text))
		return 1;
	if (!r->headed) {
		hk_doc_error(r->doc, r->file, r->source.line,
		             "'%s' stands before the first section: put it below [hakmem]", name);
		return 1;
	}
	if (r->section != HK_NO_SECTION && !belongs(r, what))
		return 1;
	if (parse_value(r, what, text, &parsed) && r->section != HK_NO_SECTION && claim(r, what))
		keep(r, what, &parsed);
	return 1;
}

static void settle(struct reader *r)
{
	if (r->unanswered)
		hk_doc_error(r->doc, r->file, r->source.line, "expected KEY = VALUE or [SECTION]");
	r->unanswered = false;
}

/* Returns true if the line is one for libinih. */
static bool accept_line(struct reader *r, enum hk_line kind, char *line, size_t size)
{
	switch (kind) {
	case HK_LINE_OK:
		if (line[0] != '[')
			return line[0] != '\0';
		r->headed = true;
		r->section = hk_doc_enter(r->doc, r->file, r->source.line, line);
		return false;
	case HK_LINE_LONG:
	case HK_LINE_CONTROL:
		/* A header that is lost must not leave its keys to the section before. */
		if (line[0] == '[') {
			r->headed = true;
			r->section = HK_NO_SECTION;
		}
		if (kind == HK_LINE_LONG)
			hk_doc_error(r->doc, r->file, r->source.line, "the line is longer than %zu bytes",
			             size - 1);
		else
			hk_doc_error(r->doc, r->file, r->source.line,
			             "the line contains a control character");
		return false;
	case HK_LINE_TOO_BIG:
		hk_doc_error(r->doc, r->file, r->source.line,
		             "the file is larger than %zu KiB: the rest is ignored",
		             HK_SOURCE_MAX_BYTES / 1024);
		break;
	case HK_LINE_ERROR:
		hk_doc_error(r->doc, r->file, r->source.line, "cannot be read to its end");
		break;
	default:
		break;
	}
	r->ended = true;
	return false;
}

/* libinih's reader: the next line that it has to see, with a line end, in size bytes. */
static char *feed(char *ret, int size, void *stream)
{
	struct reader *r = stream;
	size_t room = hk_min((size_t) size - 2, HK_DIAG_MAX); /* handle() has no more either */

	settle(r);
	r->ended |= size < 8; /* a build of libinih that has no room for a line */
	while (!r->ended) {
		enum hk_line kind = hk_source_next(&r->source, ret, room);

		if (accept_line(r, kind, ret, room)) {
			memcpy(ret + strlen(ret), "\n", 2);
			r->unanswered = true;
			return ret;
		}
	}
	return NULL;
}

void hk_doc_parse(struct hk_doc *doc, unsigned file, int fd)
{
	struct reader r;

	r.doc = doc;
	r.file = file;
	r.section = HK_NO_SECTION;
	r.headed = r.unanswered = r.ended = false;
	hk_source_init(&r.source, fd);
	/* Once, unless libinih was built to stop at the first bad line; each call takes one line at least. */
	while (!r.ended)
		(void) ini_parse_stream(feed, &r, handle, &r);
	settle(&r);
}
