/* SPDX-License-Identifier: MIT
 *
 * Small blocks of security = full: seals and the quarantine.
 */
#include "core/harden.h"

#include "base/lock.h"
#include "base/log.h"
#include "base/sys.h"
#include "core/guard.h"
#include "core/knobs.h"
#include "core/large.h"
#include "core/pool.h"

#include <string.h>

#define HK_QUARANTINE 4096U
#define HK_QUARANTINE_SOON 8U /* frees before it leaves */
#define HK_SEALED_MAX ((size_t) 8192) /* blocks of slabs; what is larger is guarded */
#define HK_SEAL sizeof(uint64_t)
/* Of the sixteen bits that a seal tells; the others are the size. */
#define HK_SEAL_FREED 0x8000U
#define HK_SEAL_TAKEN 0x4000U /* not handed out yet */
#define HK_SEAL_STATE (HK_SEAL_FREED | HK_SEAL_TAKEN)

static struct {
	struct hk_lock lock;
	uint32_t next;
	char *ring[HK_QUARANTINE];
} quarantine;

static _Atomic uint64_t secret;

struct hk_lock *hk_harden_lock(void)
{
	return &quarantine.lock;
}

/* ---- seals ---- */

static HK_COLD uint64_t make_secret(void)
{
	uint64_t value = hk_sys_random() | 1, none = 0;

	return atomic_compare_exchange_strong(&secret, &none, value) ? value : none;
}

HK_INLINE uint64_t secret_of_process(void)
{
	uint64_t value = atomic_load_explicit(&secret, memory_order_relaxed);

	return HK_LIKELY(value != 0) ? value : make_secret();
}

HK_INLINE uint64_t mix(const void *block)
{
	uint64_t x = (uintptr_t) block ^ secret_of_process();

	x *= 0x9e3779b97f4a7c15U;
	return x ^ x >> 29;
}

HK_INLINE _Atomic uint64_t *seal_of(const void *block, size_t class_bytes)
{
	return (_Atomic uint64_t *) (void *) ((uintptr_t) block + class_bytes - HK_SEAL);
}

/* What a seal tells; −1 if it is broken. */
HK_INLINE int decode(uint64_t seal, const void *block, size_t class_bytes)
{
	uint64_t word = seal ^ mix(block);

	return word >> 16 == 0 && (word & ~(uint64_t) HK_SEAL_STATE) <= class_bytes - HK_SEAL ? (int) word : -1;
}

HK_INLINE int read_seal(const void *block, size_t class_bytes)
{
	return decode(atomic_load_explicit(seal_of(block, class_bytes), memory_order_relaxed), block, class_bytes);
}

HK_INLINE size_t class_bytes_of(const void *p)
{
	return hk_classes[hk_code_of(p) / HK_CODE(1)].size;
}

bool hk_harden_sealed(const void *p)
{
	return hk_slab_is_hard(hk_slab_of(p));
}

/* ---- faults ---- */

/* The bytes between the end of what was asked for, in a block that begins at p, and the seal: no multiple of a word. */
HK_INLINE bool edge_is_whole(const char *p, size_t size, size_t class_bytes)
{
	const unsigned char *at = (const unsigned char *) p + size;
	size_t left = class_bytes - HK_SEAL - size;
	unsigned differs = 0;

	for (; left % sizeof(hk_word) != 0; left--)
		differs |= *at++ ^ HK_FILL_EDGE;
	return differs == 0 && hk_filled(at, left, HK_FILL_EDGE);
}

static HK_COLD _Noreturn void refuse_broken(const void *p)
{
	hk_fatal(hk_pool_is_free(p) ? "double free" : "write beyond the end of a block", p);
}

/* The seal before the block. Another thread may change it: read once; and where it is none, once more with the lock held. */
static void check_before(const char *p, size_t class_bytes)
{
	const char *before = p - class_bytes;
	uint64_t seal = atomic_load_explicit(seal_of(before, class_bytes), memory_order_relaxed);

	if (HK_UNLIKELY(seal == 0 ? hk_pool_hard_unsealed(before) : decode(seal, before, class_bytes) < 0))
		hk_fatal("write before the beginning of a block", p);
}

/* The size of a block that is in use. */
static size_t examine(const char *p, size_t class_bytes)
{
	int told = read_seal(p, class_bytes);

	if (told < 0)
		refuse_broken(p);
	if (((unsigned) told & HK_SEAL_STATE) != 0)
		hk_fatal("double free", p);
	if (!edge_is_whole(p, (size_t) told, class_bytes))
		hk_fatal("write beyond the end of a block", p);
	check_before(p, class_bytes);
	return (size_t) told;
}

/* ---- allocation ---- */

static void *alloc_guarded(size_t size, size_t align)
{
	void *p = hk_guard_alloc(size, align);

	return p != NULL ? p : hk_large_alloc(size, hk_max(align, HK_GRANULE), false);
}

void *hk_harden_alloc(unsigned shard, size_t size, size_t align)
{
	size_t need = hk_align_up(size + HK_SEAL, hk_max(align, 16)), class_bytes;
	unsigned c;
	char *p;

	if (size == 0 || size > HK_SEALED_MAX || align > HK_PAGE || need > HK_SEALED_MAX)
		return alloc_guarded(size, align);
	c = hk_sizeclass_of(need);
	class_bytes = hk_classes[c].size;
	p = hk_pool_hard_take(shard, c);
	if (p == NULL)
		return NULL;
	memset(p, HK_FILL_NEW, size);
	memset(p + size, HK_FILL_EDGE, class_bytes - HK_SEAL - size);
	atomic_store_explicit(seal_of(p, class_bytes), mix(p) ^ size, memory_order_release);
	return p;
}

void hk_harden_take(void *p, size_t class_bytes)
{
	atomic_store_explicit(seal_of(p, class_bytes), mix(p) ^ HK_SEAL_TAKEN, memory_order_relaxed);
}

size_t hk_harden_usable(const void *p, const char *fault, const char *fault_freed)
{
	size_t class_bytes = class_bytes_of(p);
	int told;

	if (hk_pool_block_start(p) != p)
		hk_fatal(fault, p);
	told = read_seal(p, class_bytes);
	if (told < 0 || ((unsigned) told & HK_SEAL_STATE) != 0)
		hk_fatal(told >= 0 || hk_pool_is_free(p) ? fault_freed : fault, p);
	return (size_t) told;
}

bool hk_harden_size(const void *p, size_t *ret)
{
	int told = hk_pool_block_start(p) == p ? read_seal(p, class_bytes_of(p)) : -1;

	*ret = told >= 0 ? (size_t) told : 0;
	return told >= 0 && ((unsigned) told & HK_SEAL_STATE) == 0;
}

/* ---- free ---- */

/* One that has waited long enough. */
static void dismiss(char *p)
{
	size_t class_bytes = class_bytes_of(p);

	if (!hk_filled(p, class_bytes - HK_SEAL, HK_FILL_FREED) || read_seal(p, class_bytes) < 0)
		hk_fatal("write after free", p);
	memset(p, 0, class_bytes - HK_SEAL); /* the seal goes when its bit comes */
	hk_pool_give_one((unsigned) hk_code_of(p) / HK_CODE(1), p);
}

/* The one that has waited for longest, or NULL. Those that are soon to follow have left the processor's caches: they are sent for. */
static char *wait_in_line(void *p)
{
	char *old, *soon;

	hk_lock_take(&quarantine.lock);
	old = quarantine.ring[quarantine.next];
	quarantine.ring[quarantine.next] = p;
	quarantine.next = (quarantine.next + 1) % HK_QUARANTINE;
	soon = quarantine.ring[(quarantine.next + HK_QUARANTINE_SOON) % HK_QUARANTINE];
	hk_lock_drop(&quarantine.lock);
	__builtin_prefetch(soon, 1);
	if (soon != NULL)
		__builtin_prefetch(seal_of(soon, class_bytes_of(soon)), 1);
	return old;
}

void hk_harden_free(void *p)
{
	size_t class_bytes = class_bytes_of(p), size;
	uint64_t live, freed;
	char *old;

	if (hk_pool_block_start(p) != p)
		hk_fatal("free of a pointer that malloc did not return", p);
	if (!hk_harden_sealed(p)) {
		hk_pool_give_one((unsigned) hk_code_of(p) / HK_CODE(1), p);
		return;
	}
	size = examine(p, class_bytes);
	live = mix(p) ^ size;
	freed = live ^ HK_SEAL_FREED;
	if (!atomic_compare_exchange_strong(seal_of(p, class_bytes), &live, freed))
		hk_fatal("double free", p); /* by another thread, at this very moment */
	memset(p, HK_FILL_FREED, class_bytes - HK_SEAL);
	old = wait_in_line(p);
	if (old != NULL)
		dismiss(old);
}

/* One that was never freed: what is wrong with it, or NULL. Another thread may free it at this very moment: a seal that
   changed meanwhile tells that it was not this. The lock of its bin is held. */
static const char *check_live(const void *p)
{
	size_t class_bytes = class_bytes_of(p);
	uint64_t seal = atomic_load_explicit(seal_of(p, class_bytes), memory_order_acquire);
	int told = decode(seal, p, class_bytes);

	if (told < 0)
		return "write beyond the end of a block";
	if (((unsigned) told & HK_SEAL_STATE) != 0 ||
	    edge_is_whole(p, (size_t) told, class_bytes))
		return NULL;
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(seal_of(p, class_bytes), memory_order_relaxed) == seal ? "write beyond the end of a block" : NULL;
}

void hk_harden_finish(void)
{
	const char *fault;
	void *bad = HK_KNOB(security) == HK_SECURITY_FULL ? hk_pool_hard_find(check_live, &fault) : NULL;

	if (bad != NULL)
		hk_fatal(fault, bad);
	hk_guard_finish();
	for (size_t i = 0; i < HK_QUARANTINE; i++) {
		char *p;

		hk_lock_take(&quarantine.lock);
		p = quarantine.ring[i];
		quarantine.ring[i] = NULL; /* nobody else may free it from now on: its bytes stay */
		hk_lock_drop(&quarantine.lock);
		if (p != NULL && (!hk_filled(p, class_bytes_of(p) - HK_SEAL, HK_FILL_FREED) || read_seal(p, class_bytes_of(p)) < 0))
			hk_fatal("write after free", p);
	}
}
