/* SPDX-License-Identifier: MIT
 *
 * json-build: what a web service does with its answers. Records with strings and lists are put together, each
 * string in a buffer that grows piece by piece and is cut to size in the end, then written to one
 * text that grows by realloc, and dropped.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS 2000

struct text {
	char *bytes;
	size_t length, room;
};

struct record {
	unsigned id, tag_count, tag_room;
	char *name, *body;
	char **tag;
	struct record *next;
};

static void put(struct text *text, const char *piece, size_t length)
{
	if (text->length + length + 1 > text->room) {
		while (text->length + length + 1 > text->room)
			text->room = text->room < 32 ? 32 : text->room + text->room / 2;
		text->bytes = must(realloc(text->bytes, text->room));
	}
	memcpy(text->bytes + text->length, piece, length);
	text->length += length;
	text->bytes[text->length] = 0;
}

static void put_string(struct text *text, const char *string)
{
	put(text, "\"", 1);
	put(text, string, strlen(string));
	put(text, "\"", 1);
}

static void put_number(struct text *text, const char *name, unsigned value)
{
	char buffer[64];
	put(text, buffer, (size_t) snprintf(buffer, sizeof buffer, "\"%s\":%u", name, value));
}

/* Words until there are `most` bytes, then cut to size. */
static char *words(uint64_t *seed, size_t most)
{
	static const char syllables[] = "ka lo mi ten ru sa vi dor ne pol ";
	struct text text = {0};
	do {
		unsigned from = random_below(seed, sizeof syllables - 8);
		put(&text, syllables + from, 3 + random_below(seed, 5));
	} while (text.length < most);
	return must(realloc(text.bytes, text.length + 1));
}

static void add_tag(struct record *record, char *tag)
{
	if (record->tag_count == record->tag_room) {
		record->tag_room += 4;
		record->tag = must(realloc(record->tag, record->tag_room * sizeof record->tag[0]));
	}
	record->tag[record->tag_count++] = tag;
}

static struct record *make(uint64_t *seed, unsigned id, struct record *next)
{
	struct record *record = must(calloc(1, sizeof *record));
	record->id = id;
	record->next = next;
	record->name = words(seed, 8 + random_below(seed, 24));
	record->body = words(seed, random_size(seed, 2048));
	for (unsigned tags = random_below(seed, 8); tags > 0; tags--)
		add_tag(record, words(seed, 4 + random_below(seed, 8)));
	return record;
}

static void write_record(struct text *text, const struct record *record)
{
	put(text, "{", 1);
	put_number(text, "id", record->id);
	put(text, ",\"name\":", 8);
	put_string(text, record->name);
	put(text, ",\"body\":", 8);
	put_string(text, record->body);
	put(text, ",\"tags\":[", 9);
	for (unsigned i = 0; i < record->tag_count; i++) {
		if (i != 0)
			put(text, ",", 1);
		put_string(text, record->tag[i]);
	}
	put(text, "]}\n", 3);
}

static void drop(struct record *record)
{
	for (unsigned i = 0; i < record->tag_count; i++)
		free(record->tag[i]);
	free(record->tag);
	free(record->name);
	free(record->body);
	free(record);
}

void scenario_json_build(uint64_t n)
{
	static volatile size_t sink;
	uint64_t seed = 36;
	for (uint64_t i = 0; i < n; i++) {
		struct record *all = NULL, *next;
		struct text text = {0};
		for (unsigned id = 0; id < RECORDS; id++)
			all = make(&seed, id, all);
		for (struct record *record = all; record != NULL; record = record->next)
			write_record(&text, record);
		sink = sink + text.length;
		for (; all != NULL; all = next) {
			next = all->next;
			drop(all);
		}
		free(text.bytes);
		lap(1);
	}
}
