/* SPDX-License-Identifier: MIT
 *
 * The JSON writer. Numbers are formatted by hand, because printf's decimal point follows the
 * program's locale.
 */
#include "control/json.h"

#include <string.h>

static void put(struct hk_json *json, const char *text, size_t n)
{
	if (json->used + n >= json->size) {
		json->overflow = true;
		return;
	}
	memcpy(json->buf + json->used, text, n);
	json->used += n;
	json->buf[json->used] = '\0';
}

void hk_json_begin(struct hk_json *json, char *buf, size_t size)
{
	*json = (struct hk_json){.buf = buf, .size = size};
	buf[0] = '\0';
}

/* Length of the valid UTF-8 sequence at s (1 to 4), or 0. s ends with NUL. */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
		return 0;
	if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static void put_control(struct hk_json *json, unsigned char c)
{
	char code[7] = "\\u00";

	code[4] = "0123456789abcdef"[c >> 4];
	code[5] = "0123456789abcdef"[c & 15];
	put(json, code, 6);
}

static void put_string(struct hk_json *json, const char *text)
{
	put(json, "\"", 1);
	while (*text != '\0') {
		unsigned char c = (unsigned char) *text;
		size_t n = utf8_length((const unsigned char *) text);

		if (n == 0)
			put(json, "\xef\xbf\xbd", 3); /* U+FFFD */
		else if (c == '"' || c == '\\')
			put(json, c == '"' ? "\\\"" : "\\\\", 2);
		else if (c < 0x20 || c == 0x7f)
			put_control(json, c);
		else
			put(json, text, n);
		text += n != 0 ? n : 1;
	}
	put(json, "\"", 1);
}

static void put_key(struct hk_json *json, const char *key)
{
	if (json->comma)
		put(json, ",", 1);
	json->comma = true;
	if (key != NULL) {
		put_string(json, key);
		put(json, ":", 1);
	}
}

void hk_json_open(struct hk_json *json, const char *key, char bracket)
{
	put_key(json, key);
	put(json, &bracket, 1);
	json->comma = false;
}

void hk_json_close(struct hk_json *json, char bracket)
{
	put(json, &bracket, 1);
	json->comma = true;
}

void hk_json_text(struct hk_json *json, const char *key, const char *text)
{
	put_key(json, key);
	put_string(json, text);
}

static void put_uint(struct hk_json *json, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = (char) ('0' + value % 10);
		value /= 10;
	} while (value != 0);
	put(json, p, (size_t) (digits + sizeof(digits) - p));
}

void hk_json_uint(struct hk_json *json, const char *key, uint64_t value)
{
	put_key(json, key);
	put_uint(json, value <= INT64_MAX ? value : INT64_MAX); /* readers have no more; no true figure is so large */
}

void hk_json_bool(struct hk_json *json, const char *key, bool value)
{
	put_key(json, key);
	put(json, value ? "true" : "false", value ? 4 : 5);
}

void hk_json_null(struct hk_json *json, const char *key)
{
	put_key(json, key);
	put(json, "null", 4);
}

void hk_json_real(struct hk_json *json, const char *key, double value, unsigned decimals)
{
	char digits[8];
	uint64_t scale = 1, scaled, rest;
	unsigned n = decimals;

	if (!(value > -1e12 && value < 1e12)) {
		hk_json_null(json, key);
		return;
	}
	for (unsigned i = 0; i < decimals; i++)
		scale *= 10;
	put_key(json, key);
	scaled = (uint64_t) ((value < 0 ? -value : value) * (double) scale + 0.5);
	if (value < 0 && scaled != 0)
		put(json, "-", 1);
	put_uint(json, scaled / scale);
	rest = scaled % scale;
	if (rest == 0)
		return;
	for (unsigned i = n; i > 0; i--, rest /= 10)
		digits[i] = (char) ('0' + rest % 10);
	digits[0] = '.';
	while (digits[n] == '0')
		n--;
	put(json, digits, n + 1);
}
