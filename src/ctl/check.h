/* SPDX-License-Identifier: MIT
 *
 * Between files.c, where check is, check_live.c, which compares the files with what runs, and check_units.c, which asks
 * systemd about units.
 */
#ifndef HK_CTL_CHECK_H
#define HK_CTL_CHECK_H

#include "ctl/ctl.h"
#include "ctl/lint.h"

/* The services of this host and what they say, asked once for all files. */
struct hk_check_live {
	struct hk_ctl *ctl;
	bool asked;
	struct hk_services services;
	struct hk_answer *answers;
	unsigned n;
};

/* Add to lint which lines hold in vain in a live service; to ret_services (an array) who has read these files, and how many
   values of it a reload would change. */
void hk_check_live(struct hk_check_live *live, struct hk_lint *lint, json_t *ret_services);
/* check_units.c: add as errors which units that are enabled, or live, a line control = on would end at their next start.
   conf: what was checked, "" for the files that hold here. After hk_check_live. */
void hk_check_units(const struct hk_check_live *live, const char *conf, struct hk_lint *lint);
/* The same of the unit of a live service, to the warnings of a reply that tells what waits for a restart. */
void hk_check_pending(const struct hk_answer *answer);
/* check --diff TARGET...: returns an exit status. */
int hk_check_diff(struct hk_ctl *ctl);

#endif
