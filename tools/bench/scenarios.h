/* SPDX-License-Identifier: MIT
 *
 * The scenarios of hkbench by the file that has them. What one iteration is stands in hkbench.c.
 */
#ifndef HKBENCH_SCENARIOS_H
#define HKBENCH_SCENARIOS_H

#include <stdint.h>

/* large.c */
void scenario_vm(uint64_t n);
void scenario_vm_1m(uint64_t n);
void scenario_vm_8m(uint64_t n);
void scenario_vm_40m(uint64_t n);
void scenario_vm_512m(uint64_t n);
void scenario_vm_threads(uint64_t n);
void scenario_huge_live(uint64_t n);
void scenario_blocks_256k(uint64_t n);
void scenario_blocks_64k_1m(uint64_t n);
void scenario_realloc_1g(uint64_t n);

/* single.c */
void scenario_mir(uint64_t n);
void scenario_tiny_hot(uint64_t n);
void scenario_cold_churn(uint64_t n);
void scenario_realloc_growth(uint64_t n);
void scenario_fragmentation(uint64_t n);

/* mixes.c */
void scenario_random_mix(uint64_t n);
void scenario_calloc_mix(uint64_t n);
void scenario_aligned_mix(uint64_t n);
void scenario_heap_1g(uint64_t n);

/* json.c, build.c, trees.c, lru.c */
void scenario_json_parse(uint64_t n);
void scenario_json_build(uint64_t n);
void scenario_trees(uint64_t n);
void scenario_lru_cache(uint64_t n);

/* threads.c */
void scenario_larson(uint64_t n);
void scenario_producer_consumer(uint64_t n);
void scenario_symmetric(uint64_t n);

/* servers.c */
void scenario_short_threads(uint64_t n);
void scenario_threads_many(uint64_t n);
void scenario_batch_handover(uint64_t n);

/* sharing.c */
void scenario_false_sharing(uint64_t n);

#endif
