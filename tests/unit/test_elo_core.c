/* SPDX-License-Identifier: MIT
 *
 * Stand-in for the core's globals in test_elo_engine.
 */
#include "core/knobs.h"
#include "core/stats.h"

static _Atomic uint64_t no_pulse[2];
static struct hk_counters private_counters;

struct hk_knobs hk_knobs;
struct hk_hooks hk_hooks = {.pulse = no_pulse};
struct hk_counters *hk_counters = &private_counters;
