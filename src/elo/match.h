/* SPDX-License-Identifier: MIT
 *
 * Matches: which two strategies play, in which order, and what the result does to the ratings.
 * Pure functions on the shared state; the caller holds its lock. Everything read back from the
 * state is bounded before use: a process killed half-way may have left it torn.
 */
#ifndef HK_ELO_MATCH_H
#define HK_ELO_MATCH_H

#include "elo/elo.h"
#include "elo/shadow.h"

/* The engine's settings, as plain numbers. */
struct hk_elo_params {
	bool enabled;       /* elo = on and evo_policy not off */
	uint8_t policy;     /* HK_EVO_* */
	uint8_t objective;  /* HK_OBJECTIVE_* */
	uint32_t k, window; /* window: large allocations */
	uint64_t budget;    /* large allocations */
	uint32_t canary_percent, canary_guard;
	bool thp_pinned; /* a human has set the key thp */
	bool observe;    /* LEARN begins with shadows (observe.h); false: simulations, which have none */
};

/* What one window cost. Both are log2, of nanoseconds (weighted) per large allocation and of bytes. */
struct hk_elo_cost {
	float cost, resident;
};

/* Mean and spread of what has been seen so far. */
struct hk_elo_sum {
	uint32_t n, pad;
	float sum, squares;
};

/*
 * The private part of the state, in hk_elo_state.scratch. A window belongs to the process in
 * `owner`; its measurements stay in that process, which recognises its window by `serial`.
 */
struct hk_elo_scratch {
	uint32_t policy_seen;      /* settings last followed, encoded; 0: none */
	_Atomic uint32_t requests; /* phase requests carried out (hk_engine_request) */
	uint32_t owner;            /* pid that plays the window under way; 0: none */
	uint32_t serial;           /* grows with every window begun */
	uint32_t since_ms;         /* owner's last sign of life, low half of milliseconds */
	/* The match under way. */
	uint32_t playing, half; /* a match is on; 0: first window, 1: second */
	uint32_t first, second; /* strategies, in playing order */
	struct hk_elo_cost first_cost;
	/* What is known of the field (field.c). */
	float noise; /* variance of a window's log2 cost around its expectation */
	uint32_t noise_n;
	float level; /* log2 cost of a strategy rated 1500 just now */
	uint32_t level_known;
	/* Covariances of what the ratings, as log2 costs, and (last) the level are off by; in noises. */
	float doubt[HK_ELO_STRATEGIES + 1][HK_ELO_STRATEGIES + 1];
	/* CANARY. */
	uint32_t position, turn, length; /* window within the round, the challenger's one, windows a round */
	uint32_t strikes;                /* breaches of the guard in a row */
	struct hk_elo_cost challenger_cost;
	uint32_t challenger_seen; /* the challenger has had its window in this round */
	struct hk_elo_sum round;  /* the leader's costs in this round */
	struct hk_elo_sum leader_cost, leader_resident, margin; /* over the whole canary */
	uint32_t tried[HK_ELO_STRATEGIES];                      /* canaries each has had */
	uint32_t series;                                        /* canaries still to come after a shift */
	uint32_t shifts;                                        /* of the workload, that some process has told of */
	/* Shadows. */
	uint32_t observing; /* LEARN's first half */
	uint32_t out;       /* bit i: strategy i does not play, because another does the same or is far ahead */
	float thp[HK_ELO_STRATEGIES]; /* log2 cost that is due to huge pages, against the present: windows do not show it */
	uint32_t present;   /* the strategy in force while LEARN observed: it decides on huge pages until the end of LEARN */
	uint32_t placed;    /* ratings start from what the shadows say */
	uint32_t started;   /* the start of the service is over, and sums count */
	struct hk_shadow_total seen;
};
_Static_assert(sizeof(struct hk_elo_scratch) <= sizeof(((struct hk_elo_state *) 0)->scratch),
               "scratch too small");

HK_INLINE struct hk_elo_scratch *hk_elo_scratch(struct hk_elo_state *state)
{
	return (struct hk_elo_scratch *) state->scratch;
}

HK_INLINE uint32_t hk_elo_bound(uint32_t strategy)
{
	__asm__ volatile("" : "+r"(strategy)); /* read once, however often the compiler would like to */
	return strategy < HK_ELO_STRATEGIES ? strategy : 0;
}

HK_INLINE void hk_elo_sum_add(struct hk_elo_sum *sum, float x)
{
	sum->n++;
	sum->sum += x;
	sum->squares += x * x;
}

float hk_elo_sum_mean(const struct hk_elo_sum *sum);
float hk_elo_sum_variance(const struct hk_elo_sum *sum); /* of the sample; 0 below two values */

/* splitmix64 on state->random; uniform in [0, n). */
uint32_t hk_match_random(struct hk_elo_state *state, uint32_t n);
/* Append a decision to the ring. */
void hk_match_log(struct hk_elo_state *state, uint64_t now_ns, enum hk_elo_event event, uint32_t a,
                  uint32_t b, float cost_a, float cost_b);
/* Forget all evidence: ratings to 1500, no match on. The log stays. */
void hk_match_reset(struct hk_elo_state *state);
/* What the shadows say (log2 costs) is where ratings start from; noise: log2 variance of real windows. */
void hk_match_prior(struct hk_elo_state *state, const float *costs, float noise);
/* Strategies that play: of those whose shadows cost the same only one does, and nobody whose shadow is far behind. */
uint32_t hk_match_contenders(const struct hk_elo_state *state);
/* Draw the next pair and its order. */
void hk_match_draw(struct hk_elo_state *state);
/* The strategy whose window comes next. */
uint32_t hk_match_strategy(struct hk_elo_state *state);
/* The window of hk_match_strategy ended with this cost. True when that ended the match: ratings moved. */
bool hk_match_report(struct hk_elo_state *state, const struct hk_elo_params *params, struct hk_elo_cost cost,
                     uint64_t now_ns);
/* Highest rating. */
uint32_t hk_match_leader(const struct hk_elo_state *state);
/* Is the leader ahead of everybody by more than the noise explains? */
bool hk_match_clear(struct hk_elo_state *state);

/* ---- field.c ---- */

/* Nothing is known of any rating yet (in match.c). */
void hk_field_reset(struct hk_elo_scratch *scratch);
/* Standard error of the difference of two ratings, in points. */
float hk_field_deviation(struct hk_elo_state *state, uint32_t a, uint32_t b);
/* Move the ratings by one match: a played first. */
void hk_field_rate(struct hk_elo_state *state, uint32_t k, uint32_t a, uint32_t b, float cost_a,
                   float cost_b);

#endif
