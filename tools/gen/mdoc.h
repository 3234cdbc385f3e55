/* SPDX-License-Identifier: MIT
 *
 * Text and templates of manual pages, for the generators.
 */
#ifndef HK_GEN_MDOC_H
#define HK_GEN_MDOC_H

#include <stdbool.h>

/* Prose on stdout: short lines, each sentence on its own, nothing that looks like a request. */
void mdoc_text(const char *text);

/* Copy a template to stdout. A line that is a comment @NAME@ or @NAME ARGUMENT@ goes to fill (argument "" if there is none);
   what that does not know stays as it is. Returns an exit status. */
int mdoc_fill(const char *template, bool (*fill)(const char *name, const char *argument));

#endif
