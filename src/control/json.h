/* SPDX-License-Identifier: MIT
 *
 * A JSON writer into a bounded buffer. Commas, escapes and UTF-8 are its business: bytes that are not
 * valid UTF-8 become U+FFFD. No allocation, no locale. Overflow is remembered, not reported by each call.
 */
#ifndef HK_CONTROL_JSON_H
#define HK_CONTROL_JSON_H

#include "base/bits.h"

struct hk_json {
	char *buf;
	size_t size, used; /* used < size; buf[used] == 0 */
	bool comma;        /* the next value needs one before it */
	bool overflow;
};

void hk_json_begin(struct hk_json *json, char *buf, size_t size);

/* key: NULL for the elements of an array. */
void hk_json_open(struct hk_json *json, const char *key, char bracket); /* '{' or '[' */
void hk_json_close(struct hk_json *json, char bracket);                 /* '}' or ']' */
void hk_json_text(struct hk_json *json, const char *key, const char *text);
/* Beyond INT64_MAX: INT64_MAX. */
void hk_json_uint(struct hk_json *json, const char *key, uint64_t value);
void hk_json_bool(struct hk_json *json, const char *key, bool value);
void hk_json_null(struct hk_json *json, const char *key);
/* With `decimals` (≤ 6) digits behind the point, trailing zeros cut; not-a-number becomes null. */
void hk_json_real(struct hk_json *json, const char *key, double value, unsigned decimals);

#endif
