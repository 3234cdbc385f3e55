/* SPDX-License-Identifier: MIT
 *
 * Purging: free memory goes back to the system by free_policy, in batches, with no lock of the
 * allocator held during the system call. Time is driven by the slow paths of any thread and, where it
 * runs, by the control thread. One purge at a time: who finds another at work goes on.
 */
#ifndef HK_CORE_PURGE_H
#define HK_CORE_PURGE_H

#include "base/bits.h"

/* Purge what is older than purge_delay. Bytes that are still waiting for their time (0: nothing to do until
   something is freed). */
uint64_t hk_purge_tick(void);
uint64_t hk_purge_drive(void); /* the same, by a thread that does it for the whole life of the process */
uint64_t hk_purge_ticked_ns(void); /* when that last happened (hk_sys_now_ns) */
/* Everything now, of any age and under any policy: BigCache, reserves, free runs. Bytes given back. */
uint64_t hk_purge_all(void);
/* Memory was refused: that, and what only keeps addresses. Bytes. */
uint64_t hk_purge_for_room(void);

/* All free runs and what BigCache holds; not if a purge is under way. */
void hk_purge_at_once(void);
/* Free runs of at least min_granules that came back at or before before_ns. Bytes. Lock: hk_purge_lock. */
uint64_t hk_purge_runs(uint64_t before_ns, size_t min_granules);

/* From slow paths: a tick if one is due. Cheap. */
void hk_purge_poll(void);
void hk_purge_after_free(size_t size, uint64_t now_ns); /* the same; free_policy = batch: a full batch goes at once */
void hk_purge_before(size_t size);        /* soft_limit, with size bytes more */
void hk_purge_before_fresh(size_t size);  /* the limits of the host and of the memory group, with size bytes more */

/* Everything that is warm: it stays, but the kernel may take it. Not if a purge is under way. */
void hk_purge_soften(void);
/* One purge at a time. */
struct hk_lock *hk_purge_lock(void);
/* Around each step of a purge: while free memory is out of its place, for one system call. */
void hk_purge_step_begin(void);
void hk_purge_step_end(void);
/* Fork takes these two, in this order and before all others: it waits for the end of a step, and no further one begins. */
struct hk_lock *hk_purge_gate_lock(void);
struct hk_lock *hk_purge_step_lock(void);
/* After fork, in the child: a purge that another thread was at is over. */
void hk_purge_alone(void);

#endif
