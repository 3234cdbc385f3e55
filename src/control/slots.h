/* SPDX-License-Identifier: MIT
 *
 * Slots: the processes of a service, one by one, as seen from inside or from outside. Reading works
 * on a live block and on a copy.
 */
#ifndef HK_CONTROL_SLOTS_H
#define HK_CONTROL_SLOTS_H

#include "control/block.h"

/* A slot for the calling process, or NULL when 256 processes live. Allocates nothing, keeps errno. */
struct hk_slot *hk_slot_claim(struct hk_block *block, uint32_t parent);

/* The i-th slot if its process lives, else NULL. root as in struct hk_request. */
const struct hk_slot *hk_slot_live(const struct hk_block *block, const char *root, unsigned i);
/* Slots that may be in use; the pages behind are never touched. */
unsigned hk_slot_count(const struct hk_block *block);
/* Add counters, live ones too, to a sum (private, zeroed by the caller). */
void hk_counters_add(struct hk_counters *sum, const struct hk_counters *counters);

/* Of /proc/PID/stat: field 22 in clock ticks, 0 if it cannot be read. */
uint64_t hk_proc_start_time(const char *root, uint32_t pid);
/* Resident bytes, shared pages included; 0 if unknown. */
uint64_t hk_proc_rss(const char *root, uint32_t pid);

#endif
