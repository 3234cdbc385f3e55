/* SPDX-License-Identifier: MIT
 *
 * Comparison of names, edit distance, globs and safe display. Pure functions on short strings.
 */
#include "config/name.h"

#include "config/config.h"

#include <string.h>

static char fold(char c)
{
	return c == '-' ? '_' : hk_to_lower(c);
}

bool hk_name_equal_n(const char *word, size_t length, const char *name)
{
	for (size_t i = 0; i < length; i++)
		if (name[i] == '\0' || fold(word[i]) != fold(name[i]))
			return false;
	return name[length] == '\0';
}

bool hk_name_equal(const char *a, const char *b)
{
	return hk_name_equal_n(a, strlen(a), b);
}

bool hk_name_valid(const char *name)
{
	size_t n = 0;

	for (; name[n] != '\0'; n++) {
		char c = hk_to_lower(name[n]);

		if (!(c >= 'a' && c <= 'z') && !hk_is_digit(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return n > 0 && n < HK_NAME_MAX;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * Edits from a to b, where swapping two neighbours is one edit (optimal string alignment). Three
 * rows of the table are enough; both names must be shorter than HK_NAME_MAX.
 */
static unsigned distance(const char *a, const char *b)
{
	uint8_t rows[3][HK_NAME_MAX];
	uint8_t *before = rows[0], *above = rows[1], *row = rows[2], *free_row;
	size_t n = strlen(a), m = strlen(b);

	for (size_t j = 0; j <= m; j++)
		above[j] = (uint8_t) j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = (uint8_t) i;
		for (size_t j = 1; j <= m; j++) {
			unsigned change = fold(a[i - 1]) != fold(b[j - 1]);
			unsigned d = min3(above[j] + 1U, row[j - 1] + 1U, above[j - 1] + change);

			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			    fold(a[i - 2]) == fold(b[j - 1]))
				d = min3(d, before[j - 2] + 1U, d);
			row[j] = (uint8_t) d;
		}
		free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[m];
}

void hk_near_offer(struct hk_near *near, const char *candidate)
{
	size_t n = strlen(near->want), m = strlen(candidate), longer = n > m ? n : m;
	unsigned d, allowed;

	if (n == 0 || n >= HK_NAME_MAX || m >= HK_NAME_MAX)
		return;
	d = distance(near->want, candidate);
	/* A third of the letters wrong is another word, except for one that was left unfinished. */
	allowed = longer < 6 ? 1 : (unsigned) hk_min(longer / 3, 4);
	if (d > allowed) {
		if (n < 3 || m < n || !hk_name_equal_n(candidate, n, near->want))
			return;
		d = HK_NAME_MAX + d;
	}
	/* When every letter would change, nothing is near. */
	if (d >= longer && d < HK_NAME_MAX)
		return;
	/* Of two that are as near, the one with all its letters: they were only swapped or mistyped. */
	if (near->best == NULL || d < near->distance || (d == near->distance && m == n && strlen(near->best) != n)) {
		near->best = candidate;
		near->distance = d;
	}
}

/* One [set] at *pattern against c; moves *pattern behind it. An unfinished set is a plain '['. */
static bool match_set(const char **pattern, char c)
{
	const char *p = *pattern + 1;
	bool negated = *p == '!' || *p == '^', found = false;
	const char *first;

	if (negated)
		p++;
	for (first = p; *p != '\0' && (*p != ']' || p == first); p++) {
		unsigned char low = (unsigned char) *p, high = low;

		if (p[1] == '-' && p[2] != ']' && p[2] != '\0') {
			high = (unsigned char) p[2];
			p += 2;
		}
		if (low <= (unsigned char) c && (unsigned char) c <= high)
			found = true;
	}
	if (*p == '\0') {
		(*pattern)++;
		return c == '[';
	}
	*pattern = p + 1;
	return found != negated;
}

/* Only the last '*' is ever retried, so the time is at most pattern × text. */
bool hk_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text != '\0') {
		bool ok = false;

		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
			continue;
		}
		if (*pattern == '[') {
			ok = match_set(&pattern, *text);
		} else if (*pattern != '\0') {
			ok = *pattern == '?' || *pattern == *text;
			pattern++;
		}
		if (ok) {
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* Bytes of the UTF-8 sequence at p, 0 if it is broken, overlong, a surrogate or a control character. */
static size_t sequence(const unsigned char *p)
{
	uint32_t c = p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if (n == 1)
		return c >= 0x20 && c != 0x7f;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	c &= 0xffU >> (n + 1);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	return c >= least[n] && c >= 0xa0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

bool hk_text_clean(char *text)
{
	bool dirty = false;

	for (unsigned char *p = (unsigned char *) text; *p != '\0';) {
		size_t n = sequence(p);

		if (n == 0) {
			*p = '?';
			dirty = true;
			n = 1;
		}
		p += n;
	}
	return dirty;
}
