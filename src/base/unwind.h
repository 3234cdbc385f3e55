/* SPDX-License-Identifier: MIT
 *
 * The places of the calls on the calling thread's stack, found as exceptions find them: by the call frame information
 * (DWARF 4, section 6.4; "eh_frame" of the LSB) that every object of a program carries. libgcc's unwinder would have to be loaded in the middle of
 * malloc; this one loads nothing, allocates nothing, takes no lock, and reads nothing but the thread's own stack and constant data: safe in malloc and
 * in signal handlers. x86-64 with glibc 2.35 or newer; elsewhere every stack is empty.
 */
#ifndef HK_BASE_UNWIND_H
#define HK_BASE_UNWIND_H

#include "base/bits.h"

/* Where the main thread's stack ends: some address there, as of the environment. Once, at start. */
void hk_unwind_start(const void *top);
/* Of the caller's stack, innermost first, what lies in this library left out. How many, at most max. Addresses are within the calls. */
size_t hk_unwind_here(uintptr_t *ret, size_t max);
/* Of a stack that a signal interrupted: its handler's third argument. The first is the instruction itself. */
size_t hk_unwind_signal(const void *context, uintptr_t *ret, size_t max);
/* "/path/of/module+0x1234", an offset in the file as addr2line takes it; false, and the address, where there is no module. */
bool hk_unwind_name(uintptr_t address, char *ret, size_t size);

#endif
