/* SPDX-License-Identifier: MIT
 *
 * A look costs some dozen system calls, so it is taken only after the heap has grown by half of the room that the last
 * look found, or, while much is kept warm, once a second.
 */
#include "core/pressure.h"

#include "base/lock.h"
#include "base/room.h"
#include "base/sys.h"
#include "core/pageheap.h"
#include "core/stats.h"

#define HK_LOOK_NS 1000000000U     /* between looks of ticks */
#define HK_PAUSE_NS 100000000U     /* between purges while the room is small, but enough for now */
#define HK_MARGIN_PART 16U         /* of the limit should stay free, … */
#define HK_MARGIN_MAX (256 * HK_MIB)
#define HK_LEFT_PART_GROUP 8U /* of what is left in a group may be warm without more ado, … */
#define HK_LEFT_PART_HOST 4U   /* … on the host */
#define HK_HASTE 8U

static struct {
	struct hk_lock lock; /* only ever tried: one thread looks, the others go on */
	_Atomic uint64_t at_ns, purged_ns;
	_Atomic uint64_t fresh; /* hk_pageheap_fresh() then */
	_Atomic uint64_t softened; /* hk_pageheap_freed() when the kernel was last allowed to take what is warm */
	_Atomic uint64_t limit, left;
	_Atomic bool group, pressed;
} seen;

#define GET(field) atomic_load_explicit(&seen.field, memory_order_relaxed)
#define SET(field, v) atomic_store_explicit(&seen.field, (v), memory_order_relaxed)

static void look(uint64_t now_ns)
{
	struct hk_room room;

	if (hk_lock_forking() || !hk_lock_try(&seen.lock))
		return;
	hk_room_read("/proc", "/sys/fs/cgroup", &room);
	SET(fresh, hk_pageheap_fresh());
	SET(limit, room.limit);
	SET(left, room.left);
	SET(group, room.group);
	SET(pressed, room.pressed);
	SET(at_ns, now_ns);
	hk_lock_drop(&seen.lock);
}

static uint64_t margin(void)
{
	return hk_min(GET(limit) / HK_MARGIN_PART, HK_MARGIN_MAX);
}

/* The room left by now, as far as this process has taken it since the last look. */
static uint64_t left_now(void)
{
	uint64_t grown = hk_pageheap_fresh() - GET(fresh), left = GET(left);

	return left - hk_min(grown, left);
}

void hk_pressure_alone(void)
{
	hk_lock_reset(&seen.lock);
}

/* Nothing could be read lately: no /proc, perhaps. */
static bool blind(uint64_t now_ns)
{
	return GET(limit) == 0 && GET(at_ns) != 0 && now_ns - GET(at_ns) < HK_LOOK_NS;
}

static uint64_t for_others(void)
{
	return left_now() / (GET(group) ? HK_LEFT_PART_GROUP : HK_LEFT_PART_HOST);
}

bool hk_pressure_after(void)
{
	uint64_t freed = hk_pageheap_freed(), since = hk_min(freed - GET(softened), hk_stats_warm()), now;

	if (HK_LIKELY(since < HK_WARM_MIN || since < for_others()))
		return false;
	now = hk_sys_now_ns();
	if (blind(now))
		return false;
	look(now);
	if (GET(limit) == 0 || since < for_others())
		return false;
	SET(softened, freed);
	return true;
}

bool hk_pressure_before(size_t size)
{
	uint64_t now, left = left_now();

	if (HK_LIKELY(hk_stats_warm() < HK_WARM_MIN || left / 2 > GET(left) / 4 + size))
		return false;
	now = hk_sys_now_ns();
	if (blind(now))
		return false;
	look(now);
	left = left_now();
	if (GET(limit) == 0 || left >= size + margin())
		return false;
	if (left >= size && now - GET(purged_ns) < HK_PAUSE_NS)
		return false;
	SET(purged_ns, now);
	return true;
}

unsigned hk_pressure_haste(uint64_t now_ns)
{
	if (hk_stats_warm() < HK_WARM_MIN)
		return 1;
	if (now_ns - GET(at_ns) >= HK_LOOK_NS)
		look(now_ns);
	return GET(pressed) || (GET(limit) != 0 && left_now() < margin()) ? HK_HASTE : 1;
}
