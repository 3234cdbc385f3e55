/* SPDX-License-Identifier: MIT
 *
 * hakmem: public interface. A program needs none of it: preloading or linking libhakmem is enough.
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#ifdef __cplusplus
extern "C" {
#endif

#include <stddef.h>

#define HAKMEM_VERSION "0.1.0"

/* Version of the library that is loaded, e.g. "0.1.0". Never NULL, never freed. Thread-safe. */
const char *hakmem_version(void);

/* Give free memory back to the system now: thread cache of the caller, pools and cached large
   blocks. Returns the bytes given back. Thread-safe; errno is kept. */
size_t hakmem_trim(void);

#ifdef __cplusplus
}
#endif
#endif
