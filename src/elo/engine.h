/* SPDX-License-Identifier: MIT
 *
 * What engine.c, windows.c and request.c share: this process's view of the engine.
 */
#ifndef HK_ELO_ENGINE_H
#define HK_ELO_ENGINE_H

#include "elo/match.h"

#define HK_TICKS 4        /* turns in a window that is played */
#define HK_STALE_MS 1000U /* age at which a lock or a window is up for taking */

/* NULL before hk_engine_start. */
struct hk_elo_state *hk_engine_state(void);
struct hk_elo_params hk_engine_params(void);
void hk_engine_read_params(const struct hk_config *config, struct hk_elo_params *ret);
/* The values of one strategy, but for thp, which is that of another, as hk_engine_overlay does it. */
void hk_engine_overlay_of(const struct hk_elo_state *state, const struct hk_config *config, uint32_t strategy, uint32_t thp_of,
                          struct hk_overlay *ret);

/* The try-lock. *ret_word is what hk_engine_lock_drop wants back. */
bool hk_engine_lock_try(struct hk_elo_state *state, uint64_t *ret_word);
void hk_engine_lock_drop(struct hk_elo_state *state, uint64_t word);
/* For the rare changes by an operator: wait a little, then go ahead. A copy may have been taken from a locked
   state, and what a race can garble at worst is one match. Returns 0 when the lock was not got, else the word. */
uint64_t hk_engine_lock_insist(struct hk_elo_state *state);

/* LEARN or CANARY. */
bool hk_engine_playing(const struct hk_elo_state *state);
/* FROZEN, but a change of the workload is to be noticed. */
bool hk_engine_watching(const struct hk_elo_state *state);

/* Large allocations between two turns of a window that is played. */
uint32_t hk_engine_tick(uint32_t window);
/* Have the core call hk_engine_on_window as the phase wants it. */
void hk_engine_set_window(const struct hk_elo_state *state);
/* Let every process lay the strategy in force over its configuration. */
void hk_engine_bump(void);

/* hk_hooks.on_window. */
void hk_engine_on_window(void);

#endif
