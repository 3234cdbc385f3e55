/* SPDX-License-Identifier: MIT
 *
 * The scenarios of large blocks. What one iteration is stands in hkbench.c.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <pthread.h>
#include <stdlib.h>

#define MB ((size_t) 1 << 20)
#define KB ((size_t) 1 << 10)

static void use_once(size_t size)
{
	char *p = must(malloc(size));
	touch_pages(p, 0, size);
	free(p);
}

static void vm(uint64_t n, size_t size)
{
	for (uint64_t i = 0; i < n; i++) {
		use_once(size);
		lap(1);
	}
}

void scenario_vm(uint64_t n)
{
	vm(n, 2 * MB);
}

void scenario_vm_1m(uint64_t n)
{
	vm(n, MB);
}

void scenario_vm_8m(uint64_t n)
{
	vm(n, 8 * MB);
}

void scenario_vm_40m(uint64_t n)
{
	vm(n, 40 * MB);
}

void scenario_vm_512m(uint64_t n)
{
	vm(n, 512 * MB);
}

static void *vm_thread(void *arg)
{
	uint64_t n = *(uint64_t *) arg;
	for (uint64_t i = 0; i < n; i++)
		use_once((MB << (i % 6)) + (i % 3) * 64 * KB);
	return NULL;
}

void scenario_vm_threads(uint64_t n)
{
	static pthread_t thread[256];
	uint64_t each = n / thread_count;
	for (unsigned i = 0; i < thread_count; i++)
		if (pthread_create(&thread[i], NULL, vm_thread, &each) != 0)
			die("no thread");
	for (unsigned i = 0; i < thread_count; i++)
		(void) pthread_join(thread[i], NULL);
	lap((uint32_t) n);
}

/* Replace one of `live` blocks of a random size, all of its pages touched. */
static void replace(uint64_t n, unsigned live, size_t least, size_t range)
{
	static char *block[256];
	uint64_t seed = 77;
	for (uint64_t i = 0; i < n; i++) {
		char **at = &block[random_below(&seed, live)];
		size_t size = least + (range > 0 ? random_below(&seed, (uint32_t) range) : 0);
		free(*at);
		*at = must(malloc(size));
		touch_pages(*at, 0, size);
		lap(1);
	}
	for (unsigned i = 0; i < live; i++) {
		free(block[i]);
		block[i] = NULL;
	}
}

void scenario_huge_live(uint64_t n)
{
	replace(n, 20, 5 * MB, 20 * MB);
}

void scenario_blocks_256k(uint64_t n)
{
	replace(n, 100, 256 * KB, 0);
}

void scenario_blocks_64k_1m(uint64_t n)
{
	replace(n, 200, 64 * KB, 960 * KB);
}

/* A buffer grows by a quarter each time, is filled, and dies. */
void scenario_realloc_1g(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		char *p = NULL;
		for (size_t size = 64 * KB, old = 0; old < 1024 * MB; old = size, size += size / 4) {
			size_t want = size < 1024 * MB ? size : 1024 * MB;
			p = must(realloc(p, want));
			touch_pages(p, old, want);
			lap(1);
		}
		free(p);
	}
}
