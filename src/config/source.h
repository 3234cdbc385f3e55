/* SPDX-License-Identifier: MIT
 *
 * Line source for libinih, private to the configuration. It turns the bytes of an open file into
 * clean lines: counted, without byte order mark, carriage return, indentation and comment, so that
 * nothing reaches libinih that it would cut, join or misread. Owned by one reader at a time.
 */
#ifndef HK_CONFIG_SOURCE_H
#define HK_CONFIG_SOURCE_H

#include "base/bits.h"

#define HK_SOURCE_MAX_BYTES ((size_t) 1 << 20) /* a configuration file that is larger is a mistake */

enum hk_line {
	HK_LINE_OK,
	HK_LINE_LONG,    /* more than fits, comment and indentation not counted */
	HK_LINE_CONTROL, /* contains NUL or another control byte */
	HK_LINE_END,     /* no more lines */
	HK_LINE_TOO_BIG, /* the file is larger than HK_SOURCE_MAX_BYTES; no more lines */
	HK_LINE_ERROR    /* read(2) failed; no more lines */
};

struct hk_source {
	int fd;
	uint32_t line; /* number of the line returned last, from 1 */
	bool ended, broken;
	uint16_t next, filled; /* within bytes */
	size_t total;
	unsigned char bytes[4096];
};

void hk_source_init(struct hk_source *source, int fd);
/* The next line in ret (size bytes, always terminated). Empty lines and comments come as "". */
enum hk_line hk_source_next(struct hk_source *source, char *ret, size_t size);

#endif
