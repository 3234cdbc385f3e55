/* SPDX-License-Identifier: MIT
 *
 * The end of a burst. Free memory stays warm for purge_delay and is given back at the next visit of a slow path, or by the
 * control thread. A process without that thread (a worker of a forking server) that frees what a query took and then waits
 * for the next one pays no such visit: it would keep its peak for hours. So what is in use is watched at frees: when it falls to half of
 * what it was, and did not do so lately, what is warm goes at once. A program that takes it all again soon is left alone
 * after that, each time twice as long.
 */
#ifndef HK_CORE_EBB_H
#define HK_CORE_EBB_H

#include "base/bits.h"

#define HK_EBB_LEAST (8 * HK_MIB) /* less is no burst */

/* All zero at first. */
struct hk_ebb {
	uint64_t mark;    /* bytes in use: the most while they rise, the least while they fall */
	uint64_t fell_ns; /* when they last fell; at first, when they were first looked at */
	uint64_t wait_ns; /* longer than purge_delay, where it was wrong to give back */
	bool falling, granted;
};

/* Bytes in use and bytes kept warm at this moment: should what is warm go back now? delay_ns: purge_delay. Lock: the caller's. */
bool hk_ebb_turn(struct hk_ebb *ebb, uint64_t now_ns, uint64_t used, uint64_t warm, uint64_t delay_ns);
/* The same of this process. Never waits. */
bool hk_ebb_over(uint64_t now_ns);
/* Would it ever be so? Not where a thread ticks, nor under another free_policy than adaptive. */
bool hk_ebb_watches(void);
uint64_t hk_ebb_used(void); /* bytes in use, as it is told */
void hk_ebb_driven(void); /* there is a thread that ticks */
void hk_ebb_alone(void);  /* after fork, in the child */

#endif
