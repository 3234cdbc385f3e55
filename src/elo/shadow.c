/* SPDX-License-Identifier: MIT
 *
 * The model behind the shadows. It leaves out what hardly tells strategies apart (shapes of free runs, the number of
 * system calls), since a strategy's cost enters as a difference to the one in force, of which the real
 * cost is known.
 */
#include "elo/shadow.h"

#include "base/sys.h"
#include "core/pageheap.h"
#include "elo/rating.h"

#define GAP_MAX_NS 60000000000U     /* of a longer rest no more than this counts */
#define TICK_MIN_NS 10000000U       /* purge.c: ticks come at most that often, … */
#define TICK_PART 4                 /* … and about so many times in purge_delay */
#define VISITS 64               /* heap.c: without a free, the clock is looked at every so many visits of a thread */
#define MERGE_PART 16               /* what is freed within this part of purge_delay makes one run */
#define HUGE_MIN (2 * HK_MIB)       /* what is faulted in again comes in huge pages only in such pieces */
#define PAGING_PART 0.8             /* at most this much of the CPU time went into paging: the rest is the program's own */

static bool direct(uint64_t size)
{
	return size > HK_ARENA_SPAN_MAX << HK_GRANULE_SHIFT;
}

static uint64_t aged(const struct hk_strategy *s, uint64_t now_ns)
{
	return now_ns > s->purge_delay_ns ? now_ns - s->purge_delay_ns : 0;
}

/* ---- lists, oldest first ---- */

static void shift(struct hk_shadow_run *list, uint32_t *n, uint32_t by)
{
	*n -= by;
	for (uint32_t i = 0; i < *n; i++)
		list[i] = list[i + by];
}

/* Everything freed at or before then leaves; its bytes. */
static uint64_t drop_old(struct hk_shadow_run *list, uint32_t *n, uint64_t before_ns)
{
	uint64_t bytes = 0;
	uint32_t gone = 0;

	while (gone < *n && list[gone].freed_ns <= before_ns)
		bytes += list[gone++].bytes;
	if (gone > 0)
		shift(list, n, gone);
	return bytes;
}

static void purge(struct hk_shadow_player *p, uint64_t before_ns)
{
	uint64_t runs = drop_old(p->run, &p->runs, before_ns);
	uint64_t blocks = drop_old(p->block, &p->blocks, before_ns);

	p->warm -= runs;
	p->cached -= blocks;
	p->sum.given_back += (double) (runs + blocks);
}

static void evict_block(struct hk_shadow_player *p)
{
	p->cached -= p->block[0].bytes;
	p->sum.given_back += (double) p->block[0].bytes;
	shift(p->block, &p->blocks, 1);
}

/* ---- faults ---- */

/* size: of the block that they are part of, which is not among the live ones yet. */
static void fault(const struct hk_shadow *shadow, struct hk_shadow_player *p, uint64_t bytes, uint64_t size, bool huge)
{
	uint64_t held = shadow->live_bytes + size + p->warm + p->cached, first = held > p->peak ? held - p->peak : 0;

	if (bytes == 0)
		return;
	p->peak += first;
	p->sum.live_at_fault += (double) bytes * ((double) shadow->live_bytes + (double) bytes / 2);
	if (huge) {
		p->sum.fresh_huge += (double) bytes;
		p->sum.first_huge += (double) hk_min(first, bytes);
	} else {
		p->sum.fresh_small += (double) bytes;
	}
}

/* Bytes of arenas that were not warm: some were never used before, the others had been given back. */
static void fault_arena(const struct hk_shadow *shadow, struct hk_shadow_player *p, const struct hk_strategy *s,
                        uint64_t bytes, uint64_t size)
{
	uint64_t held = shadow->arena_bytes + size + p->warm, fresh = held > p->most ? held - p->most : 0;
	bool huge = s->thp == HK_THP_ON || (s->thp == HK_THP_AUTO && shadow->auto_huge);

	if (fresh > bytes)
		fresh = bytes;
	p->most += fresh;
	fault(shadow, p, fresh, size, huge);
	fault(shadow, p, bytes - fresh, size, huge && bytes >= HUGE_MIN);
}

/* ---- blocks come and go ---- */

static void take_arena(const struct hk_shadow *shadow, struct hk_shadow_player *p, const struct hk_strategy *s,
                       uint64_t size)
{
	uint64_t need = size;

	while (need > 0 && p->runs > 0) { /* last freed first */
		struct hk_shadow_run *newest = &p->run[p->runs - 1];
		uint64_t part = need < newest->bytes ? need : newest->bytes;

		newest->bytes -= part;
		need -= part;
		p->warm -= part;
		p->runs -= newest->bytes == 0;
	}
	if (need > 0)
		fault_arena(shadow, p, s, need, size);
}

static void take_block(const struct hk_shadow *shadow, struct hk_shadow_player *p, const struct hk_strategy *s, uint64_t size)
{
	for (uint32_t i = p->blocks; i-- > 0;) {
		if (p->block[i].bytes < size || p->block[i].bytes > size + size / 8)
			continue;
		p->cached -= p->block[i].bytes;
		for (p->blocks--; i < p->blocks; i++)
			p->block[i] = p->block[i + 1];
		return;
	}
	for (uint64_t gone = 0; gone < size && p->blocks > 0;) { /* make way */
		gone += p->block[0].bytes;
		evict_block(p);
	}
	fault(shadow, p, size, size, s->thp == HK_THP_ON);
}

static void give_arena(struct hk_shadow_player *p, const struct hk_strategy *s, uint64_t size, uint64_t now_ns)
{
	p->warm += size;
	if (p->runs > 0 && now_ns - p->run[p->runs - 1].freed_ns <= s->purge_delay_ns / MERGE_PART) {
		p->run[p->runs - 1].bytes += size;
		return;
	}
	if (p->runs == HK_SHADOW_RUNS) {
		p->run[1].bytes += p->run[0].bytes;
		shift(p->run, &p->runs, 1);
	}
	p->run[p->runs++] = (struct hk_shadow_run){now_ns, size};
}

static void give_block(struct hk_shadow_player *p, const struct hk_strategy *s, uint64_t size, uint64_t now_ns)
{
	if (size > s->bigcache_max_block || size > s->bigcache_limit) {
		p->sum.given_back += (double) size;
		return;
	}
	while (p->blocks > 0 && (p->cached + size > s->bigcache_limit || p->blocks == HK_SHADOW_BLOCKS))
		evict_block(p);
	p->cached += size;
	p->block[p->blocks++] = (struct hk_shadow_run){now_ns, size};
}

/* ---- time ---- */

/* From the last event to now. While somebody looks, what is too old leaves as it comes of age: on average after
   half a tick's time more. */
static void pass(struct hk_shadow_player *p, const struct hk_strategy *s, uint64_t from_ns, uint64_t looked_ns, uint64_t now_ns)
{
	uint64_t tick = s->purge_delay_ns / TICK_PART > TICK_MIN_NS ? s->purge_delay_ns / TICK_PART : TICK_MIN_NS;
	struct hk_shadow_run *list[] = {p->run, p->block};
	uint32_t n[] = {p->runs, p->blocks};

	for (int kind = 0; kind < 2; kind++)
		for (uint32_t i = 0; i < n[kind]; i++) {
			uint64_t end = list[kind][i].freed_ns + s->purge_delay_ns + tick / 2;

			if (end > looked_ns)
				end = now_ns;
			if (end > from_ns)
				p->sum.idle_byte_ns += (double) list[kind][i].bytes * (double) (end - from_ns);
		}
}

/* The real allocator looked through its memory since the last event, be it in the same tick of a coarse clock. */
static void looked(struct hk_shadow *shadow, uint64_t ticked_ns)
{
	if (ticked_ns <= shadow->looked_ns)
		return;
	shadow->looked_ns = ticked_ns;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		purge(&shadow->player[i], aged(&shadow->rule[i], ticked_ns));
		shadow->player[i].ticked_ns = ticked_ns;
	}
}

/* The real allocator looks through its memory, if it is time, whenever a large block is freed, and every few visits else. */
static void tick_if_due(struct hk_shadow_player *p, const struct hk_strategy *s, uint64_t now_ns)
{
	uint64_t pause = s->purge_delay_ns / TICK_PART;

	if (s->purge_delay_ns > 0 && now_ns - p->ticked_ns < (pause > TICK_MIN_NS ? pause : TICK_MIN_NS))
		return; /* with 0 all goes back at once */
	p->ticked_ns = now_ns;
	purge(p, aged(s, now_ns));
}

/* The real allocator looks for the end of a burst whenever a large block is freed, and every few visits else, if anything is warm. */
static void ebb(const struct hk_shadow *shadow, struct hk_shadow_player *p, const struct hk_strategy *s)
{
	if (shadow->ebbs && p->warm + p->cached > 0 &&
	    hk_ebb_turn(&p->ebb, shadow->now_ns, shadow->live_bytes + shadow->other_bytes, p->warm + p->cached, s->purge_delay_ns))
		purge(p, shadow->now_ns);
}

static void advance(struct hk_shadow *shadow, uint64_t now_ns, uint64_t ticked_ns)
{
	uint64_t from = shadow->now_ns;

	if (now_ns <= from)
		return;
	if (now_ns - from > GAP_MAX_NS)
		from = now_ns - GAP_MAX_NS;
	if (ticked_ns > now_ns || ticked_ns < from)
		ticked_ns = from;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		pass(&shadow->player[i], &shadow->rule[i], from, ticked_ns, now_ns);
	shadow->live_byte_ns += (double) shadow->live_bytes * (double) (now_ns - from);
	shadow->time_ns += (double) (now_ns - from);
	shadow->now_ns = now_ns;
}

/* ---- the interface ---- */

void hk_shadow_begin(struct hk_shadow *shadow, uint64_t now_ns, uint64_t live_bytes, uint64_t peak)
{
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		shadow->player[i] = (struct hk_shadow_player){.ticked_ns = now_ns, .most = live_bytes, .peak = hk_max(live_bytes, peak)};
	shadow->now_ns = shadow->looked_ns = now_ns;
	shadow->live_bytes = live_bytes;
	shadow->arena_bytes = live_bytes;
	shadow->live_byte_ns = 0;
	shadow->time_ns = 0;
	shadow->allocated = 0;
}

static void take_back(struct hk_shadow *shadow, uint64_t size, bool mapping, uint64_t now_ns)
{
	uint64_t *arenas = &shadow->arena_bytes;

	shadow->live_bytes -= size < shadow->live_bytes ? size : shadow->live_bytes;
	if (!mapping)
		*arenas -= size < *arenas ? size : *arenas;
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		if (mapping)
			give_block(&shadow->player[i], &shadow->rule[i], size, now_ns);
		else
			give_arena(&shadow->player[i], &shadow->rule[i], size, now_ns);
		ebb(shadow, &shadow->player[i], &shadow->rule[i]);
		tick_if_due(&shadow->player[i], &shadow->rule[i], now_ns);
	}
}

static void hand_out(struct hk_shadow *shadow, uint64_t size, bool mapping)
{
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++) {
		if (mapping)
			take_block(shadow, &shadow->player[i], &shadow->rule[i], size);
		else
			take_arena(shadow, &shadow->player[i], &shadow->rule[i], size);
		if (shadow->visits % VISITS != 0)
			continue;
		ebb(shadow, &shadow->player[i], &shadow->rule[i]);
		tick_if_due(&shadow->player[i], &shadow->rule[i], shadow->now_ns);
	}
	shadow->live_bytes += size;
	shadow->arena_bytes += mapping ? 0 : size;
	shadow->allocated += (double) size;
}

void hk_shadow_event(struct hk_shadow *shadow, uint64_t old, uint64_t new, uint64_t now_ns, uint64_t ticked_ns)
{
	shadow->visits++;
	advance(shadow, now_ns, ticked_ns);
	looked(shadow, ticked_ns < shadow->now_ns ? ticked_ns : shadow->now_ns);
	if (old == 0 || new == 0) {
		if (new > 0)
			hand_out(shadow, new, direct(new));
		if (old > 0)
			take_back(shadow, old, direct(old), shadow->now_ns);
	} else if (new > old) { /* where it is: only the difference comes in; a mapping's never out of the cache */
		if (!direct(new)) {
			hand_out(shadow, new - old, false);
			return;
		}
		for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
			fault(shadow, &shadow->player[i], new - old, new - old, shadow->rule[i].thp == HK_THP_ON);
		shadow->live_bytes += new - old;
	} else if (!direct(old)) {
		take_back(shadow, old - new, false, shadow->now_ns);
	} else {
		shadow->live_bytes -= old - new < shadow->live_bytes ? old - new : shadow->live_bytes;
	}
}

void hk_shadow_clear_sums(struct hk_shadow *shadow)
{
	for (uint32_t i = 0; i < HK_ELO_STRATEGIES; i++)
		shadow->player[i].sum = (struct hk_shadow_sum){0};
	shadow->live_byte_ns = 0;
	shadow->time_ns = 0;
	shadow->allocated = 0;
}

/* ---- cost ---- */

/* Of the memory that the events speak of, what the program touches. */
static double touched_part(const struct hk_shadow_total *total)
{
	return total->tracked > total->resident && total->resident > 0 ? total->resident / total->tracked : 1;
}

/* Of what thp = auto would have faulted in as huge pages, the part that came so: for the rest there were faults of small pages, more
   than the model knows of. */
static double auto_part(const struct hk_shadow_total *total, const struct hk_shadow_sum *now, double touched)
{
	double page = (double) HK_PAGE, more = total->faults - touched * now->fresh_small / page;

	if (!(now->fresh_huge > 0) || !(more > 0))
		return 1;
	return more < now->fresh_huge / page ? 1 - more / (now->fresh_huge / page) : 0;
}

/* What a huge page costs under a rule, of the price it has: auto leaves them where they prove dearer than small ones. */
static double huge_price(double huge, double small, uint8_t thp, double auto_huge)
{
	if (thp == HK_THP_OFF || (thp == HK_THP_AUTO && huge > small))
		huge = small;
	return thp == HK_THP_AUTO ? auto_huge * huge + (1 - auto_huge) * small : huge;
}

/* Faulting in and giving back. */
static double paging_ns(const struct hk_shadow_sum *sum, const struct hk_shadow_prices *prices, double touched, uint8_t thp,
                        double auto_huge)
{
	double page = (double) HK_PAGE, small = touched * ((double) prices->small + HK_FAULT_NS);
	double first = huge_price((double) prices->huge_first, small, thp, auto_huge);
	double again = huge_price((double) prices->huge, small, thp, auto_huge);

	return (sum->fresh_small * small + sum->first_huge * first + (sum->fresh_huge - sum->first_huge) * again +
	        touched * sum->given_back * (double) prices->given_back) / page;
}

/* Bytes in use while a strategy faults in, mean. */
static double live_at_fault(const struct hk_shadow_sum *sum)
{
	double bytes = sum->fresh_small + sum->fresh_huge;

	return bytes > 0 ? sum->live_at_fault / bytes : 0;
}

/* Resident bytes, mean over time. Time that goes into paging is time, too: by so much longer are blocks in use. less_ns of it
   was spent under the present strategy, more_ns would be. */
static double resident(const struct hk_shadow_total *total, const struct hk_shadow_sum *now, const struct hk_shadow_sum *own,
                       double part, double less_ns, double more_ns)
{
	double other = (total->resident - total->tracked) / total->windows;
	double threads = total->cpu_ns > total->time_ns ? total->cpu_ns / (total->time_ns + 1) : 1;
	double live = total->live_byte_ns - less_ns / threads * live_at_fault(now), time = total->time_ns - less_ns / threads;

	live = (live > 0 ? live : 0) + more_ns / threads * live_at_fault(own);
	return (other > 0 ? other : 0) + part * (live + own->idle_byte_ns) / (time + more_ns / threads + 1);
}

/* What it saves that this part of memory is in huge pages: a program writes at least once to what it allocates. */
static double saved_ns(const struct hk_shadow_total *total, const struct hk_shadow_prices *prices, double touched, double huge_part)
{
	return touched * total->allocated / (double) HK_PAGE * huge_part * (double) (prices->use_small - prices->use_huge);
}

float hk_shadow_cost(const struct hk_shadow *shadow, const struct hk_shadow_total *total, const struct hk_shadow_case *given,
                     uint32_t strategy, bool present_thp)
{
	const struct hk_shadow_sum *now = &total->of[given->present];
	uint8_t now_thp = shadow->rule[given->present].thp, thp = present_thp ? now_thp : shadow->rule[strategy].thp;
	double touched = touched_part(total), huge = thp == now_thp ? (double) given->huge_part : thp == HK_THP_ON ? 1 : 0;
	double part = now_thp == HK_THP_AUTO ? auto_part(total, now, touched) : 1;
	double paging = paging_ns(now, given->prices, touched, now_thp, part), most = total->cpu_ns * PAGING_PART, scale = 1, own, ns, bytes;

	/* Prices of this moment that make more of the CPU time than there was are too high. */
	if (paging > most)
		scale = most / paging;
	own = total->cpu_ns + HK_FAULT_NS * (now->fresh_small * touched / (double) HK_PAGE) - scale * paging +
	      saved_ns(total, given->prices, touched, (double) given->huge_part - huge);
	if (!(own > total->cpu_ns * (1 - PAGING_PART)))
		own = total->cpu_ns * (1 - PAGING_PART);
	ns = scale * paging_ns(&total->of[strategy], given->prices, touched, thp, part);
	bytes = resident(total, now, &total->of[strategy], thp == HK_THP_ON ? 1 : touched, scale * paging, ns) + (double) HK_PAGE;
	ns += own;
	return (1.0F - given->weight) * hk_rating_log2((float) (ns / total->allocations)) +
	       given->weight * (hk_rating_log2((float) bytes) - 20.0F);
}

float hk_shadow_noise(const struct hk_shadow_total *total)
{
	double mean = total->windows > 0 ? total->cost / total->windows : 0, variance;

	if (!(total->windows > 1))
		return 0;
	variance = (total->squares - mean * total->cost) / (total->windows - 1);
	return variance > 0 ? (float) variance : 0;
}
