/* SPDX-License-Identifier: MIT
 *
 * The ELO engine: which large-block strategy pays for this service. A strategy is a named vector of
 * the tuned keys. State is plain data in the control block, shared by the processes of a service
 * and guarded by a try-lock that a killed process cannot leave locked for good: who finds it held
 * goes on without playing. All but engine.c, windows.c and observe.c, which read clocks, counters and
 * knobs, is pure arithmetic on the state.
 */
#ifndef HK_ELO_ELO_H
#define HK_ELO_ELO_H

#include "base/bits.h"
#include "config/config.h"

#include <stdatomic.h>

#define HK_ELO_STRATEGIES 12
#define HK_ELO_LOG 128 /* decisions kept */

enum hk_phase { HK_PHASE_OFF, HK_PHASE_LEARN, HK_PHASE_FROZEN, HK_PHASE_CANARY };
extern const char *const hk_phase_names[4]; /* "OFF", "LEARN", "FROZEN", "CANARY" */

/* A named vector of the tuned keys (those with tuned = 1 in keys.def). */
struct hk_strategy {
	const char *name; /* "default" (index 0: the configuration as it is), "hoard", "lean", … */
	uint64_t purge_delay_ns, bigcache_limit, bigcache_max_block;
	uint32_t batch_max;
	uint8_t thp;
};
extern const struct hk_strategy hk_strategies[HK_ELO_STRATEGIES];

/* "?" for what is none, as may stand in a block. */
HK_INLINE const char *hk_elo_phase_name(uint32_t phase)
{
	return phase < HK_COUNT(hk_phase_names) ? hk_phase_names[phase] : "?";
}

HK_INLINE const char *hk_elo_strategy_name(uint32_t strategy)
{
	return strategy < HK_ELO_STRATEGIES ? hk_strategies[strategy].name : "?";
}

enum hk_elo_event { HK_ELO_MATCH, HK_ELO_FREEZE, HK_ELO_LEARN, HK_ELO_CANARY, HK_ELO_PROMOTE, HK_ELO_ROLLBACK, HK_ELO_OFF,
                    HK_ELO_SHIFT, HK_ELO_SHADOW, HK_ELO_EVENTS };

/* One decision, for `hakmemctl log`. */
struct hk_elo_entry {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint32_t event;   /* enum hk_elo_event */
	uint16_t a, b;    /* strategies that played (or: old, new; SHADOW: one, the one in force) */
	float cost_a, cost_b, rating_a, rating_b; /* after the match */
};

struct hk_elo_state {
	_Atomic uint64_t lock;      /* 0, or pid << 32 | low half of the taking time in ms */
	_Atomic uint32_t phase;     /* enum hk_phase */
	_Atomic uint32_t strategy;  /* the one in force now */
	uint32_t leader, challenger;
	uint32_t matches;
	_Atomic uint64_t allocations; /* large allocations spent on learning so far */
	float rating[HK_ELO_STRATEGIES];
	uint32_t played[HK_ELO_STRATEGIES];
	uint64_t random;            /* state of the engine's generator, seeded per service */
	uint32_t log_next;          /* entries ever written; ring index is modulo HK_ELO_LOG */
	struct hk_elo_entry log[HK_ELO_LOG];
	uint64_t scratch[256];      /* private to src/elo: the match under way, canary statistics, … */
};

/* engine.c and request.c: all called without locks held; none allocates or blocks. */

/* First call in a process (state zeroed by the caller in the first process of a service, inherited
   after fork): set up phase from config, hook into the core's window counter. */
void hk_engine_start(struct hk_elo_state *state, const struct hk_config *config);
/* Follow the configuration (elo, evo_policy, elo_*) and the phase: sets this process's window counter.
   Any process, any thread. Cheap when nothing changed: on_pulse calls it at each pulse, before
   hk_engine_overlay. */
void hk_engine_configure(struct hk_elo_state *state, const struct hk_config *config);
/* hakmemctl freeze, learn, canary. 0, or −EINVAL with a sentence in why (elo = off, …). Pure on the
   state: works on a copy, so that a reply can be computed from outside the process too. */
int hk_engine_command(struct hk_elo_state *state, const struct hk_config *config, enum hk_phase phase, char *why,
                      size_t why_size);
/* The same for the live state, once for the whole service however many of its processes pass it on: a request
   whose seq (hk_block_values.phase_seq) was already carried out is ignored. Bumps the engine's pulse. */
int hk_engine_request(struct hk_elo_state *state, const struct hk_config *config, enum hk_phase phase, uint32_t seq,
                      char *why, size_t why_size);
/* The strategy in force: the leader but during a window of LEARN or CANARY. */
uint32_t hk_engine_strategy(const struct hk_elo_state *state);
/* The tuned keys' values under the strategy in force, as an overlay of origin LEARNED: only keys that are
   not pinned by a human (origin in config above PRESET). Mask 0 when elo is off, the phase is OFF or the
   strategy is 0, which leaves the configuration as it is; but in LEARN thp is that of the strategy under which it began. */
void hk_engine_overlay(const struct hk_elo_state *state, const struct hk_config *config, struct hk_overlay *ret);
/* The same for what was learned up to now: all values are the leader's, whoever plays. */
void hk_engine_learned(const struct hk_elo_state *state, const struct hk_config *config, struct hk_overlay *ret);
/* Has it learned anything: was a match played, or a leader found without? */
bool hk_engine_has_learned(const struct hk_elo_state *state);
/* Lay such an overlay over a configuration. */
void hk_engine_lay(struct hk_config *config, const struct hk_overlay *learned);

#endif
