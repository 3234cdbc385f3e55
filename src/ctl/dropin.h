/* SPDX-License-Identifier: MIT
 *
 * The drop-in that enable writes, UNIT.d/hakmem.conf. It is known by its first line, and by a checksum that
 * no hand has been at it; anything else in that place is somebody's own and never touched.
 */
#ifndef HK_CTL_DROPIN_H
#define HK_CTL_DROPIN_H

#include "ctl/needs.h"

enum hk_dropin_state {
	HK_DROPIN_NONE,
	HK_DROPIN_OURS,
	HK_DROPIN_EDITED,  /* ours once, changed since */
	HK_DROPIN_FOREIGN, /* not ours, or no plain file */
	HK_DROPIN_CLOSED   /* it cannot be read: errno */
};

/* /etc/systemd/system, or what HAKMEM_UNIT_DIR names. */
const char *hk_dropin_base(void);
/* Where the drop-in of a unit (its id) is. */
void hk_dropin_path(const char *id, char *ret, size_t size);
/* What is there; its text to *ret_text where it could be read (NULL if not wanted). */
enum hk_dropin_state hk_dropin_look(const char *path, char **ret_text);
/* The whole text. variables: "NAME=value". */
char *hk_dropin_text(const char *id, const struct hk_needs *needs, char *const *variables,
                     unsigned nvariables);
/* Put it there, whole or not at all, making the folder; never over anything that is not ours. 0 or −errno. */
int hk_dropin_write(const char *path, const char *text);
/* Take it away, and the folder if it is empty now. 0 or −errno; *ret_empty: the folder is gone, too. */
int hk_dropin_remove(const char *path, bool *ret_empty);

#endif
