/* SPDX-License-Identifier: MIT
 *
 * Memory system calls that fail on demand. The linker's --wrap leads the core's calls here, so what is tested is the
 * library's own objects, unchanged. A call that is refused has not happened.
 */
#ifndef HK_TESTS_FAULTS_H
#define HK_TESTS_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

enum fault_kind { FAULT_MMAP, FAULT_MUNMAP, FAULT_MREMAP, FAULT_MPROTECT, FAULT_MADVISE, FAULT_VECTOR, FAULT_KINDS };
enum fault_verdict {
	FAULT_NONE,
	FAULT_REFUSED, /* with one errno after another of those that the kernel has for it */
	FAULT_PARTLY   /* process_madvise: half of it is done; mmap at an address: elsewhere, as old kernels did; else refused */
};

/* Asked before each call; NULL: all go through. */
typedef enum fault_verdict fault_judge(enum fault_kind kind);
extern fault_judge *_Atomic fault_judge_now;

extern _Atomic uint64_t fault_count; /* calls that failed so far */
/* Bytes: mapped by the core; of these, those whose munmap was refused, and leaves of the page map. */
extern _Atomic int64_t fault_mapped, fault_kept, fault_leaves;

const char *fault_name(enum fault_kind kind);

#endif
