/* SPDX-License-Identifier: MIT
 *
 * run: a command with the library preloaded. The command takes our place (exec), so that signals,
 * terminal and exit status are its own. Variables that are set already pass through.
 */
#include "config/doc.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libhakmem.so"
#define EXIT_NOT_EXECUTABLE 126 /* as shells have it */
#define EXIT_NOT_FOUND 127

/* dir/libhakmem.so, dir without links, if it can be read; the link to the version stays one. */
static bool library_in(const char *dir, char *ret, size_t size)
{
	char real[PATH_MAX];

	return realpath(dir, real) != NULL && snprintf(ret, size, "%s/" LIBRARY, real) < (int) size &&
	       access(ret, R_OK) == 0;
}

/* Relative to the program (moved or staged installation, build tree), else where it was configured to be. */
static bool find_library(char *ret, size_t size)
{
	static const size_t prefix = sizeof HK_PREFIX - 1;
	const char *below = strncmp(HK_LIBDIR, HK_PREFIX "/", prefix + 1) == 0 ? &HK_LIBDIR[prefix + 1] : "lib";
	const char *const near[] = {below, "lib", ".libs"};
	char self[PATH_MAX], path[2 * PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (getenv("HAKMEM_LIB") != NULL)
		return realpath(getenv("HAKMEM_LIB"), self) != NULL && access(self, R_OK) == 0 &&
		       snprintf(ret, size, "%s", getenv("HAKMEM_LIB")[0] == '/' ? getenv("HAKMEM_LIB") : self) <
		               (int) size;
	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < HK_COUNT(near); i++) {
		snprintf(path, sizeof path, "%.*s/../%s", (int) (slash - self), self, near[i]);
		if (library_in(path, ret, size))
			return true;
	}
	if (slash != NULL) {
		snprintf(path, sizeof path, "%.*s/.libs", (int) (slash - self), self);
		if (library_in(path, ret, size))
			return true;
	}
	return library_in(HK_LIBDIR, ret, size);
}

static int preload(void)
{
	const char *before = getenv("LD_PRELOAD");
	char library[PATH_MAX];
	char *list;
	int r = 0;

	if (!find_library(library, sizeof library))
		return hk_ctl_fail(HK_EXIT_FAILED, "%s not found (looked near hakmemctl and in %s); set HAKMEM_LIB to its path",
		                   LIBRARY, HK_LIBDIR);
	if (strpbrk(library, " :") != NULL)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s: the loader takes no path with a blank or a colon in LD_PRELOAD", library);
	if (before != NULL && before[0] != '\0') {
		if (strstr(before, LIBRARY) != NULL)
			return 0;
		r = asprintf(&list, "%s:%s", library, before);
	} else {
		list = library;
	}
	if (r < 0 || setenv("LD_PRELOAD", list, 1) != 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
	return 0;
}

static int set_mode(const struct hk_ctl *ctl, const char *mode)
{
	const char *near = NULL;

	if (!hk_doc_mode_exists(hk_ctl_sections(&ctl->identity), mode, &near))
		return hk_ctl_fail(HK_EXIT_USAGE, "unknown mode '%s'%s%s%s", mode, near != NULL ? ": did you mean '" : "",
		                   near != NULL ? near : "", near != NULL ? "'?" : "");
	return setenv("HAKMEM_MODE", mode, 1) == 0 ? 0 : hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
}

/* One KEY=VALUE, checked, into the environment. */
static int set_variable(const struct hk_ctl *ctl, char *word)
{
	char *equals = strchr(word, '='), why[HK_DIAG_MAX];
	const char *near = NULL;
	struct hk_value value;
	enum hk_key_id key;

	if (equals == NULL || equals == word)
		return hk_ctl_usage(ctl, "'%s' is not KEY=VALUE (the command goes behind --)", word);
	*equals = '\0';
	if (strcasecmp(word, "mode") == 0)
		return set_mode(ctl, equals + 1);
	if (hk_key_find(word, &key, &near) < 0)
		return hk_ctl_fail(HK_EXIT_USAGE, "unknown key '%s'%s%s%s", word, near != NULL ? ": did you mean '" : "",
		                   near != NULL ? near : "", near != NULL ? "'?" : "");
	if (hk_value_parse(key, equals + 1, &value, why, sizeof why) < 0)
		return hk_ctl_fail(HK_EXIT_USAGE, "%s", why);
	return setenv(hk_keys[key].env, equals + 1, 1) == 0 ? 0 : hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
}

int hk_do_exec(struct hk_ctl *ctl)
{
	int status = 0, error;

	for (int i = 0; status == 0 && i < ctl->nargs; i++)
		status = set_variable(ctl, ctl->args[i]);
	if (status == 0 && ctl->nrest == 0)
		return hk_ctl_usage(ctl, "there is no COMMAND behind --");
	if (status == 0)
		status = preload();
	if (status != 0)
		return status;
	unsetenv("HAKMEM_LIB"); /* ours alone: the library would report an unknown variable */
	execvp(ctl->rest[0], ctl->rest);
	error = errno;
	hk_ctl_fail(0, "%s: %s", ctl->rest[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}
