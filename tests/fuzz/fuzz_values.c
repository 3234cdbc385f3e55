/* SPDX-License-Identifier: MIT
 *
 * Any text as the value of every key, as a name, as a variable and, its first two lines, as pattern and subject of a glob. What a
 * value prints as must read back as the same value; a refusal must say why; and each function agrees with a plain
 * model of it here.
 */
#include "config/config.h"
#include "config/name.h"
#include "replay.h"

#include <string.h>

/* Fit for a terminal and for JSON. */
static void check_clean(const char *text, size_t size)
{
	char copy[1024];

	FUZZ_CHECK(memchr(text, '\0', size) != NULL && strlen(text) < sizeof(copy));
	strcpy(copy, text);
	FUZZ_CHECK(!hk_text_clean(copy));
}

static void check_value(enum hk_key_id key, const struct hk_value *value)
{
	const struct hk_key *row = &hk_keys[key];
	struct hk_value again;
	char text[HK_VALUE_MAX], padded[HK_VALUE_MAX + 8], twice[HK_VALUE_MAX];

	FUZZ_CHECK(hk_value_valid(key, value));
	FUZZ_CHECK(row->type == HK_TYPE_TEXT || (value->num >= row->min && value->num <= row->max));
	FUZZ_CHECK(hk_value_format(key, value, text) == text);
	check_clean(text, sizeof(text));
	snprintf(padded, sizeof(padded), " \t%s \r", text);
	FUZZ_CHECK(hk_value_parse(key, text, &again, NULL, 0) == 0 && hk_value_equal(key, value, &again));
	FUZZ_CHECK(hk_value_parse(key, padded, &again, NULL, 0) == 0 && hk_value_equal(key, value, &again));
	FUZZ_CHECK(strcmp(hk_value_format(key, &again, twice), text) == 0);
}

static void try_text(enum hk_key_id key, const char *text)
{
	struct hk_value value, untouched;
	char why[HK_DIAG_MAX], little[8];

	memset(&value, 0x5a, sizeof(value));
	untouched = value;
	memset(why, 'x', sizeof(why));
	memset(little, 'x', sizeof(little));
	if (hk_value_parse(key, text, &value, why, sizeof(why)) == 0) {
		check_value(key, &value);
		return;
	}
	FUZZ_CHECK(memcmp(&value, &untouched, sizeof(value)) == 0);
	check_clean(why, sizeof(why));
	FUZZ_CHECK(strncmp(why, hk_keys[key].name, strlen(hk_keys[key].name)) == 0);
	FUZZ_CHECK(hk_value_parse(key, text, &value, NULL, 0) != 0);
	FUZZ_CHECK(hk_value_parse(key, text, &value, little, sizeof(little)) != 0);
	FUZZ_CHECK(memchr(little, '\0', sizeof(little)) != NULL);
}

/* Any number at all, as if somebody had written it into shared memory; in range it must survive. */
static void try_number(enum hk_key_id key, uint64_t num)
{
	const struct hk_key *row = &hk_keys[key];
	struct hk_value value = {.num = num};
	char text[HK_VALUE_MAX];

	if (row->type == HK_TYPE_TEXT)
		return;
	FUZZ_CHECK(hk_value_valid(key, &value) == (num >= row->min && num <= row->max));
	(void) hk_value_format(key, &value, text);
	check_clean(text, sizeof(text));
	value.num = row->min + num % (row->max - row->min + 1);
	check_value(key, &value);
}

static void try_name(const char *text)
{
	const char *near = NULL;
	enum hk_key_id key;
	bool near_exists = false;

	for (int k = 0; k < HK_KEY_COUNT; k++)
		if (hk_name_equal(text, hk_keys[k].name)) {
			FUZZ_CHECK(hk_key_find(text, &key, &near) == 0 && key == (enum hk_key_id) k);
			return;
		}
	FUZZ_CHECK(hk_key_find(text, &key, &near) != 0);
	for (int k = 0; near != NULL && k < HK_KEY_COUNT; k++)
		near_exists |= strcmp(near, hk_keys[k].name) == 0;
	FUZZ_CHECK(near == NULL || near_exists);
	FUZZ_CHECK(!hk_name_valid(text) || (hk_name_equal(text, text) && strlen(text) < HK_NAME_MAX));
}

static void try_clean(const char *text)
{
	char copy[FUZZ_INPUT_MAX + 1], tamed[16];
	bool dirty;

	memcpy(tamed, text, hk_min(strlen(text) + 1, sizeof(tamed)));
	snprintf(copy, sizeof(copy), "%s", text);
	dirty = hk_text_clean(copy);
	FUZZ_CHECK(strlen(copy) == strnlen(text, sizeof(copy) - 1) && dirty == (strncmp(copy, text, sizeof(copy) - 1) != 0));
	FUZZ_CHECK(!hk_text_clean(copy));
	hk_text_tame(tamed, sizeof(tamed));
	FUZZ_CHECK(strlen(tamed) < sizeof(tamed) && !hk_text_clean(tamed));
}

/* ---- globs ---- */

/* Where the set that begins at p[0] == '[' ends (at its ']'), or NULL. */
static const char *set_end(const char *p)
{
	p += p[1] == '!' || p[1] == '^' ? 2 : 1;
	return *p == '\0' ? NULL : strchr(p + 1, ']');
}

static bool in_set(const char *p, const char *end, unsigned char c)
{
	bool negated = p[1] == '!' || p[1] == '^', found = false;

	for (p += negated ? 2 : 1; p < end; p++) {
		unsigned char low = (unsigned char) *p, high = low;

		if (p[1] == '-' && p + 2 < end) {
			high = (unsigned char) p[2];
			p += 2;
		}
		found |= low <= c && c <= high;
	}
	return found != negated;
}

/* By the book: every way is tried. */
static bool model(const char *p, const char *t, unsigned *budget)
{
	const char *end = *p == '[' ? set_end(p) : NULL;

	if (*budget == 0)
		return false;
	--*budget;
	if (*p == '\0')
		return *t == '\0';
	if (*p == '*')
		return model(p + 1, t, budget) || (*t != '\0' && model(p, t + 1, budget));
	if (*t == '\0')
		return false;
	if (end != NULL)
		return in_set(p, end, (unsigned char) *t) && model(end + 1, t + 1, budget);
	return (*p == '?' || *p == *t) && model(p + 1, t + 1, budget);
}

static void try_glob(const char *pattern)
{
	const char *newline = strchr(pattern, '\n');
	char first[64], text[64];
	unsigned budget = 20000;
	bool expected;

	if (newline == NULL)
		return;
	snprintf(first, sizeof(first), "%.*s", (int) (newline - pattern), pattern);
	snprintf(text, sizeof(text), "%.*s", (int) strcspn(newline + 1, "\n"), newline + 1);
	expected = model(first, text, &budget);
	FUZZ_CHECK(budget == 0 || hk_glob_match(first, text) == expected);
}

/* ---- variables ---- */

/* Each line as NAME=VALUE with the prefix in front. */
static void try_env(char *text)
{
	static struct hk_overlay overlay;
	static struct hk_diags diags;
	struct hk_identity identity = {.program = "prog"};
	static char names[8][160];
	char *envp[9] = {NULL}, *rest = NULL;
	unsigned n = 0;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL && n < 8; line = strtok_r(NULL, "\n", &rest)) {
		snprintf(names[n], sizeof(names[n]), "HAKMEM_%s", line);
		envp[n] = names[n];
		n++;
	}
	memset(&diags, 0, sizeof(diags));
	hk_env_read(envp, &overlay, &identity, &diags);
	FUZZ_CHECK(hk_overlay_valid(&overlay) && diags.count <= n && diags.errors <= diags.count);
	FUZZ_CHECK(identity.conf[0] == '\0' || identity.conf[0] == '/');
	for (unsigned i = 0; i < diags.count; i++)
		check_clean(diags.text[i], sizeof(diags.text[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[FUZZ_INPUT_MAX + 1];
	uint64_t num = 0;

	size = hk_min(size, FUZZ_INPUT_MAX);
	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(&num, data, hk_min(size, sizeof(num)));
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		try_text((enum hk_key_id) k, text);
		try_number((enum hk_key_id) k, num);
	}
	try_name(text);
	try_clean(text);
	try_glob(text);
	try_env(text);
	return 0;
}

#ifndef HK_LIBFUZZER
/* clang-format off */
static const char *const words[] = {
	"on", "off", "0", "1", "9", "18446744073709551616", "K", "M", "G", "T", "ms", "us", "min", " ", "\t", "%", "/tmp/x", ";", "\"",
	"stderr", "NONE", "learn-frozen", "learn_", "*", "?", "[", "]", "!", "^", "-", "a", "b", "\n", "\xc2\x9b", "\xc3\xa4", "\xff",
	"PURGE_DELAY=", "MODE=", "CONF=", "DISABLE_ELO=", "purge_dealy", "\x1b",
};
/* clang-format on */

static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = 0;

	do {
		const char *word = words[fuzz_next() % HK_COUNT(words)];

		memcpy(bytes + n, word, strlen(word));
		n += strlen(word);
	} while (fuzz_next() % 8 != 0 && n + 32 < size);
	return n;
}
#endif
