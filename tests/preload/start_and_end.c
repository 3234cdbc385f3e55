/* SPDX-License-Identifier: MIT
 *
 * Allocation at every odd moment of a process: before any constructor, in constructors, in thread
 * key destructors (several rounds, after the allocator's own), atexit, destructors.
 */
#include "t.h"

static char *early[64], *from_constructor[64];
static pthread_key_t keys[8];
static int key_calls;

static void before_everything(int argc, char **argv, char **envp)
{
	(void) argc;
	(void) argv;
	(void) envp;
	for (int i = 0; i < 64; i++) {
		early[i] = malloc((size_t) (i * i * 20 + 1));
		CHECK(early[i] != NULL);
		fill(early[i], (size_t) (i * i * 20 + 1), (unsigned) i);
	}
	free(NEW(3 << 20));
}
/* Of the executable, so it runs before the constructors of every library. */
__attribute__((section(".preinit_array"), used)) static void (*preinit)(int, char **, char **) =
        before_everything;

__attribute__((constructor)) static void construct(void)
{
	for (int i = 0; i < 64; i++)
		from_constructor[i] = NEW(100 + (size_t) i);
}

static void use(void)
{
	char *p = NEW(100), *q = hidden(calloc(1, 70000));

	CHECK(p != NULL && q != NULL);
	p = hidden(realloc(p, 5000));
	CHECK(p != NULL);
	free(q);
	free(p);
}

__attribute__((destructor)) static void destruct(void)
{
	use();
	for (int i = 0; i < 64; i++)
		free(from_constructor[i]);
	use();
}

static void at_exit(void)
{
	use();
	for (int i = 0; i < 64; i++) {
		CHECK(holds(early[i], (size_t) (i * i * 20 + 1), (unsigned) i));
		free(early[i]);
	}
}

static void key_destructor(void *p)
{
	__atomic_add_fetch(&key_calls, 1, __ATOMIC_RELAXED);
	use();
	if (*(int *) p > 0) { /* come again in a later round */
		int *again = NEW(sizeof(int));

		*again = *(int *) p - 1;
		CHECK(pthread_setspecific(keys[*again % 8], again) == 0);
	}
	free(p);
}

static void *thread(void *arg)
{
	for (int i = 0; i < 8; i++) {
		int *p = NEW(sizeof(int));

		*p = 3;
		CHECK(pthread_setspecific(keys[i], p) == 0);
	}
	use();
	return arg;
}

int main(void)
{
	for (int i = 0; i < 8; i++)
		CHECK(pthread_key_create(&keys[i], key_destructor) == 0);
	CHECK(atexit(at_exit) == 0);
	for (int i = 0; i < 50; i++) {
		pthread_t t;

		CHECK(pthread_create(&t, NULL, thread, NULL) == 0 && pthread_join(t, NULL) == 0);
	}
	CHECK(key_calls >= 8 * 50);
	use();
	return 0;
}
