/* SPDX-License-Identifier: MIT
 *
 * The quarantine of security = full: a ring of freed blocks; who leaves it is checked, then given back.
 */
#include "core/harden.h"

#include "base/lock.h"
#include "base/log.h"
#include "core/pool.h"

#include <string.h>

#define HK_QUARANTINE 1024U
#define HK_FILL_FREED 0xdf
#define HK_FILL_NEW 0xa5

static struct {
	struct hk_lock lock;
	uint32_t next;
	void *ring[HK_QUARANTINE];
	uint8_t class_number[HK_QUARANTINE];
} quarantine;

struct hk_lock *hk_harden_lock(void)
{
	return &quarantine.lock;
}

static void check_untouched(const unsigned char *p, size_t size)
{
	/* Equal to itself shifted by one, and starting with the pattern: the pattern all through. */
	if (p[0] != HK_FILL_FREED || memcmp(p, p + 1, size - 1) != 0)
		hk_fatal("write after free", p);
}

static bool quarantined(const void *p)
{
	for (size_t i = 0; i < HK_QUARANTINE; i++)
		if (quarantine.ring[i] == p)
			return true;
	return false;
}

/* With the lock held; it must not stay so, or a handler of SIGABRT that frees would wait for ever. Nor should that handler
   be told of the pattern that the wrong free() broke. */
static HK_COLD _Noreturn void refuse_locked(void *p, size_t size)
{
	memset(p, HK_FILL_FREED, size);
	hk_lock_drop(&quarantine.lock);
	hk_fatal("double free", p);
}

void hk_harden_free(void *p, unsigned class_number)
{
	size_t size = hk_classes[class_number].size;
	unsigned old_class;
	void *old;

	if (hk_pool_is_free(p))
		hk_pool_give_one(class_number, p); /* refuses it */
	hk_lock_take(&quarantine.lock);
	/* A block that still holds the pattern is probably in the ring: only then is it searched. Of the smallest ones free()
	   has overwritten all of it. */
	if ((size <= sizeof(struct hk_block) || ((unsigned char *) p)[size - 1] == HK_FILL_FREED) && quarantined(p))
		refuse_locked(p, size);
	memset(p, HK_FILL_FREED, size);
	old = quarantine.ring[quarantine.next];
	old_class = quarantine.class_number[quarantine.next];
	quarantine.ring[quarantine.next] = p;
	quarantine.class_number[quarantine.next] = (uint8_t) class_number;
	quarantine.next = (quarantine.next + 1) % HK_QUARANTINE;
	hk_lock_drop(&quarantine.lock);
	if (old == NULL)
		return;
	check_untouched(old, hk_classes[old_class].size);
	hk_pool_give_one(old_class, old);
}

void hk_harden_finish(void)
{
	for (size_t i = 0; i < HK_QUARANTINE; i++) {
		void *p;
		unsigned c;

		hk_lock_take(&quarantine.lock);
		p = quarantine.ring[i];
		c = quarantine.class_number[i];
		quarantine.ring[i] = NULL; /* nobody else may free it from now on: its bytes stay */
		hk_lock_drop(&quarantine.lock);
		if (p != NULL)
			check_untouched(p, hk_classes[c].size);
	}
}

void hk_harden_handed_out(void *p, size_t size)
{
	memset(p, HK_FILL_NEW, size);
}
