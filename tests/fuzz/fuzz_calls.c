/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a sequence of allocator calls, four bytes a call, against a shadow of what each block must hold:
 * its place (aligned, nobody else's), its bytes, all that malloc_usable_size grants, zeros from calloc. Every live key of
 * the allocator is changed on the way, and blocks go from thread to thread. HK_FUZZ_SECURITY=off|basic|sampled|full is the process's
 * security, as it is for a service: from start to end, but that sampled changes to basic and back.
 */
#include "core/hk.h"
#include "core/knobs.h"
#define FUZZ_ROUNDS 60
#include "replay.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define SLOTS 64
#define WHOLE ((size_t) 8 * 1024)       /* blocks up to here are filled and compared in full */
#define STRIDE ((size_t) 61 * 1024 + 1) /* of larger ones a byte here and there, and both ends */
#define LIVE_MAX ((size_t) 96 << 20)

static struct block {
	unsigned char *p;
	size_t size, usable, align;
	unsigned char tag;
} blocks[SLOTS];
static size_t live;
static unsigned threads; /* that this input has had: they cost more than all else */
static struct hk_config config;

/* The next place to look at in n bytes. */
static size_t step(size_t i, size_t n)
{
	return n <= WHOLE || i < 64 || i + 64 >= n ? i + 1 : hk_min(i + STRIDE, n - 64);
}

static void fill(struct block *b)
{
	for (size_t i = 0; i < b->usable; i = step(i, b->usable))
		b->p[i] = b->tag;
}

static void verify(const struct block *b, size_t n)
{
	for (size_t i = 0; i < n; i = step(i, b->usable))
		FUZZ_CHECK(b->p[i] == b->tag);
}

static void check_zero(const unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i = size <= WHOLE || size > ((size_t) 1 << 20) ? step(i, size) : i + 61)
		FUZZ_CHECK(p[i] == 0);
}

/* Only a hard limit lets these few bytes fail. */
static bool refused(const void *p)
{
	if (p == NULL)
		FUZZ_CHECK(errno == ENOMEM && config.values.num[HK_KEY_HARD_LIMIT] != 0);
	return p == NULL;
}

static void adopt(struct block *b, void *p, size_t size, size_t align)
{
	static unsigned char tag;
	struct block fresh = {.p = p, .size = size, .usable = hk_usable_size(p), .align = align, .tag = ++tag};

	FUZZ_CHECK(((uintptr_t) p & (align - 1)) == 0 && fresh.usable >= size);
	for (size_t i = 0; i < SLOTS; i++) {
		const struct block *other = &blocks[i];

		FUZZ_CHECK(other == b || other->p == NULL || other->p + other->usable <= fresh.p ||
		           fresh.p + fresh.usable <= other->p);
	}
	*b = fresh;
	live += b->usable;
	fill(b);
}

static void allocate(struct block *b, unsigned how, size_t size)
{
	size_t align = 16;
	void *p;

	if (live + size > LIVE_MAX)
		return;
	errno = 0;
	if (how < 3) {
		p = how == 0 ? hk_calloc(1, size) : hk_calloc(how + 1, size / (how + 1));
		size = how == 0 ? size : size / (how + 1) * (how + 1);
		if (p != NULL)
			check_zero(p, size);
	} else if (how == 3) {
		align = (size_t) 16 << (size % 12);
		p = hk_memalign(align, size);
	} else if (how == 4) {
		p = hk_realloc(NULL, size);
	} else {
		p = hk_malloc(size);
	}
	if (!refused(p))
		adopt(b, p, size, align);
}

static void forget(struct block *b)
{
	live -= b->usable;
	b->p = NULL;
}

/* In place or not: what fits of the old bytes is there. If it fails, all is as it was. */
static void resize(struct block *b, size_t size)
{
	struct block old = *b;
	void *p;

	if (live + size > LIVE_MAX)
		return;
	errno = 0;
	p = hk_realloc(b->p, size + 1);
	if (refused(p)) {
		verify(b, b->usable);
		return;
	}
	forget(b);
	for (size_t i = 0, n = hk_min(old.size, size + 1); i < n; i = step(i, old.usable))
		FUZZ_CHECK(((unsigned char *) p)[i] == old.tag);
	adopt(b, p, size + 1, 16);
}

static void release(struct block *b, unsigned how)
{
	verify(b, b->usable);
	switch (how % 6) {
	case 0:
		hk_free_sized(b->p, b->size);
		break;
	case 1:
		hk_free_aligned_sized(b->p, b->align, b->size);
		break;
	case 2:
		FUZZ_CHECK(hk_realloc(b->p, 0) == NULL);
		break;
	case 3:
		hk_free_aligned(b->p, b->align);
		break;
	default:
		hk_free(b->p);
	}
	forget(b);
}

/* A thread that frees what it finds in some slots, allocates where it finds nothing, and ends. */
static void *visit(void *arg)
{
	const uint8_t *op = arg;

	for (unsigned i = 0; i < 12; i++) {
		struct block *b = &blocks[(op[1] + i * 5U) % SLOTS];

		if (b->p != NULL)
			release(b, op[2] + i);
		else
			allocate(b, (op[3] + i) % 8, (size_t) op[2] * (i + 1));
	}
	return NULL;
}

static const struct {
	enum hk_key_id key;
	uint64_t value[4];
} changes[] = {
	{HK_KEY_TINYPOOL, {0, 1, 0, 1}},
	{HK_KEY_BIGCACHE, {0, 1, 0, 1}},
	{HK_KEY_BATCH, {0, 1, 0, 1}},
	{HK_KEY_FREE_POLICY, {HK_FREE_BATCH, HK_FREE_KEEP, HK_FREE_ADAPTIVE, HK_FREE_ADAPTIVE}},
	{HK_KEY_THP, {HK_THP_OFF, HK_THP_AUTO, HK_THP_ON, HK_THP_AUTO}},
	{HK_KEY_PURGE_DELAY, {0, 1, 1000000, 1000000000}},
	{HK_KEY_BATCH_MAX, {1, 2, 64, 1024}},
	{HK_KEY_BIGCACHE_LIMIT, {0, 1 << 20, 32 << 20, 256 << 20}},
	{HK_KEY_BIGCACHE_MAX_BLOCK, {65536, 1 << 20, 16 << 20, 1 << 30}},
	{HK_KEY_TINYPOOL_LIMIT, {0, 4096, 1 << 20, 1 << 30}},
	{HK_KEY_SOFT_LIMIT, {0, 1, 8 << 20, 64 << 20}},
	{HK_KEY_HARD_LIMIT, {0, 1, 16 << 20, 128 << 20}},
	{HK_KEY_SAMPLE_RATE, {1, 3, 100, 10000}},
	{HK_KEY_SECURITY, {HK_SECURITY_SAMPLED, HK_SECURITY_BASIC, HK_SECURITY_SAMPLED, HK_SECURITY_BASIC}},
};
static enum { OFF = HK_SECURITY_OFF, BASIC, SAMPLED, FULL } security = BASIC;

static void change(unsigned which, unsigned value)
{
	if (changes[which % HK_COUNT(changes)].key == HK_KEY_SECURITY && security != SAMPLED)
		return;
	config.values.num[changes[which % HK_COUNT(changes)].key] = changes[which % HK_COUNT(changes)].value[value % 4];
	hk_knobs_apply(&config);
}

static void restore(void)
{
	static const char *const names[] = {[OFF] = "off", [BASIC] = "basic", [SAMPLED] = "sampled", [FULL] = "full"};
	const char *name = getenv("HK_FUZZ_SECURITY");

	for (unsigned i = 0; name != NULL && i < HK_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			security = i;
	for (unsigned i = 0; i < HK_COUNT(changes); i++)
		config.values.num[changes[i].key] = changes[i].value[3];
	config.values.num[HK_KEY_SOFT_LIMIT] = config.values.num[HK_KEY_HARD_LIMIT] = 0;
	config.values.num[HK_KEY_SECURITY] = security;
	hk_knobs_apply(&config);
}

/* What is no block of this size: a change of a key, another thread, a trim. */
static void something_else(const uint8_t *op)
{
	pthread_t thread;

	if (op[0] < 0xfc) {
		change(op[1], op[2]);
		if (op[3] % 2 == 0)
			hk_thread_settle();
	} else if (op[0] == 0xfc) {
		if (++threads > 3)
			return;
		FUZZ_CHECK(pthread_create(&thread, NULL, visit, (void *) (uintptr_t) op) == 0);
		FUZZ_CHECK(pthread_join(thread, NULL) == 0);
	} else if (op[0] == 0xfd) {
		(void) hk_trim();
	} else {
		errno = 0;
		FUZZ_CHECK(hk_calloc((size_t) 1 << (40 + op[1] % 24), (size_t) 1 << 24) == NULL && errno == ENOMEM);
		FUZZ_CHECK(hk_malloc(SIZE_MAX - op[2]) == NULL);
	}
}

/* Sizes of every kind, some of them odd: up to 64 MiB, but seldom, as large ones take the kernel's time. */
static size_t size_of(unsigned low, unsigned high)
{
	unsigned exponent = high % 128 < 120 ? high % 128 % 10 : high % 128 - 109;

	return ((size_t) low << exponent) + (high >= 128 ? high % 16 : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	restore();
	threads = 0;
	for (; size >= 4; data += 4, size -= 4) {
		struct block *b = &blocks[data[1] % SLOTS];
		size_t n = size_of(data[2], data[3]);

		if (data[0] >= 0xf0)
			something_else(data);
		else if (b->p == NULL)
			allocate(b, data[0] % 8, n);
		else if (data[0] % 4 == 0)
			resize(b, n);
		else
			release(b, data[0] / 4);
	}
	for (size_t i = 0; i < SLOTS; i++)
		if (blocks[i].p != NULL)
			release(&blocks[i], 5);
	FUZZ_CHECK(live == 0);
	return 0;
}

#ifndef HK_LIBFUZZER
static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = size / 4 + fuzz_next() % (size / 2);

	for (size_t i = 0; i < n; i++) {
		uint64_t r = fuzz_next();

		/* Exponents mostly small: large blocks cost time. */
		bytes[i] = (uint8_t) (i % 4 == 3 && r % 400 != 0 ? (r >> 8 & 7) | (r >> 3 & 128) : r >> 8);
	}
	return n;
}
#endif
