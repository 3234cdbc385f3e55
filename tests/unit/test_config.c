/* SPDX-License-Identifier: MIT
 *
 * Runner and helpers of the configuration's unit tests. The program has its own malloc family, which
 * counts: the configuration runs inside malloc and must never call it. (Not under a sanitizer,
 * which brings its own.)
 */
#include "test_config.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct world w;

static unsigned long calls;

#ifndef HK_SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

void *malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	calls++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	calls++;
	return __libc_realloc(p, size);
}

void free(void *p)
{
	calls += p != NULL;
	__libc_free(p);
}
#endif

unsigned long allocations(void)
{
	unsigned long n = calls;

	calls = 0;
	return n;
}

void world_begin(void)
{
	memset(&w, 0, sizeof(w));
	strcpy(w.root, "/tmp/hk-config-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w.root));
	strcpy(w.identity.root, w.root);
	strcpy(w.identity.program, "prog");
	strcpy(w.identity.unit, "svc.service");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st;
	(void) type;
	(void) ftw;
	return remove(path);
}

void world_end(void)
{
	(void) nftw(w.root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void put_bytes(const char *path, const void *bytes, size_t n)
{
	char whole[512];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s%s", w.root, path);
	for (char *p = strchr(whole + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		ck_assert(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	f = fopen(whole, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

void put_main(const char *text)
{
	put_bytes(MAIN_PATH, text, strlen(text));
}

void put_drop_in(const char *name, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), HK_SYSCONFDIR "/hakmem.d/%s", name);
	put_bytes(path, text, strlen(text));
}

int resolve(void)
{
	memset(&w.diags, 0, sizeof(w.diags));
	return hk_config_resolve(&w.identity, &w.env, &w.learned, &w.set, &w.config, &w.diags);
}

int resolve_text(const char *text)
{
	put_main(text);
	return resolve();
}

const char *value_of(enum hk_key_id key)
{
	static char text[HK_VALUE_MAX];

	return hk_values_format(&w.config.values, key, text);
}

bool told(const char *text)
{
	for (unsigned i = 0; i < w.diags.count && i < HK_DIAGS; i++)
		if (strstr(w.diags.text[i], text) != NULL)
			return true;
	return false;
}

void expect_told(const char *text)
{
	if (!told(text))
		ck_abort_msg("no message says \"%s\"; %u messages, the first: %s", text, w.diags.count,
		             w.diags.text[0]);
}

void overlay_put(struct hk_overlay *overlay, enum hk_key_id key, const char *text)
{
	struct hk_value value;

	ck_assert_int_eq(hk_value_parse(key, text, &value, NULL, 0), 0);
	hk_values_put(&overlay->values, key, &value);
	overlay->mask |= (uint64_t) 1 << key;
}

int main(void)
{
	SRunner *runner = srunner_create(values_suite());
	int failed;

	srunner_add_suite(runner, files_suite());
	srunner_add_suite(runner, odd_suite());
	srunner_add_suite(runner, env_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
