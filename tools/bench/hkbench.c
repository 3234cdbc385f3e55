/* SPDX-License-Identifier: MIT
 *
 * The table of the scenarios in C. All workloads are our own.
 */
#include "scenarios.h"
#include "hkbench.h"

const struct scenario scenarios[] = {
        {"vm", 10000, scenario_vm, "allocate 2 MB, touch every page, free", 0},
        {"mir", 10000, scenario_mir, "replace one of 32 large blocks of 64 KB to 4 MB, touched", 0},
        {"tiny-hot", 20000000, scenario_tiny_hot, "replace one of 64 live blocks of 8 to 128 bytes", 0},
        {"cold-churn", 1500000, scenario_cold_churn, "replace one of 200,000 live blocks of 1 to 4,096 bytes",
         0},
        {"json-parse", 30, scenario_json_parse, "parse 1 MB of JSON into a tree, walk it, free it", 0},
        {"larson", 12000000, scenario_larson,
         "replace a block of a worker's table; tables move to new threads", 0},
        {"producer-consumer", 3000000, scenario_producer_consumer, "one thread allocates, another frees", 0},
        {"symmetric", 6000000, scenario_symmetric, "threads in pairs, each frees what the other allocates",
         0},
        {"realloc-growth", 30, scenario_realloc_growth,
         "grow 8 buffers together from 16 bytes to 2 MB by reallocs", 0},
        {"fragmentation", 10, scenario_fragmentation,
         "fill 32 MB, free 9 of 10 blocks, fill with larger ones", 0},
        {"random-mix", 3000000, scenario_random_mix,
         "a block of 8 bytes to 32 KB, log-uniform, that lives shortly, for a while or long", 0},
        {"calloc-mix", 600000, scenario_calloc_mix,
         "replace one of 256 zeroed blocks of 16 bytes to 32 KB, seldom up to 1 MB", 0},
        {"aligned-mix", 1500000, scenario_aligned_mix,
         "replace one of 2,000 blocks aligned to 16 to 4,096 bytes", 0},
        {"trees", 900, scenario_trees, "build a tree of cells, map it to another, keep a list of its leaves",
         0},
        {"json-build", 100, scenario_json_build,
         "build a document of 2,000 records in growing buffers, serialise it, drop it", 0},
        {"lru-cache", 2000000, scenario_lru_cache,
         "look up a key; a miss stores a value and evicts the oldest beyond 32 MB", 0},
        {"heap-1g", 1024, scenario_heap_1g,
         "fill 1 MB; then a random 90 % of all is freed and a little more is allocated", 0},
        {"false-sharing", 3200, scenario_false_sharing,
         "two threads write blocks 50,000 times: their own, and in the place of blocks handed to them", 2},
        {"short-threads", 6000, scenario_short_threads,
         "a thread starts, makes and frees 300 blocks, leaves 8 behind, ends", 0},
        {"threads-many", 18000000, scenario_threads_many,
         "replace one of 500 blocks of a thread; all threads together", 16},
        {"batch-handover", 60000, scenario_batch_handover,
         "a request of 100 blocks goes to a worker, which frees half and sends the rest back", 0},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
