/* SPDX-License-Identifier: MIT
 *
 * security = full: freed small and medium blocks are filled with a pattern and wait in a quarantine; a block whose
 * pattern changed meanwhile was written after free. Blocks that are handed out are filled too, so that
 * nothing of their past shows. Lock: the quarantine's own.
 */
#ifndef HK_CORE_HARDEN_H
#define HK_CORE_HARDEN_H

#include <stddef.h>

void hk_harden_free(void *p, unsigned class_number);
void hk_harden_handed_out(void *p, size_t size);
/* At the end of the process: check every block that still waits. */
void hk_harden_finish(void);
struct hk_lock *hk_harden_lock(void);

#endif
