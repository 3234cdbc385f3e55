/* SPDX-License-Identifier: MIT
 *
 * What is wrong with the configuration files, found without any process: for hakmemctl check, and for
 * hakmemd before it hands a changed file to the services.
 */
#ifndef HK_CTL_LINT_H
#define HK_CTL_LINT_H

#include "config/doc.h"

#include <jansson.h>

struct hk_lint {
	json_t *files; /* those that were read, in order */
	/* All that was found: objects with level ("error", "warning"), message ("FILE:LINE: …"), and, where the
	   message has a place, file and line; for: sections, if it is about those only. In the order of the files and lines
	   once hk_lint_sort was called. */
	json_t *messages;
	unsigned errors, warnings;
	json_t *instances; /* "a@b" of [unit:a@b], without wildcards */
	bool control; /* a line, in whichever section, says control = on */
};

/* Examine one file, or (conf "") the ones that hold on this host. */
void hk_lint_run(const char *conf, struct hk_lint *ret);
void hk_lint_drop(struct hk_lint *lint);

/* One message more; text begins with its place, "FILE:LINE: ", if it has any. What was said is not said again. */
void hk_lint_add(struct hk_lint *lint, bool is_error, const char *format, ...) HK_PRINTF(3, 4);
void hk_lint_sort(struct hk_lint *lint);

/* lint_sections.c: sections and lines that can never take effect. doc keeps all settings and is linked. */
void hk_lint_sections(const struct hk_doc *doc, struct hk_lint *lint);
/* lint_names.c: the program (unit) of this host whose name is nearly that one, in ret; NULL if there is one of exactly
   that name, or none that is near. */
const char *hk_lint_near_program(const char *name, char *ret, size_t size);
const char *hk_lint_near_unit(const char *name, char *ret, size_t size);
/* lint_glob.c: does the one glob match all that the other matches? false may also mean that it takes too long to tell. */
bool hk_glob_covers(const char *glob, const char *other);

#endif
