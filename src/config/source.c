/* SPDX-License-Identifier: MIT
 *
 * Bytes to lines. libinih (55, as Debian builds it) reads into 200 bytes and parses the rest of a
 * longer line as a new one, takes an indented line for the continuation of a value, and has no idea
 * of NUL bytes; here each of these becomes harmless or a result of its own.
 */
#include "config/source.h"

#include "config/name.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void hk_source_init(struct hk_source *source, int fd)
{
	source->fd = fd;
	source->line = 0;
	source->ended = source->broken = false;
	source->next = source->filled = 0;
	source->total = 0;
}

/* True if there is a byte at source->next. */
static bool fill(struct hk_source *source)
{
	ssize_t r;

	if (source->next < source->filled)
		return true;
	if (source->ended)
		return false;
	do
		r = read(source->fd, source->bytes, sizeof(source->bytes));
	while (r < 0 && errno == EINTR);
	source->next = 0;
	source->filled = r > 0 ? (uint16_t) r : 0;
	source->total += source->filled;
	source->ended = r <= 0;
	source->broken = r < 0;
	return r > 0;
}

static void skip_byte_order_mark(struct hk_source *source)
{
	if (source->filled - source->next >= 3 &&
	    memcmp(source->bytes + source->next, "\xef\xbb\xbf", 3) == 0)
		source->next += 3;
}

/* One line under construction. */
struct build {
	char *text;
	size_t used, size;
	char last; /* of the line, stored or not */
	bool comment, too_long, control;
};

/* ';' opens a comment at the start or after a blank, '#' at the start only: a value may contain it. */
static void take(struct build *b, unsigned char c)
{
	char last = b->last;

	b->last = (char) c;
	if (b->comment)
		return;
	if (hk_is_blank((char) c) && b->used == 0)
		return;
	if ((c == ';' && hk_is_blank(last)) || (c == '#' && b->used == 0)) {
		b->comment = true;
		return;
	}
	/* A carriage return is fine at the end, where it is trimmed; elsewhere trim finds it out. */
	if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f)
		b->control = true;
	if (b->used + 1 < b->size)
		b->text[b->used++] = (char) c;
	else if (!hk_is_blank((char) c))
		b->too_long = true;
}

static enum hk_line finish(struct build *b)
{
	while (b->used > 0 && hk_is_blank(b->text[b->used - 1]))
		b->used--;
	b->text[b->used] = '\0';
	if (b->control || memchr(b->text, '\r', b->used) != NULL)
		return HK_LINE_CONTROL;
	return b->too_long ? HK_LINE_LONG : HK_LINE_OK;
}

enum hk_line hk_source_next(struct hk_source *source, char *ret, size_t size)
{
	struct build b = {.text = ret, .size = size, .last = ' '};
	bool any = false;

	ret[0] = '\0';
	if (!fill(source))
		return source->broken ? HK_LINE_ERROR : HK_LINE_END;
	if (source->line == 0)
		skip_byte_order_mark(source);
	if (source->line < UINT32_MAX)
		source->line++;
	while (fill(source)) {
		unsigned char c = source->bytes[source->next++];

		any = true;
		if (source->total > HK_SOURCE_MAX_BYTES) {
			source->ended = true;
			source->next = source->filled = 0;
			return HK_LINE_TOO_BIG;
		}
		if (c == '\n')
			return finish(&b);
		take(&b, c);
	}
	if (source->broken)
		return HK_LINE_ERROR;
	return any ? finish(&b) : HK_LINE_END;
}
