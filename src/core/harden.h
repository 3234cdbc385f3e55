/* SPDX-License-Identifier: MIT
 *
 * security = full. A small block ends in a seal: what was asked for, whether it is in use, and a secret, all mixed with the
 * address. What lies between the end of what was asked for and the seal is filled. free() examines both, and the seal of the
 * block before, then fills the block and lets it wait in a quarantine; who leaves that is examined, and cleared. A free block
 * is all zero, its seal too, and any other has a seal: both change under the lock of the slab's bin.
 *
 *   | block before … seal | what was asked for … fill … seal | next …
 *
 * Larger blocks are guarded (guard.c). Blocks from before the configuration was known have no seal. Lock: the
 * quarantine's own.
 */
#ifndef HK_CORE_HARDEN_H
#define HK_CORE_HARDEN_H

#include "base/bits.h"

#define HK_FILL_FREED 0xdf
#define HK_FILL_NEW 0xa5
#define HK_FILL_EDGE 0xe1

typedef uint64_t __attribute__((may_alias)) hk_word;

/* Is each of size bytes fill? p and size: multiples of a word. Inline, since most blocks are short. */
HK_INLINE bool hk_filled(const void *p, size_t size, unsigned char fill)
{
	const hk_word *word = p;
	uint64_t want = fill * (uint64_t) 0x0101010101010101, differs = 0;

	for (; size >= 4 * sizeof(*word) && differs == 0; size -= 4 * sizeof(*word), word += 4)
		differs = (word[0] ^ want) | (word[1] ^ want) | (word[2] ^ want) | (word[3] ^ want);
	for (; size >= sizeof(*word); size -= sizeof(*word))
		differs |= *word++ ^ want;
	return differs == 0;
}

/* A block; align: a power of two. NULL: no memory. */
void *hk_harden_alloc(unsigned shard, size_t size, size_t align);
/* p is in a slab (its code is not 0). */
void hk_harden_free(void *p);
/* Bytes that were asked for, of a block that is in use; ends the process with fault_freed if it was freed, else with fault if
   it is none. */
size_t hk_harden_usable(const void *p, const char *fault, const char *fault_freed);
/* Bytes that were asked for; false if there is no whole seal of a block in use: free() will say what is wrong. */
bool hk_harden_size(const void *p, size_t *ret);
/* The seal of a block that is being taken, of class_bytes. */
void hk_harden_take(void *p, size_t class_bytes);
/* Does the block have a seal, which is so where its slab is a hard one? */
bool hk_harden_sealed(const void *p);
/* At the end of the process: examine every block that still waits. */
void hk_harden_finish(void);
struct hk_lock *hk_harden_lock(void);

#endif
