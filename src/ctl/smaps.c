/* SPDX-License-Identifier: MIT
 *
 * Reads /proc/PID/smaps. Runs on worker threads, no shared state. What a mapping is for is told by its
 * name, by that of the one before it (a file's data end in anonymous memory), and for stacks by the
 * threads' stack pointers or the guard page below.
 */
#include "ctl/smaps.h"
#include "ctl/scan.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GUARD_MAX 65536 /* bytes; longer ones are reserves of address space */

struct reading {
	struct hk_smaps *smaps;
	char exe[PATH_MAX];
	char before[PATH_MAX]; /* path of the mapping before, or "" */
	char file[PATH_MAX];   /* path of the file whose mappings these are */
	size_t file_first;     /* the first of them */
};

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_shared_memory(const char *path)
{
	return starts(path, "/dev/zero") || starts(path, "/dev/shm/") || starts(path, "/memfd:") ||
	       starts(path, "/SYSV") || starts(path, "[anon_shmem");
}

static enum hk_region_kind kind_of_file(const struct reading *reading, const char *path, bool code)
{
	const char *name = strrchr(path, '/') + 1;

	if (is_shared_memory(path))
		return HK_REGION_SHARED;
	if (strcmp(path, reading->exe) == 0)
		return HK_REGION_PROGRAM;
	return code || strstr(name, ".so") != NULL ? HK_REGION_LIBRARY : HK_REGION_FILE;
}

/* A file that holds code somewhere is a library, its parts that were seen before too. */
static void note_file(struct reading *reading, const char *path, bool code)
{
	struct hk_smaps *smaps = reading->smaps;

	if (strcmp(path, reading->file) != 0) {
		snprintf(reading->file, sizeof reading->file, "%s", path);
		reading->file_first = smaps->n - 1;
	}
	for (size_t i = reading->file_first; code && i < smaps->n; i++)
		if (smaps->at[i].kind == HK_REGION_FILE)
			smaps->at[i].kind = HK_REGION_LIBRARY;
}

static enum hk_region_kind kind_of(struct reading *reading, const struct hk_region *region, const char *path,
                                   bool code)
{
	const struct hk_smaps *smaps = reading->smaps;
	const struct hk_region *before = smaps->n > 1 ? region - 1 : NULL;

	if (path[0] == '/' || is_shared_memory(path))
		return path[0] == '/' ? kind_of_file(reading, path, code) : HK_REGION_SHARED;
	if (starts(path, "[heap]"))
		return HK_REGION_BRK;
	if (starts(path, "[stack"))
		return HK_REGION_STACK;
	if (starts(path, "[v"))
		return HK_REGION_LIBRARY;
	if (path[0] != '\0' || before == NULL || before->end != region->start)
		return HK_REGION_OTHER;
	/* The end of a file's data, where it is longer than the file. */
	if (reading->before[0] == '/' &&
	    (before->kind == HK_REGION_PROGRAM || before->kind == HK_REGION_LIBRARY))
		return strstr(reading->before, "/" HK_LIBRARY_NAME) != NULL ? HK_REGION_OURS : before->kind;
	return before->guard && before->anonymous ? HK_REGION_STACK : HK_REGION_OTHER;
}

static int start_region(struct reading *reading, const char *line)
{
	struct hk_smaps *smaps = reading->smaps;
	struct hk_region *region;
	const char *path;
	char perms[8];
	int at = 0;

	if (smaps->n == smaps->room) {
		size_t room = smaps->room == 0 ? 256 : 2 * smaps->room;
		region = realloc(smaps->at, room * sizeof *region);
		if (region == NULL)
			return -ENOMEM;
		smaps->at = region;
		smaps->room = room;
	}
	region = &smaps->at[smaps->n++];
	*region = (struct hk_region){.start = 0};
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*x %*x:%*x %*u %n", &region->start, &region->end,
	           perms, &at) < 3 ||
	    at == 0)
		return -EBADMSG;
	path = line + at;
	region->anonymous = path[0] != '/';
	region->guard = perms[0] == '-' && perms[1] == '-' && region->end - region->start <= GUARD_MAX;
	region->kind = kind_of(reading, region, path, perms[2] == 'x');
	if (path[0] == '/')
		note_file(reading, path, perms[2] == 'x');
	snprintf(reading->before, sizeof reading->before, "%s", path);
	return 0;
}

/* "Rss:      12 kB" of the mapping that was begun last. */
static void note_figure(struct hk_region *region, const char *line)
{
	static const struct {
		const char *name;
		size_t offset;
	} figures[] = {
	        {"Rss:", offsetof(struct hk_region, rss)},
	        {"Pss:", offsetof(struct hk_region, pss)},
	        {"Private_Clean:", offsetof(struct hk_region, private_bytes)},
	        {"Private_Dirty:", offsetof(struct hk_region, private_bytes)},
	        {"LazyFree:", offsetof(struct hk_region, lazy_free)},
	        {"AnonHugePages:", offsetof(struct hk_region, huge)},
	        {"Swap:", offsetof(struct hk_region, swap)},
	};

	for (size_t i = 0; i < HK_COUNT(figures); i++)
		if (starts(line, figures[i].name)) {
			uint64_t *field = (uint64_t *) (void *) ((char *) region + figures[i].offset);
			*field += strtoull(line + strlen(figures[i].name), NULL, 10) * 1024;
		}
}

static int read_lines(struct reading *reading, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = getline(&line, &room, file)) > 0) {
		line[n - 1] = '\0';
		/* Names of figures have capitals, addresses have none. */
		if (line[0] >= 'A' && line[0] <= 'Z') {
			if (reading->smaps->n > 0)
				note_figure(&reading->smaps->at[reading->smaps->n - 1], line);
		} else {
			r = start_region(reading, line);
		}
	}
	if (r == 0 && ferror(file))
		r = errno != 0 ? -errno : -EACCES;
	free(line);
	return r;
}

static struct hk_region *find(const struct hk_smaps *smaps, uint64_t addr)
{
	size_t low = 0, high = smaps->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (smaps->at[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < smaps->n && smaps->at[low].start <= addr ? &smaps->at[low] : NULL;
}

/* Threads that wait in the kernel show their stack pointer: what else lies there is their stack. */
static void find_stacks(pid_t pid, const struct hk_smaps *smaps)
{
	char path[96], text[256];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int) pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct hk_region *region;
		uint64_t sp = 0;
		FILE *file;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/syscall", (int) pid, entry->d_name);
		file = entry->d_name[0] != '.' ? fopen(path, "re") : NULL;
		if (file == NULL)
			continue;
		if (fgets(text, sizeof text, file) != NULL && text[0] != 'r') {
			/* … SP PC */
			char *last = strrchr(text, ' ');
			if (last != NULL)
				*last = '\0';
			last = strrchr(text, ' ');
			sp = last != NULL ? strtoull(last, NULL, 16) : 0;
		}
		fclose(file);
		region = sp != 0 ? find(smaps, sp) : NULL;
		if (region != NULL && region->kind == HK_REGION_OTHER)
			region->kind = HK_REGION_STACK;
	}
	if (dir != NULL)
		closedir(dir);
}

int hk_smaps_read(pid_t pid, struct hk_smaps *ret)
{
	struct reading *reading = calloc(1, sizeof *reading);
	char path[64];
	FILE *file = NULL;
	int r = -ENOMEM;

	*ret = (struct hk_smaps){.at = NULL};
	if (reading == NULL)
		return r;
	reading->smaps = ret;
	snprintf(path, sizeof path, "/proc/%d/exe", (int) pid);
	if (readlink(path, reading->exe, sizeof reading->exe - 1) < 0)
		reading->exe[0] = '\0';
	snprintf(path, sizeof path, "/proc/%d/smaps", (int) pid);
	file = fopen(path, "re");
	r = file != NULL ? 0 : -errno;
	if (file != NULL) {
		errno = 0;
		r = read_lines(reading, file);
		fclose(file);
	}
	if (r == 0)
		find_stacks(pid, ret);
	else
		hk_smaps_free(ret);
	free(reading);
	return r;
}

void hk_smaps_free(struct hk_smaps *smaps)
{
	free(smaps->at);
	*smaps = (struct hk_smaps){.at = NULL};
}
