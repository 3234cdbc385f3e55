/* SPDX-License-Identifier: MIT
 *
 * reload = auto. The files are looked at by stat(2), not inotify: that sees renames, swapped links and
 * mounts alike, and costs some microseconds a second. A change is acted upon when two looks in a row agree,
 * so that a file being written is left alone. Runs in the control thread only.
 */
#include "control/door.h"

#include "control/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef HK_SYSCONFDIR
#define HK_SYSCONFDIR "/etc"
#endif

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

static uint64_t signature(const struct hk_files *files)
{
	const char *conf = hk_self.founder.identity.conf;
	uint64_t sum = 0xcbf29ce484222325U;

	if (conf[0] != '\0') {
		sum = look_at(sum, conf);
	} else {
		sum = look_at(sum, HK_SYSCONFDIR "/hakmem.ini");
		sum = look_at(sum, HK_SYSCONFDIR "/hakmem.d");
	}
	for (unsigned i = 0; i < files->n; i++)
		sum = look_at(sum, files->path[i]);
	return sum | 1;
}

void hk_watch_mark(struct hk_door *door)
{
	door->watch.known = door->watch.seen = signature(&door->watch.files);
}

void hk_watch_look(struct hk_door *door)
{
	struct hk_watch *watch = &door->watch;
	uint64_t now;

	if (hk_block_read(door->block, &door->values) != 0)
		return;
	watch->on = hk_config_num(&door->values.config, HK_KEY_RELOAD) == HK_RELOAD_AUTO;
	if (!watch->on)
		return;
	now = signature(&watch->files);
	if (now != watch->known && now == watch->seen) {
		(void) hk_clients_run(door, (uint32_t) geteuid(), hk_self.founder.pid, "reload");
		hk_watch_mark(door); /* also when it was refused: once is enough */
		return;
	}
	watch->seen = now;
}
