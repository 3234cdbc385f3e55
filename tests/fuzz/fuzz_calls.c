/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a sequence of allocator calls, four bytes a call, against a shadow of what each block must
 * hold. Switches are flipped on the way. A lost byte, a misaligned block, dirty calloc memory, a crash or a
 * sanitizer's word is a bug. See replay.h for how to run it.
 */
#include "core/hk.h"
#include "core/knobs.h"
#define FUZZ_ROUNDS 400
#include "replay.h"

#include <string.h>

#define SLOTS 64

static struct block {
	unsigned char *p;
	size_t size;
	unsigned char tag;
} blocks[SLOTS];

static void verify(const struct block *b, size_t n)
{
	for (size_t i = 0; i < n; i += i < 32 || i + 32 > n ? 1 : 4093)
		if (b->p[i] != b->tag)
			abort();
}

static void adopt(struct block *b, void *p, size_t size, size_t align)
{
	static unsigned char tag;

	if (p == NULL || ((uintptr_t) p & (align - 1)) != 0 || hk_usable_size(p) < size)
		abort();
	b->p = p;
	b->size = size;
	b->tag = ++tag;
	memset(p, b->tag, size);
}

static void check_zero(const unsigned char *p, size_t size)
{
	for (size_t i = 0; p != NULL && i < size; i++)
		if (p[i] != 0)
			abort();
}

static void allocate(struct block *b, unsigned how, size_t size)
{
	size_t align = 16;
	void *p;

	if (how < 2) {
		p = hk_calloc(1, size);
		check_zero(p, size);
	} else if (how == 2) {
		align = (size_t) 16 << (size % 12);
		p = hk_memalign(align, size);
	} else {
		p = hk_malloc(size);
	}
	adopt(b, p, size, align);
}

static void resize(struct block *b, size_t size)
{
	struct block old = *b;
	void *p = hk_realloc(b->p, size + 1);

	if (p == NULL)
		abort();
	old.p = p;
	verify(&old, old.size < size ? old.size : size);
	adopt(b, p, size + 1, 16);
}

static void flip(unsigned bits)
{
	HK_KNOB_SET(tinypool, bits & 1);
	HK_KNOB_SET(bigcache, bits >> 1 & 1);
	HK_KNOB_SET(batch, bits >> 2 & 1);
	HK_KNOB_SET(free_policy, (uint8_t) ((bits >> 3) % 3));
	HK_KNOB_SET(purge_delay_ns, bits & 32 ? 0 : 1000000000);
	atomic_fetch_add(&hk_knobs.epoch, 1);
	if (bits & 64)
		(void) hk_trim();
}

/* Sizes of every kind: 0 … 255, and further by 4 bits of exponent up to 64 MiB. */
static size_t size_of(unsigned low, unsigned high)
{
	return (size_t) low << (high % 19);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4) {
		struct block *b = &blocks[data[1] % SLOTS];
		size_t n = size_of(data[2], data[3]);

		if (data[0] >= 0xf8)
			flip(data[2]);
		else if (b->p == NULL)
			allocate(b, data[0] % 8, n);
		else if (data[0] % 4 == 0)
			resize(b, n);
		else {
			verify(b, b->size);
			hk_free(b->p);
			b->p = NULL;
		}
	}
	for (size_t i = 0; i < SLOTS; i++)
		if (blocks[i].p != NULL) {
			verify(&blocks[i], blocks[i].size);
			hk_free(blocks[i].p);
			blocks[i].p = NULL;
		}
	return 0;
}

#ifndef HK_LIBFUZZER
static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = size / 4 + fuzz_next() % (size / 2);

	for (size_t i = 0; i < n; i++) {
		uint64_t r = fuzz_next();

		/* Exponents mostly small: large blocks cost time. */
		bytes[i] = (uint8_t) (i % 4 == 3 && r % 400 != 0 ? r >> 8 & 7 : r >> 8);
	}
	return n;
}
#endif
