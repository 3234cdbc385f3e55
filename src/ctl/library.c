/* SPDX-License-Identifier: MIT
 *
 * Where libhakmem.so is, and whether a service can load it from there.
 */
#include "ctl/ctl.h"
#include "ctl/needs.h"
#include "ctl/program.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>


/* The library in dir, dir without links, if it can be read; a link to the version stays one. First by the name that every
   installation has and keeps: the one without a number comes and goes with what developers need. */
static bool library_in(const char *dir, char *ret, size_t size)
{
	static const char *const names[] = {HK_LIBRARY_NAME ".0", HK_LIBRARY_NAME};
	char real[PATH_MAX];

	for (size_t i = 0; realpath(dir, real) != NULL && i < HK_COUNT(names); i++)
		if (snprintf(ret, size, "%s/%s", real, names[i]) < (int) size && access(ret, R_OK) == 0)
			return true;
	return false;
}

/* Relative to the program (moved or staged installation, build tree), else where it was configured to be. */
static bool find(char *ret, size_t size)
{
	static const size_t prefix = sizeof HK_PREFIX - 1;
	const char *below =
	        strncmp(HK_LIBDIR, HK_PREFIX "/", prefix + 1) == 0 ? &HK_LIBDIR[prefix + 1] : "lib";
	const char *const near[] = {below, "lib", ".libs"};
	char self[PATH_MAX], path[2 * PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (getenv("HAKMEM_LIB") != NULL)
		return realpath(getenv("HAKMEM_LIB"), self) != NULL && access(self, R_OK) == 0 &&
		       snprintf(ret, size, "%s",
		                getenv("HAKMEM_LIB")[0] == '/' ? getenv("HAKMEM_LIB") : self) < (int) size;
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

bool hk_library_find(char *ret, size_t size, bool say)
{
	const char *why = NULL;

	if (!find(ret, size)) {
		if (say)
			hk_ctl_fail(
			        0,
			        "%s not found (looked near hakmemctl and in %s); set HAKMEM_LIB to its path",
			        HK_LIBRARY_NAME, HK_LIBDIR);
		return false;
	}
	if (strpbrk(ret, " :") != NULL)
		why = "the loader takes no path with a blank or a colon in LD_PRELOAD";
	if (say && why != NULL)
		hk_ctl_fail(0, "%s: %s", ret, why);
	return why == NULL;
}

bool hk_library_noexec(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) == 0 && (st.f_flag & ST_NOEXEC) != 0;
}

/* ---- who can read it ---- */

/* In a child that has become that user: the whole truth, with groups and access lists. 0: it can be read, 1:
   it cannot, else that child could not be made. */
static int readable_as(const char *path, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		gid_t gid = user != NULL ? user->pw_gid : (gid_t) uid;
		if ((user != NULL ? initgroups(user->pw_name, gid) : setgroups(0, NULL)) != 0 ||
		    setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
			_exit(2);
		_exit(access(path, R_OK) == 0 ? 0 : 1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

/* The first part of the path that is closed to that user (else: to others), or NULL. */
static char *closed_part(const char *path, uid_t uid)
{
	char part[PATH_MAX];
	struct stat st;

	for (const char *end = path; *end != '\0';) {
		end = strchrnul(end + 1, '/');
		snprintf(part, sizeof part, "%.*s", (int) (end - path), path);
		if (stat(part, &st) != 0)
			return strdup(part);
		if (st.st_uid != uid && (st.st_mode & (*end != '\0' ? S_IXOTH : S_IROTH)) == 0)
			return strdup(part);
	}
	return NULL;
}

bool hk_library_readable(const char *path, uid_t uid, char **ret_why)
{
	char real[PATH_MAX];
	char *part;
	int as = 2;

	*ret_why = NULL;
	if (uid == 0)
		return true;
	if (uid != HK_RUNNER_ANYBODY && geteuid() == 0)
		as = readable_as(path, uid);
	if (realpath(path, real) == NULL)
		snprintf(real, sizeof real, "%s", path);
	part = closed_part(real, uid);
	if (as == 0 || (as > 1 && part == NULL))
		return true;
	if (asprintf(ret_why, "%s is closed to %s", part != NULL ? part : real,
	             as == 1 ? "its user" : "other users") < 0)
		*ret_why = NULL;
	return false;
}
