/* SPDX-License-Identifier: MIT
 *
 * What operators ask of the engine: another phase, and what it has learned. Apart from engine.c, since no start runs it.
 */
#include "elo/engine.h"

#include "base/sys.h"
#include "elo/lifecycle.h"
#include "elo/observe.h"

int hk_engine_command(struct hk_elo_state *state, const struct hk_config *config, enum hk_phase phase,
                      char *why, size_t why_size)
{
	struct hk_elo_params params;
	hk_engine_read_params(config, &params);
	uint64_t word = hk_engine_lock_insist(state);
	int error = hk_lifecycle_command(state, &params, phase, hk_sys_precise_ns(), why, why_size);
	if (word != 0)
		hk_engine_lock_drop(state, word);
	return error;
}

int hk_engine_request(struct hk_elo_state *state, const struct hk_config *config, enum hk_phase phase,
                      uint32_t seq, char *why, size_t why_size)
{
	_Atomic uint32_t *requests = &hk_elo_scratch(state)->requests;
	uint32_t seen = atomic_load_explicit(requests, memory_order_relaxed);
	if ((int32_t) (seq - seen) <= 0 ||
	    !atomic_compare_exchange_strong_explicit(requests, &seen, seq, memory_order_acq_rel,
	                                             memory_order_relaxed))
		return 0;
	int error = hk_engine_command(state, config, phase, why, why_size);
	if (hk_lifecycle_observing(state))
		hk_observe_begin(config);
	hk_engine_set_window(state);
	hk_engine_bump();
	return error;
}

bool hk_engine_has_learned(const struct hk_elo_state *state)
{
	return state->matches > 0 || hk_elo_bound(state->leader) != 0;
}

void hk_engine_learned(const struct hk_elo_state *state, const struct hk_config *config, struct hk_overlay *ret)
{
	uint32_t leader = hk_elo_bound(state->leader);
	hk_engine_overlay_of(state, config, leader, leader, ret);
}
