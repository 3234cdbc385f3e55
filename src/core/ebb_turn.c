/* SPDX-License-Identifier: MIT
 *
 * When a burst is over, from what is in use alone: of this process (ebb.c), and of the models of it that shadows play.
 */
#include "core/ebb.h"

#define HK_WAIT_MAX 64U /* times purge_delay */

/* The first fall after a rise: is it the end of a burst that came alone? */
static void fall(struct hk_ebb *ebb, uint64_t now_ns, uint64_t delay_ns)
{
	ebb->falling = true;
	ebb->granted = now_ns - ebb->fell_ns >= hk_max(delay_ns, ebb->wait_ns);
	ebb->fell_ns = now_ns;
}

/* The first rise after a fall: was it right to give back? */
static void rise(struct hk_ebb *ebb, uint64_t now_ns, uint64_t delay_ns)
{
	ebb->falling = false;
	if (ebb->granted)
		ebb->wait_ns = now_ns - ebb->fell_ns >= delay_ns ? 0 : hk_min(2 * hk_max(ebb->wait_ns, delay_ns), HK_WAIT_MAX * delay_ns);
	ebb->granted = false;
}

bool hk_ebb_turn(struct hk_ebb *ebb, uint64_t now_ns, uint64_t used, uint64_t warm, uint64_t delay_ns)
{
	bool over;

	if (ebb->fell_ns == 0)
		ebb->fell_ns = now_ns;
	if (!ebb->falling) {
		ebb->mark = hk_max(ebb->mark, used);
		if (ebb->mark < HK_EBB_LEAST || used > ebb->mark / 2)
			return false;
		fall(ebb, now_ns, delay_ns);
	} else if (used >= ebb->mark + HK_EBB_LEAST) {
		rise(ebb, now_ns, delay_ns);
	}
	ebb->mark = ebb->falling ? hk_min(ebb->mark, used) : used;
	over = ebb->granted && warm >= HK_EBB_LEAST && warm >= used;
	if (over)
		ebb->fell_ns = now_ns;
	return over;
}
