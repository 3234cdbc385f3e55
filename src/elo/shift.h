/* SPDX-License-Identifier: MIT
 *
 * Has the workload changed? Under learn-frozen the sizes of large allocations are watched while the phase is FROZEN: a
 * distribution unlike any known one, for long enough, is a shift. Pure: counts in, verdict out; no clock, no random
 * number, so a program that does the same thing is judged the same way.
 */
#ifndef HK_ELO_SHIFT_H
#define HK_ELO_SHIFT_H

#include "base/bits.h"
#include "core/stats.h"

#define HK_SHIFT_WINDOW 256U /* large allocations a look */
#define HK_SHIFT_PROFILES 8

struct hk_profile {
	float share[HK_SIZE_BANDS]; /* of the allocations, by size band (stats.h); sums to 1 */
};

struct hk_shift {
	struct hk_profile known[HK_SHIFT_PROFILES], strange; /* strange: mean of the looks that were like none known */
	uint32_t nknown, next;
	uint32_t settled; /* looks that the first profile was made of so far */
	uint32_t nstrange;
};

/* One window's counts by size band. True when the workload has shifted: its new profile is known from then on, so a program
   that goes back and forth between two ways of working shifts once. */
bool hk_shift_look(struct hk_shift *shift, const uint64_t *counts);

#endif
