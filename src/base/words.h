/* SPDX-License-Identifier: MIT
 *
 * Copying and clearing large plain structs that are mostly zero. A page that is only read costs a private
 * mapping nothing, so words that already are as wanted are not written. Word by word with relaxed
 * atomics, for memory that others may write at the same time. Sizes and addresses are multiples of eight.
 */
#ifndef HK_BASE_WORDS_H
#define HK_BASE_WORDS_H

#include "base/bits.h"

/* Leaves *to equal to *from. */
void hk_words_copy(void *to, const void *from, size_t size);
void hk_words_clear(void *to, size_t size);
/* *to is known to be zero, and need not even be read: where memory is shared, reading makes a page too. */
void hk_words_fill(void *to, const void *from, size_t size);

#endif
