/* SPDX-License-Identifier: MIT
 *
 * Random calls of every allocation function in four threads, with blocks passed between them; the
 * content of every block is checked whenever it is touched.
 */
#include "t.h"

#define THREADS 4
#define SLOTS 400
#define STEPS 40000

struct block {
	unsigned char *p;
	size_t size;
	unsigned seed;
};

static struct block shared[256];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t some_size(uint64_t *state)
{
	unsigned kind = draw(state) % 1000;

	if (kind < 800)
		return draw(state) % 1024;
	if (kind < 960)
		return draw(state) % 16384;
	if (kind < 995)
		return draw(state) % 400000;
	return draw(state) % (6 << 20);
}

static void make(struct block *b, uint64_t *state)
{
	size_t align = (size_t) 16 << draw(state) % 9;
	void *p = NULL;

	b->size = some_size(state);
	switch (draw(state) % 8) {
	case 0:
		p = hidden(calloc(1, b->size));
		CHECK(p != NULL && holds(p, b->size, 0));
		break;
	case 1:
		CHECK(posix_memalign(&p, align, b->size) == 0 && ((uintptr_t) p & (align - 1)) == 0);
		break;
	case 2:
		p = hidden(memalign(align, b->size));
		CHECK(((uintptr_t) p & (align - 1)) == 0);
		break;
	default:
		p = NEW(b->size);
	}
	CHECK(p != NULL && ((uintptr_t) p & 15) == 0);
	b->p = p;
	b->seed = draw(state);
	fill(b->p, b->size, b->seed);
}

static void check_ends(const struct block *b)
{
	size_t n = b->size < 64 ? b->size : 64;

	CHECK(holds(b->p, n, b->seed) && holds(b->p + b->size - n, n, b->seed));
}

static void drop(struct block *b)
{
	check_ends(b);
	free(b->p);
	b->p = NULL;
}

static void resize(struct block *b, uint64_t *state)
{
	size_t size = some_size(state) + 1;

	check_ends(b);
	b->p = hidden(realloc(b->p, size));
	CHECK(b->p != NULL);
	b->size = b->size < size ? b->size : size;
	check_ends(b);
	b->size = size;
	fill(b->p, b->size, b->seed);
}

static void swap_with_others(struct block *b, uint64_t *state)
{
	unsigned i = draw(state) % 256;
	struct block other;

	pthread_mutex_lock(&lock);
	other = shared[i];
	shared[i] = *b;
	*b = other;
	pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
	uint64_t state = (uint64_t) (uintptr_t) arg * 77 + 5;
	struct block *b = calloc(SLOTS, sizeof(*b));

	CHECK(b != NULL);
	for (int i = 0; i < STEPS; i++) {
		struct block *one = &b[draw(&state) % SLOTS];

		if (one->p == NULL)
			make(one, &state);
		else if (draw(&state) % 4 == 0)
			resize(one, &state);
		else if (draw(&state) % 3 == 0)
			swap_with_others(one, &state);
		else
			drop(one);
		if (i % 20000 == 0)
			malloc_trim(0);
	}
	for (int i = 0; i < SLOTS; i++)
		if (b[i].p != NULL)
			drop(&b[i]);
	free(b);
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];

	for (long i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, work, (void *) i) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	for (int i = 0; i < 256; i++)
		if (shared[i].p != NULL)
			drop(&shared[i]);
	return 0;
}
