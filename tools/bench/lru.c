/* SPDX-License-Identifier: MIT
 *
 * lru-cache: a hash table of linked nodes with values of 16 bytes to 8 KB, the oldest of which go when
 * all together exceed the limit. Nine of ten look-ups are for a hot tenth of the keys; a hit in eight
 * writes a new value.
 */
#include "hkbench.h"
#include "scenarios.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS (1U << 14)
#define KEYS 100000U
#define LIMIT ((size_t) 32 << 20)

struct node {
	struct node *next;          /* in its bucket */
	struct node *older, *newer; /* in the ring of all */
	uint32_t key, size;
	char *value;
};

struct cache {
	struct node **bucket;
	struct node ring; /* ring.newer is the oldest, ring.older the newest */
	size_t bytes;
	uint64_t seed;
};

static struct node **find(struct cache *cache, uint32_t key)
{
	struct node **at = &cache->bucket[key * 2654435761U % BUCKETS];
	while (*at != NULL && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void unlink_node(struct node *node)
{
	node->older->newer = node->newer;
	node->newer->older = node->older;
}

static void make_newest(struct cache *cache, struct node *node)
{
	node->newer = &cache->ring;
	node->older = cache->ring.older;
	node->older->newer = node;
	cache->ring.older = node;
}

static void set_value(struct cache *cache, struct node *node)
{
	uint32_t size = (uint32_t) random_log_size(&cache->seed, 16, 9);
	cache->bytes += size;
	cache->bytes -= node->size;
	node->size = size;
	node->value = must(realloc(node->value, size));
	memset(node->value, 1, size);
}

static void evict(struct cache *cache)
{
	struct node *node = cache->ring.newer;
	*find(cache, node->key) = node->next;
	unlink_node(node);
	cache->bytes -= node->size;
	free(node->value);
	free(node);
}

static void look_up(struct cache *cache, uint32_t key)
{
	struct node **at = find(cache, key), *node = *at;
	if (node == NULL) {
		node = *at = must(calloc(1, sizeof *node));
		node->key = key;
		set_value(cache, node);
	} else {
		unlink_node(node);
		if (random_below(&cache->seed, 8) == 0)
			set_value(cache, node);
	}
	make_newest(cache, node);
	while (cache->bytes > LIMIT)
		evict(cache);
}

void scenario_lru_cache(uint64_t n)
{
	static struct cache cache;
	cache.bucket = must(calloc(BUCKETS, sizeof cache.bucket[0]));
	cache.ring.older = cache.ring.newer = &cache.ring;
	cache.seed = 37;
	for (uint64_t i = 0; i < n; i++) {
		uint32_t range = random_below(&cache.seed, 10) == 0 ? KEYS : KEYS / 10;
		look_up(&cache, random_below(&cache.seed, range));
		if (i % 256 == 255)
			lap(256);
	}
	while (cache.ring.newer != &cache.ring)
		evict(&cache);
	free(cache.bucket);
}
