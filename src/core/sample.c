/* SPDX-License-Identifier: MIT
 *
 * Samples: which allocation is one, and what is known of those that are.
 */
#include "core/sample.h"

#include "base/lock.h"
#include "base/sys.h"
#include "base/unwind.h"
#include "core/guard.h"
#include "core/knobs.h"
#include "core/sample_int.h"
#include "core/stats.h"

#define HK_SAMPLE_REST 4096 /* allocations, where there was no room for a sample */

struct hk_sample *_Atomic hk_samples;

static struct {
	struct hk_lock lock;
	uint32_t used, free; /* samples that were ever in use; the first that is not any more, or 0 */
	_Atomic uint32_t live;
} table;

struct hk_lock *hk_sample_lock(void)
{
	return &table.lock;
}

void hk_sample_begin(void)
{
	if (hk_samples == NULL)
		hk_samples = hk_sys_map(hk_align_up(HK_SAMPLES * sizeof(*hk_samples), HK_PAGE), HK_PAGE);
	if (hk_samples != NULL)
		hk_report_watch();
}

void hk_sample_end(void)
{
	if (hk_samples != NULL)
		hk_report_unwatch();
}

/* ---- which one ---- */

/* How many allocations come before the next sample: sample_rate − 1 on average, and none can be foreseen. */
static int64_t draw(struct hk_heap *heap)
{
	uint64_t rate = HK_KNOB(sample_rate);

	heap->sample_state = hk_random_step(heap->sample_state);
	return (int64_t) (heap->sample_state % (2 * rate - 1));
}

void hk_sample_settle(struct hk_heap *heap)
{
	heap->sampling = HK_KNOB(security) == HK_SECURITY_SAMPLED && hk_samples != NULL;
	heap->sample_in = heap->sampling ? draw(heap) : 0;
	for (size_t i = 0; i < HK_COUNT(heap->sample_due); i++)
		heap->sample_due[i] = 0;
}

static struct hk_block *linked(struct hk_heap *heap, unsigned c, struct hk_block *block)
{
	if (HK_UNLIKELY(!hk_block_linked(block))) {
		heap->alloc[c] = NULL; /* not to be met again by a handler of SIGABRT */
		hk_pool_keyless(block);
	}
	return block;
}

void hk_sample_cut(struct hk_heap *heap, unsigned c)
{
	struct hk_block *block = heap->alloc[c], *rest;

	if (heap->sample_in >= heap->length[c]) {
		heap->sample_in -= heap->length[c];
		return;
	}
	heap->sample_due[c / 64] |= (uint64_t) 1 << (c % 64);
	heap->length[c] = (uint16_t) heap->sample_in;
	if (heap->sample_in == 0) {
		rest = block;
		heap->alloc[c] = NULL;
	} else {
		for (int64_t i = 1; i < heap->sample_in; i++)
			block = linked(heap, c, block)->next;
		rest = linked(heap, c, block)->next;
		hk_block_link(block, NULL);
	}
	(void) hk_pool_give(c, rest);
	heap->sample_in = draw(heap);
}

bool hk_sample_is_due(struct hk_heap *heap, unsigned c)
{
	uint64_t bit = (uint64_t) 1 << (c % 64);

	if (HK_LIKELY((heap->sample_due[c / 64] & bit) == 0))
		return false;
	heap->sample_due[c / 64] &= ~bit;
	return true;
}

bool hk_sample_step(struct hk_heap *heap)
{
	if (HK_LIKELY(heap->sample_in-- > 0))
		return false;
	heap->sample_in = draw(heap);
	return true;
}

/* ---- the table ---- */

static struct hk_sample *take(void)
{
	struct hk_sample *sample = NULL;

	hk_lock_take(&table.lock);
	if (table.free != 0) {
		sample = &hk_samples[table.free];
		table.free = sample->next;
	} else if (table.used + 1 < HK_SAMPLES) {
		sample = &hk_samples[++table.used];
	}
	hk_lock_drop(&table.lock);
	return sample;
}

static void give(struct hk_sample *sample)
{
	hk_lock_take(&table.lock);
	atomic_store_explicit(&sample->map_bytes, 0, memory_order_release);
	sample->next = table.free;
	table.free = (uint32_t) (sample - hk_samples);
	hk_lock_drop(&table.lock);
}

static void trace(struct hk_trace *ret)
{
	ret->thread = hk_sys_tid();
	ret->frames = (uint32_t) hk_unwind_here(ret->stack, HK_SAMPLE_FRAMES);
	ret->time_ns = hk_sys_now_ns();
}

static void *make(size_t size, size_t align)
{
	struct hk_sample *sample = take();
	struct hk_span *span;
	void *p;

	if (sample == NULL)
		return NULL;
	p = hk_guard_alloc(size, align);
	if (p == NULL) {
		give(sample);
		return NULL;
	}
	span = hk_large_span(p);
	sample->block = (uintptr_t) p;
	sample->size = size;
	sample->freed.time_ns = 0;
	trace(&sample->allocated);
	sample->map = (uintptr_t) span->guard_map;
	atomic_store_explicit(&sample->map_bytes, (uintptr_t) span->granules << HK_GRANULE_SHIFT, memory_order_release);
	span->sample = (uint32_t) (sample - hk_samples);
	return p;
}

void *hk_sample_alloc(struct hk_heap *heap, size_t size, size_t align)
{
	void *p = NULL;

	if (atomic_fetch_add_explicit(&table.live, 1, memory_order_relaxed) < HK_SAMPLES_LIVE)
		p = make(size, align);
	if (p == NULL) {
		atomic_fetch_sub_explicit(&table.live, 1, memory_order_relaxed);
		heap->sample_in += HK_SAMPLE_REST;
		return NULL;
	}
	HK_STAT_ADD(samples, 1);
	return p;
}

void hk_sample_freed(const struct hk_span *span)
{
	if (span->sample == 0)
		return;
	trace(&hk_samples[span->sample].freed);
	atomic_fetch_sub_explicit(&table.live, 1, memory_order_relaxed);
}

void hk_sample_forget(const struct hk_span *span)
{
	if (span->sample != 0)
		give(&hk_samples[span->sample]);
}
