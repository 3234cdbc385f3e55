/* SPDX-License-Identifier: MIT
 *
 * The only two ways to say something: a log line, written with one write(2), and the end of the
 * process. Both allocate nothing and are safe inside malloc; hk_fatal anywhere, hk_log_line where snprintf with plain
 * formats (no floats) may run, as glibc's may in a signal handler. Only the outermost layers (shim, control) and reports
 * of sampled misuse log; corruption may be found anywhere.
 */
#ifndef HK_BASE_LOG_H
#define HK_BASE_LOG_H

#include "base/bits.h"

/* Where lines go: "stderr" (default), "none", or an absolute path that is opened for each line. */
void hk_log_target(const char *target);
/* One line, "hakmem[PID]: …", at most 511 bytes; never changes errno. */
void hk_log_line(const char *format, ...) HK_PRINTF(1, 2);

/*
 * Heap corruption: one line on stderr, "hakmem: FAULT: ADDRESS", then SIGABRT. The fault texts are
 * part of the interface (hakmem(7) lists them).
 */
_Noreturn void hk_fatal(const char *fault, const void *address);
/* Called first, with the address: who knows more of it may say so. */
extern void (*_Atomic hk_fatal_more)(const void *address);

#endif
