/* SPDX-License-Identifier: MIT
 *
 * Counters across processes. Some tell what a process has now (bytes, threads): they end with it. All others tell what
 * it did, and only grow: those outlive it, so that the sums of a service never fall.
 */
#ifndef HK_CONTROL_TALLY_H
#define HK_CONTROL_TALLY_H

#include "core/stats.h"

/* A child of fork begins: it has what its parent has, but did nothing yet. Counters that no other thread adds to. */
void hk_tally_begin(struct hk_counters *counters);
/* Add what an ended process did to a sum that others may add to and read. */
void hk_tally_outlive(struct hk_counters *sum, const struct hk_counters *ended);

#endif
