/* SPDX-License-Identifier: MIT
 *
 * Huge pages, by the key thp. off: none. on: every arena and mapping. auto: heaps above some size, an extent of 2 MiB
 * at a time, as the page heap begins to hand it out, and only while huge pages are cheap here: on virtual machines their first
 * touch may cost several times that of small ones. Any thread, no lock.
 */
#ifndef HK_CORE_THP_H
#define HK_CORE_THP_H

#include "base/bits.h"

/* Would thp = auto give huge pages now? Reads a file of /proc. */
bool hk_thp_would(void);
/* A new arena or mapping. */
void hk_thp_mapped(char *base, size_t size);
/* [start, start + size) was cut out of the clean free run [from, to): extents of the run that it is the first to touch may
   become huge pages. dense: it will soon be used from end to end. */
void hk_thp_cut(char *start, size_t size, char *from, char *to, bool dense);

#endif
