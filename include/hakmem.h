/* SPDX-License-Identifier: MIT
 *
 * hakmem: public interface. A program needs none of it: preloading or linking libhakmem is enough. With it a
 * program can look at its allocator and steer it as hakmemctl(1) does, under the same names; hakmem(3)
 * has an example, and how to find these functions without linking the library.
 *
 * All functions are thread-safe, may be called in a forked child, keep errno and allocate nothing. They are not
 * async-signal-safe. Errors are returned as −errno; −ENODEV always means that the library has no
 * control block (its constructor has not run yet, or got no memory for it), −ENOMEM that there was no memory for
 * the time of the call. A service is a process with the children that it forked. All but hakmem_version, hakmem_phase and hakmem_trim use up to 32 KiB of stack, and make some
 * system calls: they are for once in a second, not for once in a request.
 */
#ifndef HAKMEM_H
#define HAKMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAKMEM_VERSION "0.1.0"
#define HAKMEM_VALUE_MAX 112 /* bytes of the longest value of a key, with its NUL */

/* Version of the library that is loaded, e.g. "0.1.0". Never NULL, never freed. */
const char *hakmem_version(void);

/* The value of a key of hakmem.ini(5), or of "mode", as the service has it, in the form that the file takes ("512M",
   "500ms", "on"), with its NUL into buf (not NULL) of size bytes. Returns its length without the NUL. −ENOENT: there is
   no such key; −ERANGE: size is too small (HAKMEM_VALUE_MAX always suffices), buf is left alone; −EAGAIN: others keep
   changing the configuration at this moment. */
int hakmem_get(const char *key, char *buf, size_t size);

/* What hakmemctl set does: change a key, or "mode", for the whole service, until it ends, over any reload, and pinned
   against the engine. The calling process takes it up at once, others when they next allocate more
   than their caches hold. A hard_limit below what is in use holds, too, as with hakmemctl set --force.
   NULL for value takes back what was set. Returns 0, or 1 if the key is read at start-up only,
   so that nothing changes while the service lives. −ENOENT: there is no such key; −EINVAL: the value (or mode) is not
   one of its, or, for the mode, the files have errors; −EAGAIN: others keep changing the configuration at this moment. Then nothing was changed. */
int hakmem_set(const char *key, const char *value);

/* One counter, by its name in hakmemctl stats ("live_bytes", "bigcache_hits"), into *ret_value (not NULL). What there is
   (bytes, blocks, threads, mappings) is summed over the live processes of the service, what was done over those that have
   ended, too. Names that end in _bytes count bytes, in _ns nanoseconds, in _s seconds, all others events or things.
   −ENOENT: there is no such counter; −EAGAIN as above; *ret_value is left alone. */
int hakmem_stats(const char *name, uint64_t *ret_value);
/* All of them, of one moment: each is called with every name and value, in a fixed order, until it returns other than 0;
   that is then the result, else 0. New versions add names. Do not keep name: it ends with the call. −EAGAIN as above. */
int hakmem_stats_each(int (*each)(const char *name, uint64_t value, void *data), void *data);

/* The phase of the service's ELO engine: "OFF", "LEARN", "FROZEN" or "CANARY". NULL without a control block; never freed. */
const char *hakmem_phase(void);
/* Switch it for the whole service: "LEARN", "FROZEN" or "CANARY", in any case, or hakmemctl's verbs "learn", "freeze",
   "canary". −EINVAL: none of these; −ENOTSUP: the engine cannot in this configuration (elo = off); −EAGAIN as above. */
int hakmem_set_phase(const char *phase);

/* Give free memory of the calling process back to the system now: thread cache of the caller, pools and cached
   large blocks. Returns the bytes given back, touched or not. Takes as long as the kernel needs for all of it, up to
   some tenths of a second for each GB of small pages, on the calling thread. */
size_t hakmem_trim(void);

#ifdef __cplusplus
}
#endif
#endif
