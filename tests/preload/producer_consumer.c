/* SPDX-License-Identifier: MIT
 *
 * One thread allocates, another frees, for a long time: memory stays bounded, nothing is lost.
 */
#include "t.h"

#include <sched.h>
#include <stdatomic.h>

#define SLOTS 1024
#define ROUNDS 600000

static _Atomic(unsigned char *) ring[SLOTS];

static void *produce(void *arg)
{
	uint64_t state = 3;

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t size = 8 + draw(&state) % (i % 64 == 0 ? 20000 : 500);
		unsigned char *p = NEW(size);

		CHECK(p != NULL);
		p[0] = p[size - 1] = (unsigned char) (i & 255);
		while (ring[i % SLOTS] != NULL)
			sched_yield();
		ring[i % SLOTS] = p;
	}
	return arg;
}

int main(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, produce, NULL) == 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned char *p;

		while ((p = ring[i % SLOTS]) == NULL)
			sched_yield();
		CHECK(p[0] == (i & 255));
		ring[i % SLOTS] = NULL;
		free(p);
	}
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(rss_bytes() < 64 << 20);
	return 0;
}
