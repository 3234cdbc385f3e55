/* SPDX-License-Identifier: MIT
 *
 * Messages for the operator, kept in a fixed list: the first HK_DIAGS stay, since the first error is
 * mostly the cause of the rest; all are counted. They are shown on terminals and in JSON, so what
 * came from a file is made harmless here.
 */
#include "config/config.h"

#include "config/doc.h"
#include "config/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hk_diag_add(struct hk_diags *diags, bool is_error, const char *format, ...)
{
	va_list args;

	if (diags == NULL)
		return;
	if (diags->count >= diags->skip && diags->count - diags->skip < HK_DIAGS) {
		char *text = diags->text[diags->count - diags->skip];

		va_start(args, format);
		(void) vsnprintf(text, HK_DIAG_MAX, format, args);
		va_end(args);
		(void) hk_text_clean(text);
		diags->is_error[diags->count - diags->skip] = is_error;
	}
	diags->count++;
	if (is_error)
		diags->errors++;
}

/* The end of a long path says more than its start. */
#define PATH_SHOWN 72

void hk_doc_error(struct hk_doc *doc, unsigned file, uint32_t line, const char *format, ...)
{
	const char *path = doc->file[file];
	size_t n = strlen(path);
	char text[HK_DIAG_MAX], number[16] = "";
	va_list args;

	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (line != 0)
		(void) snprintf(number, sizeof(number), ":%u", line);
	hk_diag_add(doc->diags, true, "%s%s%s: %s", n > PATH_SHOWN ? "..." : "",
	            n > PATH_SHOWN ? path + n - PATH_SHOWN : path, number, text);
}
