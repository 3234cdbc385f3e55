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

void hk_harden_free(void *p, unsigned class_number)
{
	size_t size = hk_classes[class_number].size;
	unsigned old_class;
	void *old;

	if (hk_pool_is_free(p))
		hk_fatal("double free", p);
	hk_lock_take(&quarantine.lock);
	/* A block that still holds the pattern is probably in the ring: only then is it searched. */
	if (((unsigned char *) p)[size - 1] == HK_FILL_FREED && quarantined(p))
		hk_fatal("double free", p);
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
	hk_lock_take(&quarantine.lock);
	for (size_t i = 0; i < HK_QUARANTINE; i++)
		if (quarantine.ring[i] != NULL)
			check_untouched(quarantine.ring[i], hk_classes[quarantine.class_number[i]].size);
	hk_lock_drop(&quarantine.lock);
}

void hk_harden_handed_out(void *p, size_t size)
{
	memset(p, HK_FILL_NEW, size);
}
