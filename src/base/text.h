/* SPDX-License-Identifier: MIT
 *
 * Short texts put together without stdio: what every process does at its start must not bring printf's
 * code and tables into memory. Always terminated within size, never more than size bytes touched; no state.
 */
#ifndef HK_BASE_TEXT_H
#define HK_BASE_TEXT_H

#include "base/bits.h"

/* Copy as much as fits with the NUL; a character of several bytes may be cut. Returns false if it was cut. */
bool hk_text_copy(char *ret, size_t size, const char *text);
/* The same behind what is in ret already. */
bool hk_text_append(char *ret, size_t size, const char *text);
bool hk_text_append_number(char *ret, size_t size, uint64_t number);
bool hk_text_append_hex(char *ret, size_t size, uint64_t number); /* "0x…" */
/* The decimal digits that text begins with, blanks before them skipped; 0 if there are none. Not checked
   for overflow: for what the kernel prints. */
uint64_t hk_text_number(const char *text);

#endif
