/* SPDX-License-Identifier: MIT
 *
 * Modules loaded and unloaded while the program runs, C and C++, and blocks that cross the border.
 * Argument: the folder of the modules (default: .libs beside the program).
 */
#include "t.h"

#include <dlfcn.h>

typedef char *make_fn(size_t size);
typedef void free_fn(char *p);

static void *symbol(void *module, const char *name, void *ret, size_t size)
{
	void *p = dlsym(module, name);

	CHECK(p != NULL && size == sizeof(p));
	memcpy(ret, &p, size); /* ISO C has no cast from object to function pointer */
	return p;
}

static void round_trip(const char *path)
{
	make_fn *make;
	free_fn *release;
	char *p[100];
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL)
		dprintf(2, "%s\n", dlerror());
	CHECK(module != NULL);
	symbol(module, "module_make", &make, sizeof(make));
	symbol(module, "module_free", &release, sizeof(release));
	for (size_t i = 0; i < 100; i++)
		p[i] = make(i * i * 10 + 1);
	for (size_t i = 0; i < 100; i++) {
		CHECK(holds(p[i], i * i * 10 + 1, 0x42));
		if (i % 2 == 0)
			release(p[i]);
	}
	release(make(64));
	CHECK(dlclose(module) == 0);
	if (strstr(path, "cxx") == NULL)
		for (size_t i = 1; i < 100; i += 2)
			free(p[i]); /* after their maker has gone */
}

static void *in_a_thread(void *path)
{
	for (int i = 0; i < 30; i++)
		round_trip(path);
	return NULL;
}

int main(int argc, char **argv)
{
	char c[500], cxx[500];
	pthread_t a, b;

	CHECK(argc <= 2);
	snprintf(c, sizeof(c), "%s/module_c.so", argc == 2 ? argv[1] : "tests/preload/.libs");
	snprintf(cxx, sizeof(cxx), "%s/module_cxx.so", argc == 2 ? argv[1] : "tests/preload/.libs");
	in_a_thread(c);
	in_a_thread(cxx);
	CHECK(pthread_create(&a, NULL, in_a_thread, c) == 0);
	CHECK(pthread_create(&b, NULL, in_a_thread, cxx) == 0);
	CHECK(pthread_join(a, NULL) == 0 && pthread_join(b, NULL) == 0);
	return 0;
}
