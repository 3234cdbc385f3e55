/* SPDX-License-Identifier: MIT
 *
 * For shells: what may stand next on a command line, and the table of verbs as JSON.
 */
#ifndef HK_CTL_COMPLETE_H
#define HK_CTL_COMPLETE_H

#include "ctl/ctl.h"

/* The candidates for the last of the words (behind an optional "--"), on standard output. Returns an exit status. */
int hk_do_complete(struct hk_ctl *ctl, char **words, int n);
/* The verbs, or only one of them: an array of objects with verb, arguments, doc and options. */
json_t *hk_complete_table(const char *only);

#endif
