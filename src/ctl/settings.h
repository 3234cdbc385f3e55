/* SPDX-License-Identifier: MIT
 *
 * The section [hakmemd]: read and checked here for hakmemd, which lives by it, and for hakmemctl check.
 */
#ifndef HK_CTL_SETTINGS_H
#define HK_CTL_SETTINGS_H

#include "config/config.h"

#include <sys/socket.h>
#include <sys/un.h>

#define HK_LISTEN_MAX sizeof(((struct sockaddr_un *) 0)->sun_path) /* the longest address is a path */

struct hk_settings {
	bool reload;                /* a changed file is handed to the services */
	char listen[HK_LISTEN_MAX]; /* where to serve metrics, or "" */
};

/* What the files that hold for identity say. Mistakes in this section become errors in *diags and cost their own
   line only; those elsewhere are passed over. */
void hk_settings_read(const struct hk_identity *identity, struct hk_settings *ret, struct hk_diags *diags);
/* "127.0.0.1:9477", "[::1]:9477" or "/a/path" → an address. 0, or −EINVAL with a sentence in why. */
int hk_settings_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_size, char *why, size_t why_size);

#endif
