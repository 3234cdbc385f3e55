/* SPDX-License-Identifier: MIT
 *
 * The table of samples, as sample.c keeps it and sample_report.c reads it when the process is about to end.
 */
#ifndef HK_CORE_SAMPLE_INT_H
#define HK_CORE_SAMPLE_INT_H

#include "base/bits.h"

#include <stdatomic.h>

#define HK_SAMPLES_LIVE 1024U   /* at once; each takes two of the mappings that the kernel allows a process */
#define HK_SAMPLES_CLOSED 512U  /* freed ones whose addresses stay closed: then their places in the table are free again */
#define HK_SAMPLES (1 + HK_SAMPLES_LIVE + HK_SAMPLES_CLOSED) /* number 0 is none */
#define HK_SAMPLE_FRAMES 24U

/* Who did it, where, when. */
struct hk_trace {
	uint64_t time_ns; /* 0: nobody yet */
	uint32_t thread, frames;
	uintptr_t stack[HK_SAMPLE_FRAMES];
};

struct hk_sample {
	uintptr_t map;
	_Atomic uintptr_t map_bytes; /* 0: not in use; stored last, since who looks has no lock */
	uintptr_t block;
	uint64_t size;
	struct hk_trace allocated, freed;
	uint32_t next;          /* not in use: the next such */
};

extern struct hk_sample *_Atomic hk_samples; /* HK_SAMPLES of them, or NULL */

/* Install the handler of SIGSEGV, or take it away if it is still there. */
void hk_report_watch(void);
void hk_report_unwatch(void);

#endif
