/* SPDX-License-Identifier: MIT
 *
 * Rings with one producer and one consumer, by which blocks go from thread to thread.
 */
#ifndef HKBENCH_RING_H
#define HKBENCH_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RING 8192

struct ring {
	_Alignas(64) _Atomic uint64_t head; /* written by the producer */
	_Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
	_Alignas(64) void *slot[RING];
};

static inline void *ring_get(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	if (atomic_load_explicit(&ring->head, memory_order_acquire) == tail)
		return NULL;
	void *p = ring->slot[tail % RING];
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return p;
}

static inline uint64_t ring_room(struct ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	return RING - (head - atomic_load_explicit(&ring->tail, memory_order_acquire));
}

static inline void ring_put(struct ring *ring, void *p)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	ring->slot[head % RING] = p;
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

#endif
