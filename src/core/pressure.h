/* SPDX-License-Identifier: MIT
 *
 * Does the heap come near to the end of what the kernel will give? Free memory that is kept warm must not be what brings a
 * process over the limit of its group, or its host to swap. From slow paths, no lock held; any thread.
 */
#ifndef HK_CORE_PRESSURE_H
#define HK_CORE_PRESSURE_H

#include "base/bits.h"

#define HK_WARM_MIN (4 * HK_MIB) /* less free memory is not worth a look */

/* Fresh memory of size bytes is about to be taken: should free memory go back first? Cheap, unless half of the room that
   was there at the last look is used up. */
bool hk_pressure_before(size_t size);
/* Memory was freed. Is what is warm by now more than a part of what is left to others (an eighth
   in a memory group, a quarter on the host), so that the kernel should be
   allowed to take it? Cheap, unless that much was freed since it was last asked. */
bool hk_pressure_after(void);
/* From a tick of the purge: what part of purge_delay should count now: 1, or more to divide it by. */
unsigned hk_pressure_haste(uint64_t now_ns);

/* After fork, in the child: another thread's look is over. */
void hk_pressure_alone(void);

#endif
