/* SPDX-License-Identifier: MIT
 *
 * What people and programs get to see: units, tables, JSON. Texts of strangers (names, paths,
 * messages) go through hk_out_safe before they reach a terminal.
 */
#ifndef HK_CTL_OUTPUT_H
#define HK_CTL_OUTPUT_H

#include "base/bits.h"

#include <jansson.h>

/* Each returns one of eight static buffers in turn. */
const char *hk_out_safe(const char *text);         /* without control characters or broken UTF-8; "-" for NULL or "" */
const char *hk_out_bytes(uint64_t bytes);          /* "812K", "1.5G" */
const char *hk_out_duration(double seconds);       /* "3d 4h" */
const char *hk_out_percent(double share);          /* 0 to 1: "99.2%" */
const char *hk_out_bar(double share, bool unicode); /* twenty cells */

/* Says so and ends the program, at once: a worker thread may be stuck in the kernel, and exit would wait for it. */
void hk_out_of_memory(void) __attribute__((noreturn));

/* Print value (taken over) as indented JSON with a newline. Returns an exit status. */
int hk_out_json(json_t *value);

/* Does the terminal's character set have the bars and arrows? */
bool hk_out_unicode(void);
/* Columns that a text takes on a terminal. */
size_t hk_out_width(const char *text);

/* A table: columns cells per row, the first row is the head. Columns whose letter in align is 'r' are
   set to the right. */
void hk_out_table(const char *const *cells, size_t rows, size_t columns, const char *align, bool colour);

/* "security = full waits for a restart", with what is to be done where the restart would lose it. */
const char *hk_out_pending(const json_t *key);

/* "KEY = VALUE (PLACE) does not hold: BY says HOLDS", of one in "overridden". */
const char *hk_out_overridden(const json_t *one);

/* Fields of a reply, or what stands for them when they are missing. */
const char *hk_out_text(const json_t *object, const char *name);
const char *hk_out_text_at(const json_t *array, size_t i);
uint64_t hk_out_uint(const json_t *object, const char *name);
double hk_out_real(const json_t *object, const char *name);

#endif
