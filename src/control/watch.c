/* SPDX-License-Identifier: MIT
 *
 * reload = auto. The files are looked at by stat(2), not inotify: that sees renames, swapped links and
 * mounts alike, and costs some microseconds a second. A change is acted upon when looks agree for a moment, so that a
 * file being written is left alone; for longer where a file that was read is missing, because there are
 * editors and config managers that delete before they write. Runs in the control thread only.
 */
#include "control/door.h"

#include "base/sys.h"
#include "control/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef HK_SYSCONFDIR
#define HK_SYSCONFDIR "/etc"
#endif
#define DROP_INS HK_SYSCONFDIR "/hakmem.d"

#define HK_QUIET_NS 80000000U   /* less than the step between two looks */
#define HK_GONE_NS 2000000000U

static uint64_t mix(uint64_t sum, uint64_t x)
{
	sum = (sum ^ x) * 0x100000001b3U;
	return sum ^ (sum >> 29);
}

/* What a path leads to now, links followed. */
static uint64_t look_at(uint64_t sum, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return mix(sum, 1);
	sum = mix(sum, (uint64_t) st.st_dev);
	sum = mix(sum, (uint64_t) st.st_ino);
	sum = mix(sum, (uint64_t) st.st_size);
	sum = mix(sum, (uint64_t) st.st_mode);
	sum = mix(sum, (uint64_t) st.st_mtim.tv_sec * 1000000000U + (uint64_t) st.st_mtim.tv_nsec);
	return mix(sum, (uint64_t) st.st_ctim.tv_sec * 1000000000U + (uint64_t) st.st_ctim.tv_nsec);
}

/* Drop-ins one by one: more than are kept by name, and links whose targets come and go. The sum does not depend on
   the order in which the kernel lists them. */
static uint64_t look_into(uint64_t sum)
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		unsigned short length;
		unsigned char type;
		char name[];
	};
	char buf[2048] HK_ALIGNED(8), path[sizeof(DROP_INS) + 256];
	int dir = open(DROP_INS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t all = 0;
	long n;

	while (dir >= 0 && (n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *) (const void *) (buf + at);
			size_t length = strlen(e->name);

			at += e->length;
			if (e->name[0] == '.' || length <= 4 || strcmp(e->name + length - 4, ".ini") != 0)
				continue;
			(void) snprintf(path, sizeof(path), DROP_INS "/%s", e->name);
			all += look_at(mix(1, e->inode), path);
		}
	}
	if (dir >= 0)
		(void) close(dir);
	return mix(sum, all);
}

static uint64_t signature(const struct hk_files *files)
{
	const char *conf = hk_self.founder.identity.conf;
	uint64_t sum = 0xcbf29ce484222325U;

	if (conf[0] != '\0') {
		sum = look_at(sum, conf);
	} else {
		sum = look_at(sum, HK_SYSCONFDIR "/hakmem.ini");
		sum = look_into(look_at(sum, DROP_INS));
	}
	for (unsigned i = 0; i < files->n; i++)
		sum = look_at(sum, files->path[i]);
	return sum | 1;
}

static bool is_missing(const struct hk_files *files)
{
	for (unsigned i = 0; i < files->n; i++)
		if (access(files->path[i], F_OK) != 0)
			return true;
	return false;
}

void hk_watch_before(struct hk_door *door)
{
	door->watch.before = signature(&door->watch.files);
	door->watch.old_files = door->watch.files;
}

void hk_watch_after(struct hk_door *door)
{
	struct hk_watch *watch = &door->watch;

	/* What has changed while it was read is not known: the next look finds it. */
	watch->known = signature(&watch->old_files) == watch->before ? signature(&watch->files) : watch->before;
	watch->seen = watch->known;
	watch->settling = false;
}

void hk_watch_start(struct hk_door *door)
{
	door->watch.known = door->watch.seen = signature(&door->watch.files);
}

/* Has what is seen now been so for long enough? */
static bool is_settled(struct hk_watch *watch, uint64_t now)
{
	uint64_t time = hk_sys_precise_ns();

	watch->settling = now != watch->known;
	if (now != watch->seen) {
		watch->seen = now;
		watch->since_ns = time;
	}
	return watch->settling && time - watch->since_ns >= (is_missing(&watch->files) ? HK_GONE_NS : HK_QUIET_NS);
}

void hk_watch_look(struct hk_door *door)
{
	const struct hk_peer self = {.uid = (uint32_t) geteuid(), .pid = hk_self.founder.pid, .may_change = true};
	struct hk_watch *watch = &door->watch;
	uint64_t now, known = watch->known;
	int r;

	if (hk_block_read(door->block, &door->values) != 0)
		return;
	watch->on = hk_config_num(&door->values.config, HK_KEY_RELOAD) == HK_RELOAD_AUTO;
	if (!watch->on)
		return;
	now = signature(&watch->files);
	if (!is_settled(watch, now))
		return;
	r = hk_clients_run(door, &self, "reload");
	if (r == -EINVAL)
		watch->known = watch->seen = now; /* refused: once is enough */
	else if (r != 0)
		watch->known = known; /* no memory, or others were faster: once more at the next look */
	watch->settling = false;
}
