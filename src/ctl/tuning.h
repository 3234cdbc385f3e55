/* SPDX-License-Identifier: MIT
 *
 * Variables by which other allocators are tuned: under hakmem they have no effect.
 */
#ifndef HK_CTL_TUNING_H
#define HK_CTL_TUNING_H

#include "ctl/finding.h"

/* The name in front of the '=' of NAME=VALUE, where it is one of these, to what was found so far: "A, B". */
void hk_tuning_note(const char *assignment, char *found, size_t size);
/* The finding on them, if there are any; place: "its environment". */
void hk_tuning_judge(const char *found, const char *place, struct hk_findings *all);

#endif
