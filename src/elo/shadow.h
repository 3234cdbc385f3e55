/* SPDX-License-Identifier: MIT
 *
 * Shadows: what every strategy would have done with the large blocks that the program really allocates and frees. Each has
 * a small model of its own of the memory that lies free and warm: how much of an allocation it would have had to
 * fault in, how much it would have given back, how much it would have kept resident and for how long. So all strategies play on the
 * very same events, without being in force: no service pays for the trial, and a rhythm that is longer than a window is
 * judged whole. (In caching this is known as ghost lists, and as miniature simulation.) Pure: events in, sums out.
 */
#ifndef HK_ELO_SHADOW_H
#define HK_ELO_SHADOW_H

#include "core/ebb.h"
#include "elo/elo.h"

#define HK_SHADOW_RUNS 32  /* of free memory, each of one age; more are merged */
#define HK_SHADOW_BLOCKS 16 /* mappings of their own that rest in BigCache */
#define HK_FAULT_NS 200U    /* what a fault does to caches and TLB after it: its CPU time has only the fault itself */

/* What one strategy would have done. Sums, in bytes; they add up over processes. */
struct hk_shadow_sum {
	double fresh_small, fresh_huge; /* faulted in, by the size of pages */
	double first_huge;   /* of fresh_huge, what the process never held before: its host may have to find the memory */
	double given_back;
	double idle_byte_ns; /* free and resident, over time */
	double live_at_fault; /* bytes in use at the time, weighted with the bytes faulted in: their product, summed */
};

/* Bytes that lie free since then. */
struct hk_shadow_run {
	uint64_t freed_ns, bytes;
};

struct hk_shadow_player {
	struct hk_shadow_sum sum;
	struct hk_shadow_run run[HK_SHADOW_RUNS];     /* of arenas: oldest first; of any shape, neighbours merge */
	struct hk_shadow_run block[HK_SHADOW_BLOCKS]; /* mappings: oldest first */
	uint32_t runs, blocks;
	uint64_t warm, cached; /* bytes in them */
	uint64_t most, peak;   /* bytes that arenas, that all of it ever held, in use or free */
	uint64_t ticked_ns;
	struct hk_ebb ebb;
};

struct hk_shadow {
	struct hk_shadow_player player[HK_ELO_STRATEGIES];
	uint64_t now_ns, looked_ns, live_bytes, arena_bytes; /* live: of the events seen; arena_bytes: the part in arenas */
	double live_byte_ns, time_ns, allocated;
	uint32_t visits;
	bool auto_huge; /* thp = auto would give huge pages at present */
	bool ebbs;            /* what is warm goes back at the end of a burst: ebb.h */
	uint64_t other_bytes; /* in use, that no event tells of: small blocks */
	struct hk_strategy rule[HK_ELO_STRATEGIES]; /* what each plays by: keys that a human set are the same in all */
};

/* From zero, at this time, with blocks that live already; peak: bytes that were held at some time before. The rules stand
   already. */
void hk_shadow_begin(struct hk_shadow *shadow, uint64_t now_ns, uint64_t live_bytes, uint64_t peak);
/* A block of `old` bytes becomes one of `new` bytes (0: none) now. ticked_ns: when memory was last looked through for what is
   too old; between that time and now nobody did. */
void hk_shadow_event(struct hk_shadow *shadow, uint64_t old, uint64_t new, uint64_t now_ns, uint64_t ticked_ns);
/* Start the sums anew; what lies free stays. */
void hk_shadow_clear_sums(struct hk_shadow *shadow);

/* What pages cost on this host, in ns per 4 KiB. */
struct hk_shadow_prices {
	float small, huge, given_back; /* to fault in, to give back */
	float huge_first;              /* to fault in what was never used before */
	float use_small, use_huge;     /* to write once to what is there, in a heap that the TLB does not cover */
};

/* Sums over all processes of a service. */
struct hk_shadow_total {
	struct hk_shadow_sum of[HK_ELO_STRATEGIES];
	double live_byte_ns, time_ns; /* bytes in use, over time */
	double cpu_ns, faults, allocations, allocated; /* allocated: bytes */
	double windows;           /* looks at the counters, what follows is summed over them: */
	double resident, tracked; /* … bytes: RSS, and what of it the events explain */
	double cost, squares;     /* … log2 of CPU time an allocation: how noisy real windows are */
};

/* What the cost of a strategy is asked for with. */
struct hk_shadow_case {
	const struct hk_shadow_prices *prices;
	uint32_t present; /* the strategy that was in force */
	float weight;     /* of memory */
	float huge_part;  /* of the memory that is resident now, how much is in huge pages */
};

/* The log2 cost of a strategy, as hk_elo_cost.cost (match.h), had it been in force instead of the present one; with the key
   thp as the present strategy has it, if so asked. */
float hk_shadow_cost(const struct hk_shadow *shadow, const struct hk_shadow_total *total, const struct hk_shadow_case *given,
                     uint32_t strategy, bool present_thp);

/* log2 variance between windows under one strategy. */
float hk_shadow_noise(const struct hk_shadow_total *total);

#endif
