/* SPDX-License-Identifier: MIT
 *
 * Names and other short texts: comparison, the nearest of several,
 * globs, safe display. Plain ASCII rules whatever the locale, because the program's locale is none
 * of our business and ctype tables are not there yet when malloc is first called.
 */
#ifndef HK_CONFIG_NAME_H
#define HK_CONFIG_NAME_H

#include "base/text.h"

HK_INLINE bool hk_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

HK_INLINE bool hk_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

HK_INLINE char hk_to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Equal as names of keys, modes and choices: any case, '-' the same as '_'. */
bool hk_name_equal(const char *a, const char *b);
/* The same for a word of length bytes that ends anywhere in a text. */
bool hk_name_equal_n(const char *word, size_t length, const char *name);
/* Legal as a mode's name: letters, digits, '-', '_' and '.', shorter than HK_NAME_MAX. */
bool hk_name_valid(const char *name);

/* Finds the candidate nearest to want; best stays NULL as long as none is near. */
struct hk_near {
	const char *want, *best;
	unsigned distance;
};
void hk_near_offer(struct hk_near *near, const char *candidate);

/* Does all of text match the pattern? '*', '?', '[a-z]', '[!a-z]'; a backslash is itself, as systemd's
   unit names contain it. */
bool hk_glob_match(const char *pattern, const char *text);

/* Make text fit for terminals and JSON: control bytes and broken UTF-8 become '?'. Returns true if it was. */
bool hk_text_clean(char *text);

#endif
