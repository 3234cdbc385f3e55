/* SPDX-License-Identifier: MIT
 *
 * The built-in strategies. Index 0 stands for the configuration as it is: hk_engine_overlay lays none of its
 * values, and its row repeats the presets of balanced for display only (by_hand in report.c). The others span what
 * services differ in: how long and how much freed memory is kept, how large a block may be to be
 * kept, how purges are grouped, and huge pages. Of those that do the same for a service the first in the table counts, so
 * the nearer to the default comes first.
 */
#include "elo/elo.h"

const char *const hk_phase_names[4] = {"OFF", "LEARN", "FROZEN", "CANARY"};

#define MS ((uint64_t) 1000000)
#define S (1000 * MS)

const struct hk_strategy hk_strategies[HK_ELO_STRATEGIES] = {
        /* name, purge_delay, bigcache_limit, bigcache_max_block, batch_max, thp */
        {"default", 1 * S, 4 * HK_GIB, 1 * HK_GIB, 64, HK_THP_AUTO},
        {"flat", 1 * S, 4 * HK_GIB, 1 * HK_GIB, 64, HK_THP_OFF},
        {"huge", 1 * S, 4 * HK_GIB, 1 * HK_GIB, 64, HK_THP_ON},
        {"bulk", 1 * S, 4 * HK_GIB, 1 * HK_GIB, 512, HK_THP_AUTO},
        {"narrow", 1 * S, 256 * HK_MIB, 4 * HK_MIB, 64, HK_THP_AUTO},
        {"patient", 10 * S, 4 * HK_GIB, 1 * HK_GIB, 128, HK_THP_AUTO},
        {"hoard", 60 * S, 16 * HK_GIB, 4 * HK_GIB, 64, HK_THP_AUTO},
        {"hoard-huge", 60 * S, 16 * HK_GIB, 4 * HK_GIB, 64, HK_THP_ON},
        {"brisk", 100 * MS, 128 * HK_MIB, 64 * HK_MIB, 32, HK_THP_AUTO},
        {"lean", 10 * MS, 16 * HK_MIB, 4 * HK_MIB, 64, HK_THP_OFF},
        {"lean-huge", 50 * MS, 64 * HK_MIB, 32 * HK_MIB, 64, HK_THP_ON},
        {"eager", 0, 0, 64 * HK_KIB, 16, HK_THP_OFF},
};
