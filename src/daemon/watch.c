/* SPDX-License-Identifier: MIT
 *
 * Which files have changed. What a set of files looks like is a signature made by stat(2) on a worker thread, and a
 * change counts when it has come to rest: two looks agree, and a file that is gone stays gone for longer, because
 * editors and config managers delete before they write. For our own files events of the folders on the way (path.c)
 * say when to look; each also is looked at from time to time, for what no event tells (network file systems, mounts).
 */
#include "daemon/daemon.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#define QUIET_MS 100  /* between an event and the look, and between two looks that must agree */
#define GONE_MS 2000  /* so long a file must be missing to count as removed */
#define POLL_MS 2000  /* for what no event tells */
#define FOLDERS 64
#define STEPS 256
#define DROP_INS HK_SYSCONFDIR "/hakmem.d"

struct set {
	struct hk_set set; /* first: what others see */
	struct set *next;
	char root[64]; /* where its files are seen from here: "" or "/proc/PID/root" */
	uint64_t known, seen; /* signatures: as dealt with; as last seen */
	uint64_t since_ms;    /* seen has been so since then */
	bool missing, looking, used, changed;
};

struct look {
	uv_work_t work;
	struct set *set;
	char root[64], conf[HK_PATH_MAX];
	uint64_t signature;
	bool missing;
};

static struct set *sets;
static uv_timer_t poll_timer, look_timer;
struct folder {
	uv_fs_event_t event;
	char path[HK_PATH_MAX];
};
static struct folder *folders[FOLDERS];
static unsigned nfolders, nsteps;
static struct hk_step steps[STEPS];

const char *hk_watch_name(const char *conf)
{
	return conf[0] != '\0' ? conf : HK_SYSCONFDIR "/hakmem.ini";
}

/* ---- signatures, on a worker thread ---- */

static uint64_t mix(uint64_t sum, uint64_t x)
{
	sum = (sum ^ x) * 0x100000001b3U;
	return sum ^ (sum >> 29);
}

static bool add_file(uint64_t *sum, const char *root, const char *path)
{
	char whole[HK_PATH_MAX + 320];
	struct stat st;

	snprintf(whole, sizeof whole, "%s%s", root, path);
	if (stat(whole, &st) != 0) {
		*sum = mix(*sum, 1);
		return false;
	}
	*sum = mix(mix(mix(*sum, st.st_dev), st.st_ino), (uint64_t) st.st_size);
	*sum = mix(mix(*sum, st.st_mode), (uint64_t) st.st_mtim.tv_sec * 1000000000U + (uint64_t) st.st_mtim.tv_nsec);
	*sum = mix(*sum, (uint64_t) st.st_ctim.tv_sec * 1000000000U + (uint64_t) st.st_ctim.tv_nsec);
	return true;
}

/* The sum over all drop-ins does not depend on their order. */
static uint64_t drop_ins(const char *root)
{
	char path[HK_PATH_MAX + 64];
	struct dirent *entry;
	uint64_t total = 0;
	DIR *dir;

	snprintf(path, sizeof path, "%s" DROP_INS, root);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		size_t n = strlen(entry->d_name);
		uint64_t sum = 0xcbf29ce484222325U;
		if (entry->d_name[0] == '.' || n <= 4 || strcmp(entry->d_name + n - 4, ".ini") != 0)
			continue;
		for (size_t i = 0; i < n; i++)
			sum = mix(sum, (unsigned char) entry->d_name[i]);
		snprintf(path, sizeof path, DROP_INS "/%s", entry->d_name);
		(void) add_file(&sum, root, path);
		total += sum;
	}
	if (dir != NULL)
		closedir(dir);
	return total;
}

static void work(uv_work_t *request)
{
	struct look *look = request->data;
	uint64_t sum = 0xcbf29ce484222325U;

	look->missing = !add_file(&sum, look->root, hk_watch_name(look->conf));
	if (look->conf[0] == '\0')
		sum = mix(sum, drop_ins(look->root));
	look->signature = sum | 1;
}

/* ---- what a look has found ---- */

static void on_quiet(uv_timer_t *handle);

static void judge(struct set *set, const struct look *look)
{
	uint64_t now = uv_now(uv_default_loop());

	if (set->known == 0) {
		set->known = set->seen = look->signature;
		set->missing = look->missing;
		return;
	}
	if (look->signature != set->seen) {
		set->seen = look->signature;
		set->since_ms = now;
	}
	if (set->seen == set->known) {
		set->missing = look->missing;
		return;
	}
	if (now - set->since_ms >= (look->missing && !set->missing ? GONE_MS : QUIET_MS)) {
		set->known = set->seen;
		set->missing = look->missing;
		set->changed = true;
	} else if (set->set.ours) {
		uv_timer_start(&look_timer, on_quiet, QUIET_MS, 0);
	}
}

static void after(uv_work_t *request, int status)
{
	struct look *look = request->data;
	struct set *set = look->set;

	(void) status;
	set->looking = false;
	judge(set, look);
	free(look);
}

static void look_at(struct set *set)
{
	struct look *look = set->looking ? NULL : calloc(1, sizeof *look);

	if (look == NULL)
		return;
	look->work.data = look;
	look->set = set;
	strcpy(look->root, set->root);
	strcpy(look->conf, set->set.conf);
	set->looking = uv_queue_work(uv_default_loop(), &look->work, work, after) == 0;
	if (!set->looking)
		free(look);
}

/* ---- events ---- */

static void closed(uv_handle_t *handle)
{
	free(handle->data);
}

static bool is_ours(const char *dir, const char *name)
{
	if (name == NULL || strcmp(dir, DROP_INS) == 0 || strcmp(strrchr(dir, '/') + 1, name) == 0)
		return true;
	for (unsigned i = 0; i < nsteps; i++)
		if (strcmp(steps[i].dir, dir) == 0 && strcmp(steps[i].name, name) == 0)
			return true;
	return false;
}

static void on_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
	const struct folder *folder = handle->data;

	(void) events, (void) status;
	if (is_ours(folder->path, name))
		uv_timer_start(&look_timer, on_quiet, QUIET_MS, 0);
}

static void watch_folder(const char *path)
{
	for (unsigned i = 0; i < nfolders; i++)
		if (strcmp(folders[i]->path, path) == 0)
			return;
	if (nfolders == FOLDERS || (folders[nfolders] = calloc(1, sizeof(struct folder))) == NULL)
		return;
	strcpy(folders[nfolders]->path, path);
	uv_fs_event_init(uv_default_loop(), &folders[nfolders]->event);
	folders[nfolders]->event.data = folders[nfolders];
	if (uv_fs_event_start(&folders[nfolders]->event, on_event, path, 0) == 0)
		nfolders++;
	else
		uv_close((uv_handle_t *) &folders[nfolders]->event, closed);
}

static void add_drop_ins(void)
{
	DIR *dir = opendir(DROP_INS);
	struct dirent *entry;
	char path[HK_PATH_MAX + 256];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, DROP_INS "/%s", entry->d_name);
		nsteps = hk_path_steps(path, steps, nsteps, STEPS);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Anew after each event: a folder may have been replaced, a link may lead elsewhere. */
static void arm(void)
{
	for (unsigned i = 0; i < nfolders; i++)
		uv_close((uv_handle_t *) &folders[i]->event, closed);
	nfolders = 0;
	nsteps = hk_path_steps(hk_watch_name(hk_own.identity.conf), steps, 0, STEPS);
	if (hk_own.identity.conf[0] == '\0') {
		nsteps = hk_path_steps(DROP_INS "/x.ini", steps, nsteps, STEPS);
		add_drop_ins();
	}
	for (unsigned i = 0; i < nsteps; i++)
		watch_folder(steps[i].dir);
}

static void on_quiet(uv_timer_t *handle)
{
	(void) handle;
	arm();
	look_at(sets); /* the first one is ours */
}

static void on_poll(uv_timer_t *handle)
{
	(void) handle;
	for (struct set *set = sets; set != NULL; set = set->next)
		look_at(set);
}

/* ---- the sets ---- */

static struct set *add_set(const char *conf, uint64_t root_inode, uint64_t root_device)
{
	struct set *set = calloc(1, sizeof *set), **at = &sets;

	if (set == NULL)
		return NULL;
	snprintf(set->set.conf, sizeof set->set.conf, "%s", conf);
	set->set.root_inode = root_inode;
	set->set.root_device = root_device;
	while (*at != NULL)
		at = &(*at)->next;
	*at = set;
	return set;
}

void hk_watch_start(void)
{
	struct set *own = add_set(hk_own.identity.conf, hk_own.root_inode, hk_own.root_device);

	uv_timer_init(uv_default_loop(), &look_timer);
	uv_timer_init(uv_default_loop(), &poll_timer);
	uv_timer_start(&look_timer, on_quiet, 0, 0);
	uv_timer_start(&poll_timer, on_poll, POLL_MS, POLL_MS);
	if (own == NULL)
		return;
	own->set.ours = true;
}

bool hk_watch_uses(const struct hk_set *set, unsigned i)
{
	const struct hk_seen *seen = &hk_roster()->at[i].seen;
	bool elsewhere = seen->root_inode != 0 &&
	                 (seen->root_inode != set->root_inode || seen->root_device != set->root_device);

	return hk_roster_known(i)->conf_known && !elsewhere && strcmp(hk_roster_known(i)->conf, set->conf) == 0;
}

/* Of our own set every service that shares it is a user; another set is seen through one that uses it. */
static void find_set(unsigned i)
{
	const struct hk_seen *seen = &hk_roster()->at[i].seen;
	struct set *set = sets;

	while (set != NULL && !hk_watch_uses(&set->set, i))
		set = set->next;
	if (set == NULL && seen->root_inode != 0)
		set = add_set(hk_roster_known(i)->conf, seen->root_inode, seen->root_device);
	if (set == NULL || set->set.ours || seen->root_inode == 0) /* whose root is not known may have another one */
		return;
	set->used = true;
	snprintf(set->root, sizeof set->root, "/proc/%d/root", (int) seen->pid);
	if (set->known == 0)
		look_at(set);
}

void hk_watch_roster(void)
{
	for (struct set *set = sets; set != NULL; set = set->next)
		set->used = set->set.ours;
	for (unsigned i = 0; i < hk_roster()->n; i++)
		if (hk_roster_known(i)->conf_known)
			find_set(i);
	for (struct set **at = &sets; *at != NULL;) {
		struct set *set = *at;
		if (set->used || set->looking) {
			at = &set->next;
			continue;
		}
		*at = set->next;
		free(set);
	}
}

const struct hk_set *hk_watch_changed(void)
{
	for (struct set *set = sets; set != NULL; set = set->next)
		if (set->changed) {
			set->changed = false;
			return &set->set;
		}
	return NULL;
}
