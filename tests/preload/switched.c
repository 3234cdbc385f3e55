/* SPDX-License-Identifier: MIT
 *
 * Random sequences of all calls in threads that hand blocks to each other, against a model of what each block must hold, while
 * another thread switches the keys below, live, trims, and moves the engine from phase to phase. Every byte of a block is its
 * own pattern, so that two blocks that overlap, or a block that moved without its contents, show.
 * HK_STRESS_SECONDS: so long, and not by the number of steps.
 */
#include "t.h"

#include <hakmem.h>
#include <stdatomic.h>
#include <time.h>

#pragma weak hakmem_set
#pragma weak hakmem_set_phase
#pragma weak hakmem_trim

#define THREADS 4
#define SLOTS 500
#define SHARED 256
#define STEPS 6000

struct block {
	unsigned char *p;
	size_t size;
	unsigned seed;
};

static struct block shared[SHARED];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool over;
static time_t deadline;

/* ---- the model ---- */

static size_t some_size(uint64_t *state)
{
	unsigned kind = draw(state) % 1000;

	if (kind < 750)
		return draw(state) % 1100;
	if (kind < 940)
		return draw(state) % 40000;
	if (kind < 996)
		return draw(state) % 500000;
	return draw(state) % (3 << 20);
}

static void write_block(struct block *b, uint64_t *state)
{
	b->seed = draw(state);
	for (size_t i = 0; i < b->size; i += i < 256 || b->size - i < 256 ? 1 : 97)
		b->p[i] = (unsigned char) (b->seed + i);
}

static void check_block(const struct block *b, size_t n)
{
	for (size_t i = 0; i < n; i += i < 256 || b->size - i < 256 ? 1 : 97)
		CHECK(b->p[i] == (unsigned char) (b->seed + i));
}

static int is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return 0;
	return 1;
}

static void *aligned_block(unsigned how, size_t align, size_t size)
{
	void *p = NULL;

	switch (how) {
	case 0:
		CHECK(posix_memalign(&p, align, size) == 0);
		break;
	case 1:
		p = memalign(align, size);
		break;
	default:
		p = aligned_alloc(align, (size + align - 1) & ~(align - 1));
	}
	CHECK(p != NULL && ((uintptr_t) p & (align - 1)) == 0);
	return hidden(p);
}

static void make(struct block *b, uint64_t *state)
{
	unsigned how = draw(state) % 10;

	b->size = some_size(state);
	if (how < 3) {
		b->p = aligned_block(how, (size_t) 8 << draw(state) % 15, b->size);
	} else if (how < 5) {
		b->p = hidden(how == 3 ? calloc(1, b->size) : calloc(b->size, 1));
		CHECK(b->p != NULL && is_zero(b->p, b->size));
	} else if (how == 5) {
		b->p = hidden(reallocarray(NULL, 1, b->size + 1));
	} else {
		b->p = NEW(b->size);
	}
	CHECK(b->p != NULL && ((uintptr_t) b->p & 7) == 0 && (b->size < 16 || ((uintptr_t) b->p & 15) == 0));
	CHECK(malloc_usable_size(b->p) >= b->size);
	write_block(b, state);
}

static void drop(struct block *b)
{
	check_block(b, b->size);
	free(b->p);
	b->p = NULL;
}

static void resize(struct block *b, uint64_t *state)
{
	size_t size = draw(state) % 3 == 0 ? some_size(state) + 1 : b->size + 1 + draw(state) % 200, old = b->size;

	check_block(b, old);
	b->p = hidden(draw(state) % 2 == 0 ? realloc(b->p, size) : reallocarray(b->p, size, 1));
	CHECK(b->p != NULL);
	b->size = old; /* the pattern's places depend on it */
	for (size_t i = 0; i < old && i < size; i += i < 256 || old - i < 256 ? 1 : 97)
		CHECK(b->p[i] == (unsigned char) (b->seed + i));
	b->size = size;
	write_block(b, state);
}

static void exchange(struct block *b, uint64_t *state)
{
	struct block *other = &shared[draw(state) % SHARED], one;

	pthread_mutex_lock(&lock);
	one = *other;
	*other = *b;
	*b = one;
	pthread_mutex_unlock(&lock);
}

static void step(struct block *b, uint64_t *state)
{
	if (b->p == NULL)
		make(b, state);
	else if (draw(state) % 4 == 0)
		resize(b, state);
	else if (draw(state) % 3 == 0)
		exchange(b, state);
	else
		drop(b);
}

static int goes_on(int steps)
{
	return deadline != 0 ? time(NULL) < deadline : steps < STEPS;
}

static void *work(void *arg)
{
	uint64_t state = (uint64_t) (uintptr_t) arg * 7919 + 3;
	struct block *b = calloc(SLOTS, sizeof(*b));

	CHECK(b != NULL);
	for (int i = 0; goes_on(i); i = (i + 1) & 0x3fffffff)
		step(&b[draw(&state) % SLOTS], &state);
	for (int i = 0; i < SLOTS; i++)
		if (b[i].p != NULL)
			drop(&b[i]);
	free(b);
	return NULL;
}

/* ---- the switches ---- */

static const struct {
	const char *key, *values[5];
} switches[] = {
	{"tinypool", {"on", "off", NULL}},
	{"bigcache", {"on", "off", NULL}},
	{"batch", {"on", "off", NULL}},
	{"elo", {"on", "off", NULL}},
	{"free_policy", {"batch", "keep", "adaptive", NULL}},
	{"thp", {"off", "auto", "on", NULL}},
	{"purge_delay", {"0", "1ms", "1s", NULL}},
	{"batch_max", {"1", "7", "1024", NULL}},
	{"bigcache_limit", {"0", "1M", "64M", NULL}},
	{"bigcache_max_block", {"64K", "1M", NULL}},
	{"tinypool_limit", {"0", "64K", "1M", NULL}},
	{"soft_limit", {"0", "1M", "100M", NULL}},
	{"elo_objective", {"speed", "balanced", "memory", NULL}},
	{"elo_window", {"4", "32", NULL}},
	{"security", {"basic", "sampled", NULL}},
	{"sample_rate", {"1", "50", "10000", NULL}},
	{"mode", {"minimal", "fast", "balanced", "learning", NULL}},
};

static void switch_one(uint64_t *state)
{
	size_t k = draw(state) % (sizeof(switches) / sizeof(switches[0])), n = 0;
	const char *value;

	while (switches[k].values[n] != NULL)
		n++;
	n = draw(state) % (n + 1);
	value = switches[k].values[n]; /* the last, NULL, takes back what was set */
	/* security may have been full from the start: then it waits for a restart. */
	CHECK(hakmem_set(switches[k].key, value) == 0 || strcmp(switches[k].key, "security") == 0);
}

static void *switch_all(void *arg)
{
	static const char *const phases[] = {"LEARN", "FROZEN", "CANARY"};
	uint64_t state = 42;

	while (!atomic_load(&over)) {
		switch_one(&state);
		if (draw(&state) % 8 == 0)
			(void) hakmem_set_phase(phases[draw(&state) % 3]); /* refused while elo is off */
		if (draw(&state) % 16 == 0)
			hakmem_trim();
		usleep(1000);
	}
	return arg;
}

int main(void)
{
	const char *seconds = getenv("HK_STRESS_SECONDS");
	pthread_t thread[THREADS], switcher;

	CHECK(!HAVE_HAKMEM || hakmem_set("debug", "off") == 0); /* whatever the mode says */
	deadline = seconds != NULL ? time(NULL) + atoi(seconds) : 0;
	if (HAVE_HAKMEM)
		CHECK(pthread_create(&switcher, NULL, switch_all, NULL) == 0);
	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, work, (void *) i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	for (int i = 0; i < SHARED; i++)
		if (shared[i].p != NULL)
			drop(&shared[i]);
	atomic_store(&over, 1);
	if (HAVE_HAKMEM)
		CHECK(pthread_join(switcher, NULL) == 0);
	return 0;
}
