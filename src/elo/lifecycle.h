/* SPDX-License-Identifier: MIT
 *
 * The phases and what moves between them. Pure functions on the shared state; the caller holds its
 * lock and publishes a change of phase or strategy.
 *
 *            evo_policy learn, learn-frozen                command canary
 *   OFF ───────────────► LEARN ──────────────────► FROZEN ───────────────► CANARY
 *    ▲                     ▲   leader clear, budget  │ ▲   promoted, dismissed │
 *    │ elo or              └────── command learn ────┘ └───── rolled back ─────┘
 *    └ evo_policy off                        (back to LEARN under evo_policy = learn, which never freezes)
 *
 * Under learn-frozen a shift of the workload is such a command, too: canaries follow each other until every other
 * strategy has had one.
 */
#ifndef HK_ELO_LIFECYCLE_H
#define HK_ELO_LIFECYCLE_H

#include "elo/match.h"

/* First use of zeroed state. */
void hk_lifecycle_init(struct hk_elo_state *state, uint64_t seed);
/* Do the settings ask for something that hk_lifecycle_follow has not done yet? Needs no lock. */
bool hk_lifecycle_differs(const struct hk_elo_state *state, const struct hk_elo_params *params);
/* Follow changed settings. True if anything changed. */
bool hk_lifecycle_follow(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns);
/* freeze, learn, canary. 0, or −EINVAL with a sentence in why. */
int hk_lifecycle_command(struct hk_elo_state *state, const struct hk_elo_params *params, enum hk_phase phase,
                         uint64_t now_ns, char *why, size_t why_size);
/* The strategy that the next window runs under; draws a match or a canary round as needed, or freezes
   when the budget has no room for another match (the phase is then no longer LEARN). */
uint32_t hk_lifecycle_next(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns);
/* The window of hk_lifecycle_next ended. May freeze, promote or roll back. */
void hk_lifecycle_report(struct hk_elo_state *state, const struct hk_elo_params *params,
                         struct hk_elo_cost cost, uint64_t now_ns);

/* Is LEARN in its first half (see hk_lifecycle_observed), in which no strategy but the leader is in force? */
bool hk_lifecycle_observing(const struct hk_elo_state *state);
/* So many large allocations were observed. True when that is enough: half of the budget (of 2,048, if it is larger), at least
   one window after the start. */
bool hk_lifecycle_observed(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t allocations);
/* The end of it: ratings by what each strategy would have cost (hk_elo_cost.cost; NULL if that is not known), and the part of
   it that is due to huge pages. noise: log2 variance of real windows. Matches begin. */
void hk_lifecycle_rank(struct hk_elo_state *state, const struct hk_elo_params *params, const float *costs, const float *thp,
                       float noise, uint64_t now_ns);

/* The workload has changed (shift.h): in FROZEN under learn-frozen, opens a series of canaries, one for each other strategy.
   True if it did. */
bool hk_lifecycle_shift(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns);

/* ---- canary.c ---- */

void hk_canary_begin(struct hk_elo_state *state, const struct hk_elo_params *params, uint64_t now_ns);
uint32_t hk_canary_strategy(struct hk_elo_state *state);

enum hk_verdict { HK_VERDICT_OPEN, HK_VERDICT_PROMOTE, HK_VERDICT_ROLLBACK };
/* Account one window and judge. Ratings move and the round is logged when a round ends. */
enum hk_verdict hk_canary_report(struct hk_elo_state *state, const struct hk_elo_params *params,
                                 struct hk_elo_cost cost, uint64_t now_ns);

#endif
