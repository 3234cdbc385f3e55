/* SPDX-License-Identifier: MIT
 *
 * Globs against globs. Wildcards of the covered one stand for themselves: a '*' is only covered by a '*', a '?' by
 * '?' or '*', a set by the same set. So a yes is certain, and a no may be wrong, which only costs a warning.
 */
#include "config/name.h"
#include "ctl/lint.h"

#include <string.h>

#define MAX_STEPS 20000 /* globs may be anybody's */

/* Bytes of the first token: a set, or one character. An unfinished set is a plain '['. */
static size_t token(const char *glob)
{
	const char *p = glob + 1;

	if (*glob != '[')
		return 1;
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	p = strchr(p, ']');
	return p != NULL ? (size_t) (p + 1 - glob) : 1;
}

/* One token that is no '*', of n bytes, against one of m bytes that is none either. */
static bool covers_one(const char *glob, size_t n, const char *other, size_t m)
{
	char set[64], text[2] = {*other, '\0'};

	if (*glob == '?')
		return true;
	if (n == m && memcmp(glob, other, n) == 0)
		return true;
	if (n == 1 || m > 1 || *other == '?' || n >= sizeof set)
		return false;
	memcpy(set, glob, n);
	set[n] = '\0';
	return hk_glob_match(set, text);
}

static bool covers(const char *glob, const char *other, unsigned *steps)
{
	for (;;) {
		size_t n, m;

		if (++*steps > MAX_STEPS)
			return false;
		if (*glob == '\0')
			return *other == '\0';
		if (*glob == '*') {
			if (covers(glob + 1, other, steps))
				return true;
			if (*other == '\0')
				return false;
			other += token(other);
			continue;
		}
		if (*other == '\0' || *other == '*')
			return false;
		n = token(glob);
		m = token(other);
		if (!covers_one(glob, n, other, m))
			return false;
		glob += n;
		other += m;
	}
}

bool hk_glob_covers(const char *glob, const char *other)
{
	unsigned steps = 0;

	return covers(glob, other, &steps);
}
