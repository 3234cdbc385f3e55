/* SPDX-License-Identifier: MIT
 *
 * A systemd service as `systemctl show` tells it, and the files that it comes from.
 */
#ifndef HK_CTL_UNIT_H
#define HK_CTL_UNIT_H

#include "base/bits.h"

#include <limits.h>

#define HK_UNIT_NAME_MAX 256 /* as systemd has it, with the NUL */

struct hk_unit {
	char name[HK_UNIT_NAME_MAX]; /* as it was asked for, with its suffix */
	char id[HK_UNIT_NAME_MAX]; /* its own name where the other is an alias; of a template: "foo@.service"
	                            */
	char shown[HK_UNIT_NAME_MAX]; /* what systemctl was asked for: of a template, some instance */
	bool template;
	char *lines; /* KEY=VALUE, each ended by a NUL; the last by two */
};

/* Words of a list, without quotes. */
struct hk_words {
	char **at;
	unsigned n;
};

/* Where files of units are; ends with NULL. */
extern const char *const hk_unit_folders[];

/* Run a program found in PATH; stdout and stderr into texts of their own, that the caller may leave unfreed.
   Its exit status, 127 if it could not be run, 128 + signal. */
int hk_unit_tool(const char *const *argv, char **ret_out, char **ret_err);

/* Ask systemctl. 0; −ENOENT: there is no such unit; −EIO: it could not be asked. On failure a sentence in
 * *ret_why. */
int hk_unit_read(const char *name, struct hk_unit *ret, char **ret_why);

/* The value of a property ("" if it has none), or of the next line with that property after the value `after`
   (NULL: the first; NULL when there is no more). */
const char *hk_unit_get(const struct hk_unit *unit, const char *property);
const char *hk_unit_next(const struct hk_unit *unit, const char *property, const char *after);
bool hk_unit_is(const struct hk_unit *unit, const char *property, const char *value);
/* Split where systemd quotes and escapes. */
struct hk_words hk_unit_words(const char *text);
/* The value of a variable in Environment=, or NULL. */
const char *hk_unit_variable(const struct hk_unit *unit, const char *name);

/* "/lib/systemd/system/x.service:12": the last line of the unit's files that sets the key, besides those in
   the file `except` (NULL: none); the file alone where none is found (it is implied by another line). Static
   buffer, four in turn. */
const char *hk_unit_where(const struct hk_unit *unit, const char *key, const char *except);
/* The last line in a file whose key is this: its number (0: none) and value. */
unsigned hk_unit_line(const char *path, const char *key, char *ret_value, size_t size);

#endif
