/* SPDX-License-Identifier: MIT
 *
 * The way to a file, link by link. A config manager swaps a link somewhere on it ("..data"), so each folder that
 * holds a name on the way has to be watched, those behind links too. Only for the daemon's own files: walking a
 * stranger's path could hang.
 */
#include "daemon/daemon.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINKS 40 /* as the kernel */

static unsigned add(struct hk_step *steps, unsigned n, unsigned max, const char *dir, const char *name)
{
	if (n == max || strlen(dir) >= sizeof steps->dir || strlen(name) >= sizeof steps->name)
		return n;
	for (unsigned i = 0; i < n; i++)
		if (strcmp(steps[i].dir, dir) == 0 && strcmp(steps[i].name, name) == 0)
			return n;
	strcpy(steps[n].dir, dir);
	strcpy(steps[n].name, name);
	return n + 1;
}

/* "/a/b" and "c" → "/a/b/c"; ".." goes up. False if it is too long. */
static bool append(char *dir, const char *name)
{
	size_t n = strlen(dir);

	if (strcmp(name, ".") == 0 || name[0] == '\0')
		return true;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(dir, '/');
		slash[slash == dir] = '\0';
		return true;
	}
	if (n + strlen(name) + 2 > PATH_MAX)
		return false;
	if (n > 1)
		dir[n++] = '/';
	strcpy(dir + n, name);
	return true;
}

/* The link at dir/name put before the rest of the way. False if it is no link, or leads too far. */
static bool follow(char *dir, const char *name, char *rest)
{
	char path[PATH_MAX], target[PATH_MAX], joined[PATH_MAX];
	ssize_t n;

	strcpy(path, dir);
	if (!append(path, name) || (n = readlink(path, target, sizeof target - 1)) <= 0)
		return false;
	target[n] = '\0';
	if (snprintf(joined, sizeof joined, "%s/%s", target, rest) >= (int) sizeof joined)
		return false;
	strcpy(rest, joined);
	if (target[0] == '/')
		strcpy(dir, "/");
	return true;
}

unsigned hk_path_steps(const char *path, struct hk_step *steps, unsigned n, unsigned max)
{
	char dir[PATH_MAX] = "/", rest[PATH_MAX], name[NAME_MAX + 1];
	unsigned links = 0;

	if (path[0] != '/' || strlen(path) >= sizeof rest)
		return n;
	strcpy(rest, path);
	while (rest[strspn(rest, "/")] != '\0') {
		const char *start = rest + strspn(rest, "/");
		size_t length = strcspn(start, "/");
		if (length >= sizeof name)
			break;
		memcpy(name, start, length);
		name[length] = '\0';
		memmove(rest, start + length, strlen(start + length) + 1);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			n = add(steps, n, max, dir, name);
		if (links < MAX_LINKS && follow(dir, name, rest))
			links++;
		else if (!append(dir, name))
			break;
	}
	return n;
}
