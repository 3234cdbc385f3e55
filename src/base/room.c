/* SPDX-License-Identifier: MIT
 *
 * Reads meminfo, the limits along the path of this process's memory groups, and pressure. Nothing is kept: a process may
 * be moved, a limit changed.
 */
#include "base/room.h"

#include "base/sys.h"
#include "base/text.h"

#include <string.h>

#define HK_PRESSED 5U /* percent of time */
#define HK_LEVELS_MAX 16

/* Files are looked at as far as they fit: what is wanted stands near their beginning. */
struct file {
	char text[3072];
};
static struct file file, list; /* threads' stacks may be small; one caller at a time */

struct version {
	const char *max, *high, *current, *inactive, *active; /* names of files, and of lines of memory.stat */
};
static const struct version version1 = {"memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
                                        "total_inactive_file ", "total_active_file "};
static const struct version version2 = {"memory.max", "memory.high", "memory.current", "inactive_file ", "active_file "};

static bool read_at(const char *folder, const char *name, struct file *ret)
{
	char path[512];
	ssize_t n;

	if (!hk_text_copy(path, sizeof(path), folder) || !hk_text_append(path, sizeof(path), "/") ||
	    !hk_text_append(path, sizeof(path), name))
		return false;
	memset(ret->text, 0, sizeof(ret->text));
	n = hk_sys_read_file(path, ret->text, sizeof(ret->text) - 1);
	return n > 0 || ret->text[0] != '\0'; /* longer files are cut */
}

/* What stands behind the key at the beginning of a line, or NULL. */
static const char *find_line(const struct file *in, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = in->text; line != NULL && *line != '\0';) {
		if (strncmp(line, key, n) == 0)
			return line + n;
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return NULL;
}

static uint64_t number_of(const struct file *in, const char *key)
{
	const char *value = find_line(in, key);

	return value != NULL ? hk_text_number(value) : 0;
}

static void take_lesser(struct hk_room *room, uint64_t limit, uint64_t left, bool is_group)
{
	if (room->limit == 0 || left < room->left) {
		room->limit = limit;
		room->left = left;
		room->group = is_group;
	}
}

static bool is_pressed(const char *folder, const char *name)
{
	const char *value;

	if (!read_at(folder, name, &file))
		return false;
	value = find_line(&file, "some avg10=");
	return value != NULL && hk_text_number(value) >= HK_PRESSED;
}

static void host(const char *proc, struct hk_room *room)
{
	uint64_t all, available;

	if (!read_at(proc, "meminfo", &file))
		return;
	all = number_of(&file, "MemTotal:") * HK_KIB;
	available = number_of(&file, "MemAvailable:") * HK_KIB;
	if (all > 0 && available > 0)
		take_lesser(room, all, available, false);
}

/* UINT64_MAX: "max", no such file, or what version 1 says for none. */
static uint64_t limit_at(const char *folder, const char *name)
{
	uint64_t limit;

	if (!read_at(folder, name, &file) || file.text[0] < '0' || file.text[0] > '9')
		return UINT64_MAX;
	limit = hk_text_number(file.text);
	return limit < (uint64_t) 1 << 60 ? limit : UINT64_MAX;
}

static void group(const char *folder, const struct version *version, struct hk_room *room)
{
	uint64_t limit = limit_at(folder, version->max), used;

	if (version->high != NULL)
		limit = hk_min(limit, limit_at(folder, version->high)); /* beyond it the kernel slows the group down */
	if (limit == UINT64_MAX || !read_at(folder, version->current, &file))
		return;
	used = hk_text_number(file.text);
	if (read_at(folder, "memory.stat", &file))
		used -= hk_min(used, number_of(&file, version->inactive) + number_of(&file, version->active));
	take_lesser(room, limit, limit - hk_min(used, limit), true);
}

/* The group and all above it. In a container the path may be that of the host, of which only the root is there. */
static void groups(const char *mount, const char *path, size_t n, const struct version *version, struct hk_room *room)
{
	char folder[512];
	size_t root = strlen(mount);

	if (root + n >= sizeof(folder) || !hk_text_copy(folder, sizeof(folder), mount))
		return;
	memcpy(folder + root, path, n);
	folder[root + n] = '\0';
	for (int level = 0; level < HK_LEVELS_MAX; level++) {
		char *slash = strrchr(folder + root, '/');

		group(folder, version, room);
		if (version == &version2)
			room->pressed |= level == 0 && is_pressed(folder, "memory.pressure");
		if (slash == NULL)
			break;
		*slash = '\0';
	}
}

/* Is "memory" one of the controllers in a line "N:CONTROLLER,…:PATH"? */
static bool lists_memory(const char *line, const char *end)
{
	static const char name[] = "memory";
	const char *at = memchr(line, ':', (size_t) (end - line));

	while (at != NULL && at < end && (*at == ':' || *at == ',')) {
		at++;
		if ((size_t) (end - at) >= sizeof(name) && strncmp(at, name, sizeof(name) - 1) == 0 &&
		    (at[sizeof(name) - 1] == ',' || at[sizeof(name) - 1] == ':'))
			return true;
		while (at < end && *at != ',' && *at != ':')
			at++;
		if (at < end && *at == ':')
			break;
	}
	return false;
}

static void line_of(const char *cgroups, const char *line, const char *end, struct hk_room *room)
{
	const char *path = memchr(line, ':', (size_t) (end - line));
	char mount[256];

	path = path != NULL ? memchr(path + 1, ':', (size_t) (end - path) - 1) : NULL;
	if (path == NULL || !hk_text_copy(mount, sizeof(mount), cgroups))
		return;
	path++;
	if (strncmp(line, "0::", 3) == 0)
		groups(mount, path, (size_t) (end - path), &version2, room);
	else if (lists_memory(line, end) && hk_text_append(mount, sizeof(mount), "/memory"))
		groups(mount, path, (size_t) (end - path), &version1, room);
}

void hk_room_read(const char *proc, const char *cgroups, struct hk_room *ret)
{

	*ret = (struct hk_room){0, 0, false, is_pressed(proc, "pressure/memory")};
	host(proc, ret);
	if (!read_at(proc, "self/cgroup", &list))
		return;
	for (const char *line = list.text; *line != '\0';) {
		const char *end = strchr(line, '\n');

		if (end == NULL)
			break;
		line_of(cgroups, line, end, ret);
		line = end + 1;
	}
}
