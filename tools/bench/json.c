/* SPDX-License-Identifier: MIT
 *
 * json-parse: a text of about 1 MB is generated once (objects, arrays, numbers and strings, a
 * few levels deep) and parsed again and again into a tree of small blocks with realloc-grown
 * arrays, as a web service does with its requests.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE (1U << 20)
#define SLACK 4096 /* a value that was begun below TEXT_SIZE ends within this */

enum kind { NUL, NUMBER, STRING, ARRAY, OBJECT };

struct value {
	enum kind kind;
	unsigned count, room;
	union {
		double number;
		char *string;
		struct value **item; /* ARRAY; OBJECT: key, value, key, value, … */
	};
};

static char text[TEXT_SIZE + SLACK];
static size_t text_length;
static uint64_t text_seed = 16;

/* ---- writing ---- */

static void put(const char *piece)
{
	size_t n = strlen(piece);
	memcpy(text + text_length, piece, n);
	text_length += n;
}

static void put_string(void)
{
	char word[80];
	unsigned n = 4 + random_below(&text_seed, 12), i;
	if (random_below(&text_seed, 8) == 0)
		n += random_below(&text_seed, 60);
	for (i = 0; i < n; i++)
		word[i] = (char) ('a' + random_below(&text_seed, 26));
	word[i] = 0;
	put("\"");
	put(word);
	put("\"");
}

static void put_value(unsigned depth)
{
	char number[32];
	unsigned what = depth >= 5 || text_length > TEXT_SIZE ? random_below(&text_seed, 3)
	                                                      : random_below(&text_seed, 6);
	if (what == 0) {
		put("null");
	} else if (what == 1) {
		snprintf(number, sizeof number, "%u.%u", random_below(&text_seed, 100000),
		         random_below(&text_seed, 100));
		put(number);
	} else if (what == 2) {
		put_string();
	} else {
		unsigned count = random_below(&text_seed, 9);
		put(what == 3 ? "[" : "{");
		for (unsigned i = 0; i < count; i++) {
			if (i != 0)
				put(",");
			if (what != 3) {
				put_string();
				put(":");
			}
			put_value(depth + 1);
		}
		put(what == 3 ? "]" : "}");
	}
}

static void generate(void)
{
	put("[");
	while (text_length < TEXT_SIZE) {
		put_value(0);
		put(",");
	}
	put("null]");
	text[text_length] = 0;
}

/* ---- reading ---- */

static struct value *parse(const char **at);

static struct value *make(enum kind kind)
{
	struct value *value = must(calloc(1, sizeof *value));
	value->kind = kind;
	return value;
}

static struct value *parse_string(const char **at)
{
	const char *start = ++*at, *end = strchr(start, '"');
	struct value *value = make(STRING);
	value->count = (unsigned) (end - start);
	value->string = must(malloc(value->count + 1));
	memcpy(value->string, start, value->count);
	value->string[value->count] = 0;
	*at = end + 1;
	return value;
}

static void append(struct value *list, struct value *item)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 4 : list->room * 2;
		list->item = must(realloc(list->item, list->room * sizeof list->item[0]));
	}
	list->item[list->count++] = item;
}

static struct value *parse_list(const char **at)
{
	struct value *list = make(**at == '[' ? ARRAY : OBJECT);
	++*at;
	while (**at != ']' && **at != '}') {
		append(list, parse(at));
		if (**at == ',' || **at == ':')
			++*at;
	}
	++*at;
	return list;
}

static struct value *parse(const char **at)
{
	char *end;
	switch (**at) {
	case '[':
	case '{':
		return parse_list(at);
	case '"':
		return parse_string(at);
	case 'n':
		*at += 4;
		return make(NUL);
	default: {
		struct value *value = make(NUMBER);
		value->number = strtod(*at, &end);
		*at = end;
		return value;
	}
	}
}

static double sum(const struct value *value)
{
	double total = value->kind == NUMBER ? value->number : value->kind == STRING ? value->string[0] : 0;
	if (value->kind >= ARRAY)
		for (unsigned i = 0; i < value->count; i++)
			total += sum(value->item[i]);
	return total;
}

static void drop(struct value *value)
{
	if (value->kind >= ARRAY) {
		for (unsigned i = 0; i < value->count; i++)
			drop(value->item[i]);
		free(value->item);
	} else if (value->kind == STRING) {
		free(value->string);
	}
	free(value);
}

void scenario_json_parse(uint64_t n)
{
	static volatile double sink;
	if (text_length == 0)
		generate();
	for (uint64_t i = 0; i < n; i++) {
		const char *at = text;
		struct value *value = parse(&at);
		sink = sink + sum(value);
		drop(value);
		lap(1);
	}
}
