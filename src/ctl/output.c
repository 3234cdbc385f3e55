/* SPDX-License-Identifier: MIT
 *
 * Formatting. Static buffers: main thread only.
 */
#include "ctl/output.h"
#include "config/name.h"
#include "ctl/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define BUFFERS 8
#define BUFFER_SIZE 1024 /* a sentence with a path and some values */
#define BAR_CELLS 20
#define DURATION_MAX (86400.0 * UINT32_MAX) /* as many days as %u prints */

static char *buffer(void)
{
	static char buffers[BUFFERS][BUFFER_SIZE];
	static unsigned next;

	return buffers[next++ % BUFFERS];
}

void hk_out_of_memory(void)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, strerror(ENOMEM));
	_exit(HK_EXIT_FAILED);
}

const char *hk_out_safe(const char *text)
{
	char *buf = buffer();

	if (text == NULL || text[0] == '\0')
		return "-";
	(void) hk_text_copy(buf, BUFFER_SIZE, text);
	(void) hk_text_clean(buf);
	return buf;
}

const char *hk_out_bytes(uint64_t bytes)
{
	char *buf = buffer();
	const char *unit = "BKMGTPE";
	double n = (double) bytes;

	for (; n >= 1000 && unit[1] != '\0'; unit++)
		n /= 1024;
	if (*unit == 'B')
		snprintf(buf, BUFFER_SIZE, "%.0f", n);
	else
		snprintf(buf, BUFFER_SIZE, "%.*f%c", n < 9.95 ? 1 : 0, n, *unit);
	return buf;
}

const char *hk_out_duration(double seconds)
{
	char *buf = buffer();
	uint64_t s = seconds > 0 ? (uint64_t) (seconds < DURATION_MAX ? seconds : DURATION_MAX) : 0;

	if (s >= 86400)
		snprintf(buf, BUFFER_SIZE, "%ud %uh", (unsigned) (s / 86400), (unsigned) (s % 86400 / 3600));
	else if (s >= 3600)
		snprintf(buf, BUFFER_SIZE, "%uh %umin", (unsigned) (s / 3600), (unsigned) (s % 3600 / 60));
	else if (s >= 60)
		snprintf(buf, BUFFER_SIZE, "%umin %us", (unsigned) (s / 60), (unsigned) (s % 60));
	else
		snprintf(buf, BUFFER_SIZE, "%us", (unsigned) s);
	return buf;
}

const char *hk_out_percent(double share)
{
	char *buf = buffer();

	snprintf(buf, BUFFER_SIZE, "%.1f%%", share * 100);
	return buf;
}

const char *hk_out_bar(double share, bool unicode)
{
	char *buf = buffer();
	int full = (int) (share * BAR_CELLS + 0.5);

	buf[0] = '\0';
	for (int i = 0; i < BAR_CELLS; i++)
		strcat(buf, i < full ? (unicode ? "\u2588" : "#") : (unicode ? "\u2591" : "."));
	return buf;
}

/* To stdout, but for DEL and the controls from U+0080 to U+009F, which jansson leaves as they are and a terminal may obey:
   they stand in strings only, so they can be escaped here. */
static int put_json(const char *text, size_t size, void *data)
{
	(void) data;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char) text[i], next = i + 1 < size ? (unsigned char) text[i + 1] : 0;

		if (c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f))
			printf("\\u%04x", c == 0x7f ? c : next);
		else
			putchar(c);
		i += c == 0xc2 && next >= 0x80 && next <= 0x9f;
	}
	return ferror(stdout) ? -1 : 0;
}

int hk_out_json(json_t *value)
{
	int r = json_dump_callback(value, put_json, NULL, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));

	json_decref(value);
	putchar('\n');
	if (r != 0)
		fprintf(stderr, "%s: the output could not be written\n", program_invocation_short_name);
	return r == 0 ? HK_EXIT_DONE : HK_EXIT_FAILED;
}

bool hk_out_unicode(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

size_t hk_out_width(const char *text)
{
	wchar_t wide[BUFFER_SIZE];
	size_t n = mbstowcs(wide, text, HK_COUNT(wide));
	int columns = n < HK_COUNT(wide) ? wcswidth(wide, n) : -1;

	return columns >= 0 ? (size_t) columns : strlen(text);
}

static void print_cell(const char *text, size_t columns, bool right, bool last)
{
	int pad = (int) (columns - hk_out_width(text));

	if (right)
		printf("%*s%s", pad, "", text);
	else
		printf("%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void hk_out_table(const char *const *cells, size_t rows, size_t columns, const char *align, bool colour)
{
	size_t *widest = calloc(columns, sizeof *widest);

	if (widest == NULL)
		return;
	for (size_t i = 0; i < rows * columns; i++)
		widest[i % columns] = hk_max(widest[i % columns], hk_out_width(cells[i]));
	for (size_t row = 0; row < rows; row++) {
		if (row == 0 && colour)
			fputs("\033[1m", stdout);
		for (size_t c = 0; c < columns; c++)
			print_cell(cells[row * columns + c], widest[c], align[c] == 'r', c + 1 == columns);
		if (row == 0 && colour)
			fputs("\033[0m", stdout);
	}
	free(widest);
}

const char *hk_out_pending(const json_t *key)
{
	const char *name = hk_out_text(key, "key"), *value = hk_out_text(key, "value");
	char *buf = buffer(), upper[32] = "";

	for (size_t i = 0; i + 1 < sizeof upper && name[i] != '\0'; i++)
		upper[i] = (char) toupper((unsigned char) name[i]);
	if (json_is_true(json_object_get(key, "set")))
		snprintf(buf, BUFFER_SIZE, "%s = %s is read at start only, and what is set ends with the process: put it into the file, or into "
		         "HAKMEM_%s where that is set, and restart (set %s=- takes it back)", name, value, upper, name);
	else
		snprintf(buf, BUFFER_SIZE, "%s = %s waits for a restart", name, value);
	return buf;
}

const char *hk_out_overridden(const json_t *one)
{
	char *buf = buffer();

	snprintf(buf, BUFFER_SIZE, "%s = %s (%s) does not hold: %s says %s", hk_out_text(one, "key"), hk_out_text(one, "value"),
	         hk_out_text(one, "place"), hk_out_text(one, "by"), hk_out_text(one, "holds"));
	return buf;
}

const char *hk_out_text(const json_t *object, const char *name)
{
	return hk_out_safe(json_string_value(json_object_get(object, name)));
}

const char *hk_out_text_at(const json_t *array, size_t i)
{
	return hk_out_safe(json_string_value(json_array_get(array, i)));
}

uint64_t hk_out_uint(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	json_int_t n = json_integer_value(value);
	double real = json_real_value(value);

	if (json_is_real(value))
		return real > 0 && real < 0x1p63 ? (uint64_t) real : 0;
	return n > 0 ? (uint64_t) n : 0;
}

double hk_out_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}
