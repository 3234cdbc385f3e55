/* SPDX-License-Identifier: MIT
 *
 * Names that nothing on this host has, though something has nearly the same: a slip of the pen in a [program:] or
 * [unit:]. A file may serve many hosts, so that a name alone which is not known here is no matter.
 */
#include "config/name.h"
#include "ctl/lint.h"
#include "ctl/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define NAME_SIZE 256

/* The nearest so far; candidates do not stay where they are. */
struct search {
	struct hk_near near;
	char best[NAME_SIZE];
	bool found;
};

/* Among thousands of names some look alike by chance: a slip keeps the first letter (or loses just that) and most of the others;
   or the name stops where the other goes on with "-server". */
static bool is_slip(const struct search *search, const char *name)
{
	struct hk_near one = {.want = search->near.want};
	size_t n = strlen(one.want), m;

	if (n < 4 || (name[0] != one.want[0] && strcmp(name + (name[0] != '\0'), one.want) != 0))
		return false;
	if (strncmp(name, one.want, n) == 0 && (name[n] == '-' || name[n] == '.'))
		return true;
	m = strlen(name);
	if (m > n + 2 || n > m + 2)
		return false;
	hk_near_offer(&one, name);
	return one.best != NULL && one.distance <= (n < 8 ? 1 : 2);
}

static void offer(struct search *search, const char *name)
{
	const char *before = search->near.best;

	search->found |= strcmp(name, search->near.want) == 0;
	if (strcasecmp(name, search->near.want) == 0) {
		search->near.best = name;
		search->near.distance = 0;
	} else if (is_slip(search, name)) {
		hk_near_offer(&search->near, name);
	}
	if (search->near.best == before)
		return;
	snprintf(search->best, sizeof search->best, "%.255s", name);
	search->near.best = search->best;
}

static void offer_folder(struct search *search, const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			offer(search, entry->d_name);
	if (dir != NULL)
		closedir(dir);
}

static void offer_running(struct search *search)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char path[NAME_SIZE + 16], target[4096];

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		const char *name;
		ssize_t n;

		if (!hk_is_digit(entry->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%.255s/exe", entry->d_name);
		n = readlink(path, target, sizeof target - 1);
		target[n > 0 ? n : 0] = '\0';
		name = strrchr(target, '/');
		if (name != NULL)
			offer(search, name + 1);
	}
	if (proc != NULL)
		closedir(proc);
}

static const char *conclude(const struct search *search, char *ret, size_t size)
{
	if (search->found || search->near.best == NULL)
		return NULL;
	snprintf(ret, size, "%s", search->best);
	return ret;
}

const char *hk_lint_near_program(const char *name, char *ret, size_t size)
{
	struct search search = {.near = {.want = name}}, running = {.near = {.want = name}};
	const char *from = getenv("PATH");
	char *path = strdup(from != NULL ? from : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"), *save = NULL;

	offer_running(&running);
	for (char *folder = path != NULL ? strtok_r(path, ":", &save) : NULL; folder != NULL; folder = strtok_r(NULL, ":", &save))
		offer_folder(&search, folder);
	offer_folder(&search, "/usr/sbin"); /* in nobody's PATH but root's */
	free(path);
	if (search.found || running.found)
		return NULL;
	return conclude(running.near.best != NULL ? &running : &search, ret, size);
}

const char *hk_lint_near_unit(const char *name, char *ret, size_t size)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	struct search search = {.near = {.want = name}};
	char template[NAME_SIZE];

	if (at != NULL && dot != NULL && at < dot) { /* an instance is there where its template is */
		snprintf(template, sizeof template, "%.*s%.100s", (int) (hk_min((size_t) (at - name), 100) + 1), name, dot);
		search.near.want = template;
	}
	for (size_t i = 0; hk_unit_folders[i] != NULL; i++)
		offer_folder(&search, hk_unit_folders[i]);
	return conclude(&search, ret, size);
}
