/* SPDX-License-Identifier: MIT
 *
 * Reads /proc/PID and the head of the control block. Runs on worker threads, one process a call,
 * no shared state. What the block says is a stranger's word: texts are terminated here.
 */
#include "ctl/scan.h"
#include "base/sys.h"
#include "ctl/elf.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_SYMBOL "hakmem_control_block"
#define MAX_LIBRARIES 4
#define MAX_SHARED 256

struct range {
	uint64_t start, end, inode, device;
};

/* What its maps tell. */
struct maps {
	uint64_t library[MAX_LIBRARIES];
	unsigned nlibraries, nshared;
	uint64_t program;               /* base of the executable, or 0 */
	struct range shared[MAX_SHARED]; /* shared anonymous mappings: candidates for a block */
};

uint64_t hk_scan_start_time(pid_t pid)
{
	char path[64], text[1024], state;
	const char *p;
	uint64_t start;

	snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0)
		return 0;
	p = strrchr(text, ')'); /* the name before it may hold anything */
	if (p == NULL || sscanf(p + 1,
	                        " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
	                        &state, &start) != 2)
		return 0;
	return state == 'Z' || state == 'X' ? 0 : start;
}

long long hk_scan_status(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; line != NULL && *line != '\0';
	     line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, n) == 0 && line[n] == ':')
			return strtoll(line + n + 1, NULL, 10);
	return -1;
}

/* The innermost *.service or *.scope of its cgroup, or "". */
static void read_unit(pid_t pid, char *ret, size_t size)
{
	char path[64], text[4096], *save = NULL;

	ret[0] = '\0';
	snprintf(path, sizeof path, "/proc/%d/cgroup", (int) pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0)
		return;
	for (char *part = strtok_r(text, "/\n", &save); part != NULL; part = strtok_r(NULL, "/\n", &save)) {
		const char *dot = strrchr(part, '.');
		if (dot != NULL && (strcmp(dot, ".service") == 0 || strcmp(dot, ".scope") == 0))
			snprintf(ret, size, "%s", part);
	}
}

/* Executable path as maps show it (" (deleted)" included); its bare name to name. */
static bool read_exe(pid_t pid, char *ret, size_t size, char *name, size_t name_size)
{
	char link[64], *base;
	ssize_t n;

	snprintf(link, sizeof link, "/proc/%d/exe", (int) pid);
	n = readlink(link, ret, size - 1);
	name[0] = '\0';
	if (n <= 0)
		return false;
	ret[n] = '\0';
	base = strrchr(ret, '/');
	snprintf(name, name_size, "%s", base != NULL ? base + 1 : ret);
	base = strstr(name, " (deleted)");
	if (base != NULL)
		*base = '\0';
	return true;
}

/* The effective ids; the owner of /proc/PID would be root for a process that only hides its memory. */
static void read_ids(pid_t pid, struct hk_seen *ret)
{
	char path[64], text[4096];
	const char *uid, *gid;

	ret->uid = (uid_t) -1;
	ret->gid = (gid_t) -1;
	snprintf(path, sizeof path, "/proc/%d/status", (int) pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0)
		return;
	uid = strstr(text, "\nUid:");
	gid = strstr(text, "\nGid:");
	if (uid == NULL || gid == NULL || sscanf(uid + 5, "%*u %u", &ret->uid) != 1 ||
	    sscanf(gid + 5, "%*u %u", &ret->gid) != 1)
		ret->uid = (uid_t) -1;
}

int hk_scan_identity(pid_t pid, struct hk_seen *ret)
{
	char path[64], exe[PATH_MAX];
	ssize_t n;

	memset(ret, 0, sizeof *ret);
	ret->pid = pid;
	ret->start_time = hk_scan_start_time(pid);
	if (ret->start_time == 0)
		return -ESRCH;
	read_ids(pid, ret);
	snprintf(path, sizeof path, "/proc/%d/comm", (int) pid);
	n = hk_sys_read_file(path, ret->comm, sizeof ret->comm);
	if (n < 0)
		ret->comm[0] = '\0';
	else if (n > 0 && ret->comm[n - 1] == '\n')
		ret->comm[n - 1] = '\0';
	read_exe(pid, exe, sizeof exe, ret->exe, sizeof ret->exe);
	read_unit(pid, ret->unit, sizeof ret->unit);
	return 0;
}

static void note_mapping(struct maps *maps, const char *line, const char *exe)
{
	struct range range;
	uint64_t offset, minor;
	char perms[8];
	int at = 0;
	const char *path, *name;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %" SCNx64 ":%" SCNx64 " %" SCNu64 " %n",
	           &range.start, &range.end, perms, &offset, &range.device, &minor, &range.inode, &at) != 7 ||
	    at == 0 || line[at] != '/')
		return;
	range.device = range.device << 32 | minor;
	path = line + at;
	if (perms[3] == 's' && strncmp(path, "/dev/zero", 9) == 0 && maps->nshared < MAX_SHARED)
		maps->shared[maps->nshared++] = range;
	if (offset != 0)
		return;
	name = strrchr(path, '/') + 1;
	if (strncmp(name, HK_LIBRARY_NAME, sizeof HK_LIBRARY_NAME - 1) == 0 && maps->nlibraries < MAX_LIBRARIES)
		maps->library[maps->nlibraries++] = range.start;
	else if (maps->program == 0 && strcmp(path, exe) == 0)
		maps->program = range.start;
}

static int read_maps(pid_t pid, const char *exe, struct maps *ret)
{
	char path[64], *line = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *file;

	memset(ret, 0, sizeof *ret);
	snprintf(path, sizeof path, "/proc/%d/maps", (int) pid);
	file = fopen(path, "re");
	if (file == NULL)
		return -errno;
	while ((n = getline(&line, &room, file)) > 0) {
		line[n - 1] = '\0';
		note_mapping(ret, line, exe);
	}
	n = ferror(file) ? -EACCES : 0; /* the kernel refuses at the first read, too */
	free(line);
	fclose(file);
	return (int) n;
}

static int find_in_program(pid_t pid, const struct maps *maps, const char *name, uint64_t *ret_addr)
{
	int r = hk_elf_find_dynamic(pid, maps->program, name, ret_addr);
	char path[64];

	if (r != -ENOENT && r != -ENOEXEC)
		return r;
	snprintf(path, sizeof path, "/proc/%d/exe", (int) pid);
	return hk_elf_find_static(path, maps->program, name, ret_addr);
}

/* The value of the exported pointer: of the library, else of a program that links it in. */
static int find_block(pid_t pid, const struct maps *maps, uint64_t *ret_block)
{
	uint64_t addr;
	int r = -ENOENT;

	*ret_block = 0;
	for (unsigned i = 0; i < maps->nlibraries && *ret_block == 0; i++) {
		r = hk_elf_find_dynamic(pid, maps->library[i], BLOCK_SYMBOL, &addr);
		if (r == 0)
			r = hk_remote_read(pid, addr, ret_block, sizeof *ret_block);
		if (r == -EPERM || r == -ESRCH)
			return r;
	}
	/* A program is worth the look only if it has a mapping that could be the block. */
	if (*ret_block != 0 || maps->program == 0 || maps->nshared == 0)
		return r;
	r = find_in_program(pid, maps, BLOCK_SYMBOL, &addr);
	return r < 0 ? r : hk_remote_read(pid, addr, ret_block, sizeof *ret_block);
}

int hk_scan_symbol(pid_t pid, const char *name, uint64_t *ret_addr)
{
	char link[PATH_MAX] = "", exe[64];
	struct maps *maps = malloc(sizeof *maps);
	int r;

	if (maps == NULL)
		return -ENOMEM;
	read_exe(pid, link, sizeof link, exe, sizeof exe);
	r = read_maps(pid, link, maps);
	r = r < 0 ? r : -ENOENT;
	for (unsigned i = 0; i < maps->nlibraries && r == -ENOENT; i++)
		r = hk_elf_find_dynamic(pid, maps->library[i], name, ret_addr);
	if (r == -ENOENT && maps->program != 0)
		r = find_in_program(pid, maps, name, ret_addr);
	free(maps);
	return r;
}

static void copy_text(char *to, size_t size, const char *from, size_t from_size)
{
	snprintf(to, size, "%.*s", (int) strnlen(from, from_size), from);
}

/* Everything before the pulse: identity, sizes, version. */
static enum hk_seen_state read_head(struct hk_seen *seen)
{
	struct hk_block *head = malloc(sizeof *head);
	enum hk_seen_state state = HK_SEEN_FOREIGN;

	if (head == NULL)
		return HK_SEEN_NO_BLOCK;
	if (hk_remote_read(seen->pid, seen->block, head, offsetof(struct hk_block, pid)) == 0 &&
	    head->magic == HK_BLOCK_MAGIC) {
		seen->layout = head->layout;
		copy_text(seen->version, sizeof seen->version, head->version, sizeof head->version);
	}
	if (seen->layout == HK_BLOCK_LAYOUT && head->size >= sizeof *head &&
	    hk_remote_read(seen->pid, seen->block, head, offsetof(struct hk_block, pulse)) == 0 &&
	    hk_remote_read(seen->pid, seen->block + offsetof(struct hk_block, socket), head->socket,
	                   sizeof head->socket) == 0) {
		seen->first_pid = (pid_t) head->pid;
		seen->first_start = head->start_time;
		copy_text(seen->program, sizeof seen->program, head->identity.program, sizeof head->identity.program);
		copy_text(seen->block_unit, sizeof seen->block_unit, head->identity.unit, sizeof head->identity.unit);
		copy_text(seen->conf, sizeof seen->conf, head->identity.conf, sizeof head->identity.conf);
		copy_text(seen->socket, sizeof seen->socket, head->socket, sizeof head->socket);
		state = HK_SEEN_BLOCK;
	}
	free(head);
	return state;
}

void hk_scan_process(pid_t pid, struct hk_seen *ret)
{
	char link[PATH_MAX] = "", name[64];
	struct maps *maps;
	struct stat root;
	int r;

	memset(ret, 0, sizeof *ret);
	ret->pid = pid;
	if ((maps = malloc(sizeof *maps)) == NULL)
		return;
	read_exe(pid, link, sizeof link, name, sizeof name);
	r = read_maps(pid, link, maps);
	/* Most processes are none of ours, and hakmemd looks at all: no more of them than that. */
	if ((r == 0 && maps->nlibraries == 0 && (maps->program == 0 || maps->nshared == 0)) ||
	    hk_scan_identity(pid, ret) < 0) {
		free(maps);
		return;
	}
	if (r == -EACCES || r == -EPERM)
		ret->state = HK_SEEN_HIDDEN;
	if (r == 0) {
		r = find_block(pid, maps, &ret->block);
		if (ret->block != 0)
			ret->state = read_head(ret);
		else if (r == -EPERM && maps->nlibraries > 0)
			ret->state = HK_SEEN_REFUSED;
		else if (maps->nlibraries > 0 && r != -ESRCH)
			ret->state = HK_SEEN_NO_BLOCK;
	}
	for (unsigned i = 0; ret->block != 0 && i < maps->nshared; i++)
		if (ret->block >= maps->shared[i].start && ret->block < maps->shared[i].end) {
			ret->inode = maps->shared[i].inode;
			ret->device = maps->shared[i].device;
		}
	free(maps);
	snprintf(link, sizeof link, "/proc/%d/root/.", (int) pid);
	if (ret->block != 0 && stat(link, &root) == 0) {
		ret->root_inode = root.st_ino;
		ret->root_device = root.st_dev;
	}
}
