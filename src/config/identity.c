/* SPDX-License-Identifier: MIT
 *
 * Who a process is: the name of its executable and the systemd unit that it runs in.
 */
#include "config/config.h"

#include "base/sys.h"
#include "config/name.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

static void read_program(const char *exe, char *ret, size_t size)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1;
	char path[4096];
	const char *base;
	ssize_t n = readlink(exe, path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	/* The kernel's mark on a binary that was replaced by an upgrade while it runs. */
	if ((size_t) n > tail && strcmp(path + n - tail, deleted) == 0)
		path[(size_t) n - tail] = '\0';
	base = strrchr(path, '/');
	(void) hk_text_copy(ret, size, base != NULL ? base + 1 : path);
}

static bool is_unit(const char *name, size_t n)
{
	static const char kinds[][9] = {".service", ".scope", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < HK_COUNT(kinds); i++) {
		size_t k = strlen(kinds[i]);

		if (n > k && strncmp(name + n - k, kinds[i], k) == 0)
			return true;
	}
	return false;
}

/* The last component of a cgroup's path that is a unit: groups below it are the service's own. */
static void find_unit(const char *path, size_t n, char *ret, size_t size)
{
	while (n > 0) {
		size_t start = n;

		while (start > 0 && path[start - 1] != '/')
			start--;
		if (is_unit(path + start, n - start)) {
			n = hk_min(n - start, size - 1);
			memcpy(ret, path + start, n);
			ret[n] = '\0';
			return;
		}
		n = start > 0 ? start - 1 : 0;
	}
}

/* Version 2 has "0::PATH", version 1 "N:name=systemd:PATH"; a hybrid host has both. */
static void read_unit(const char *file, char *ret, size_t size)
{
	static const char v1[] = ":name=systemd:";
	char text[4096];
	ssize_t n = hk_sys_read_file(file, text, sizeof(text));

	for (const char *line = text; n > 0 && *line != '\0' && ret[0] == '\0';) {
		const char *newline = strchr(line, '\n'), *colon = strchr(line, ':');
		const char *end = newline != NULL ? newline : line + strlen(line);
		size_t length = (size_t) (end - line);

		if (length > 3 && strncmp(line, "0::", 3) == 0)
			find_unit(line + 3, length - 3, ret, size);
		else if (colon != NULL && colon < end && (size_t) (end - colon) >= sizeof(v1) &&
		         strncmp(colon, v1, sizeof(v1) - 1) == 0)
			find_unit(colon + sizeof(v1) - 1, (size_t) (end - colon) - (sizeof(v1) - 1), ret,
			          size);
		line = *end == '\n' ? end + 1 : end;
	}
}

static void read_group(const char *proc, struct hk_identity *identity)
{
	char path[64];

	identity->unit[0] = '\0';
	(void) hk_text_copy(path, sizeof(path) - sizeof("/cgroup"), proc);
	(void) hk_text_append(path, sizeof(path), "/cgroup");
	read_unit(path, identity->unit, sizeof(identity->unit));
}

void hk_identity_read(const char *proc, struct hk_identity *identity)
{
	int saved = errno;
	char path[64];

	identity->program[0] = '\0';
	(void) hk_text_copy(path, sizeof(path) - sizeof("/exe"), proc);
	(void) hk_text_append(path, sizeof(path), "/exe");
	read_program(path, identity->program, sizeof(identity->program));
	read_group(proc, identity);
	errno = saved;
}

void hk_identity_self(struct hk_identity *identity)
{
	/* The name that it was executed by: /proc/self/exe would follow symbolic links (Debian's redis-server
	   is one to redis-check-rdb). */
	const char *by = (const char *) getauxval(AT_EXECFN);
	const char *base = by != NULL ? strrchr(by, '/') : NULL;
	char name[17] = "";
	int saved = errno;

	if (by != NULL && strncmp(by, "/dev/fd/", 8) == 0)
		by = NULL; /* fexecve: the number of a descriptor is no name */
	else if (base != NULL)
		by = base + 1;
	identity->program[0] = '\0';
	if (by != NULL && by[0] != '\0')
		(void) hk_text_copy(identity->program, sizeof(identity->program), by);
	else
		read_program("/proc/self/exe", identity->program, sizeof(identity->program));
	read_group("/proc/self", identity);
	/* Without /proc the kernel still has the first 15 bytes of the name. */
	if (identity->program[0] == '\0' && prctl(PR_GET_NAME, name) == 0)
		(void) hk_text_copy(identity->program, sizeof(identity->program), name);
	errno = saved;
}
