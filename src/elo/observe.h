/* SPDX-License-Identifier: MIT
 *
 * LEARN's first half: the program goes on under the strategy in force while the shadows (shadow.h) of all
 * strategies follow its large blocks. Here is what is not pure about that: the hook in the core, the process's clocks and
 * counters, and the price of pages on this host. Every process of a service that learns has shadows of its own; their sums
 * meet in the control block.
 */
#ifndef HK_ELO_OBSERVE_H
#define HK_ELO_OBSERVE_H

#include "elo/shadow.h"

/* Begin, if it has not begun: any thread. Without memory for the shadows nothing happens, and nothing is learned from this
   process. The rules are config's, but for keys that nobody set, which are each strategy's own. */
void hk_observe_begin(const struct hk_config *config);
void hk_observe_end(void);
/* Add what was seen since the last call to the sums of the service, whose lock the caller holds. Allocations that it is made of. */
uint64_t hk_observe_collect(struct hk_shadow_total *total);
/* What each strategy would have cost, by these sums, with `present` in force; and how much of that its choice of huge pages does, which no window
   of some allocations can show. False if too little was seen to tell. Takes some ms, once. */
bool hk_observe_costs(const struct hk_shadow_total *total, uint32_t present, float weight, float *ret_costs, float *ret_thp);

#endif
