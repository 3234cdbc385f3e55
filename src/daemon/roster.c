/* SPDX-License-Identifier: MIT
 *
 * The list of services: processes that were seen, and sockets of the control folder. It is rebuilt when one of
 * them has changed; what is remembered of a service stays with it, by its control block. Sockets elsewhere are
 * not used: a stranger's block names them, and a path of his could lead where connecting never ends; door 2
 * serves there.
 */
#include "daemon/daemon.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#define TICK_MS 1000
#define SOON_MS 50    /* after an event in the folder of sockets */
#define TOLD_AFTER 3  /* rounds that a service must live to be logged: shells come and go */
#define ASK_EVERY 30  /* rounds between attempts to learn a configuration file */

static struct hk_services services;
static struct hk_known *known, **at; /* at: of each service */
static bool due;
static uv_timer_t timer, soon;
static struct {
	uv_fs_event_t event;
	bool on;
	uint64_t inode, device;
} folder;

/* ---- the folder of sockets ---- */

static void on_soon(uv_timer_t *handle)
{
	(void) handle;
	due = true;
}

static void on_socket(uv_fs_event_t *handle, const char *name, int events, int status)
{
	(void) handle, (void) name, (void) events, (void) status;
	if (!uv_is_active((uv_handle_t *) &soon))
		uv_timer_start(&soon, on_soon, SOON_MS, 0);
}

/* The folder may be made later, or made anew. */
static void watch_folder(void)
{
	struct stat st;
	bool there = stat(hk_own.control_dir, &st) == 0;

	if (folder.on && there && st.st_ino == folder.inode && st.st_dev == folder.device)
		return;
	if (folder.on)
		uv_fs_event_stop(&folder.event);
	folder.on = there && uv_fs_event_start(&folder.event, on_socket, hk_own.control_dir, 0) == 0;
	folder.inode = there ? st.st_ino : 0;
	folder.device = there ? st.st_dev : 0;
	due = true;
}

static void tick(uv_timer_t *handle)
{
	(void) handle;
	watch_folder();
	due = true;
}

void hk_roster_start(void)
{
	uv_timer_init(uv_default_loop(), &timer);
	uv_timer_init(uv_default_loop(), &soon);
	uv_fs_event_init(uv_default_loop(), &folder.event);
	uv_timer_start(&timer, tick, 0, TICK_MS);
}

/* ---- who is who ---- */

static bool same(const struct hk_known *k, const struct hk_seen *seen)
{
	if (seen->inode != 0 && k->inode != 0)
		return k->inode == seen->inode && k->device == seen->device;
	return k->pid == seen->pid && k->start_time == seen->start_time;
}

static struct hk_known *know(const struct hk_service *service)
{
	const struct hk_seen *seen = &service->seen;
	const char *unit = hk_service_unit_safe(service);
	struct hk_known *k = known;

	while (k != NULL && (k->present || !same(k, seen)))
		k = k->next;
	if (k == NULL) {
		k = calloc(1, sizeof *k);
		if (k == NULL)
			return NULL;
		k->next = known;
		known = k;
	}
	k->inode = seen->inode;
	k->device = seen->device;
	k->pid = seen->pid;
	k->start_time = seen->start_time;
	k->present = true;
	k->rounds++;
	snprintf(k->label, sizeof k->label, "%s[%d]%s%s", hk_out_safe(hk_service_name(service)), (int) seen->pid,
	         unit[0] != '\0' ? ", " : "", unit);
	if (seen->state == HK_SEEN_BLOCK) {
		memcpy(k->conf, seen->conf, sizeof k->conf);
		k->conf_known = true;
	}
	return k;
}

static void tell(struct hk_known *k, const struct hk_service *service)
{
	const struct hk_seen *seen = &service->seen;

	if (k->told || k->rounds < TOLD_AFTER)
		return;
	k->told = true;
	if (service->socket[0] != '\0')
		hk_log(HK_LOG_INFO, "%s: is there, with socket %s", k->label, hk_out_safe(service->socket));
	else if (seen->state == HK_SEEN_BLOCK)
		hk_log(HK_LOG_INFO, "%s: is there, through its memory", k->label);
	else if (seen->state == HK_SEEN_FOREIGN && seen->layout != 0)
		hk_log(HK_LOG_WARNING, "%s: runs hakmem %s, layout %u, and hakmemd knows layout %u: restart the service",
		       k->label, hk_out_safe(seen->version), seen->layout, HK_BLOCK_LAYOUT);
	else
		hk_log(HK_LOG_WARNING, "%s: is there, but cannot be asked: %s", k->label,
		       seen->state == HK_SEEN_REFUSED ? "the kernel refuses access to its memory" : "it has no control block");
}

static void forget_gone(void)
{
	struct hk_known **link = &known;

	while (*link != NULL) {
		struct hk_known *k = *link;
		if (k->present) {
			link = &k->next;
			continue;
		}
		if (k->told)
			hk_log(HK_LOG_INFO, "%s: has ended", k->label);
		*link = k->next;
		free(k);
	}
}

/* ---- the list ---- */

static void rebuild(void)
{
	struct hk_services next = {.n = 0};
	unsigned n = 0;

	hk_processes_list(&next);
	hk_sockets_find(hk_own.control_dir, &next);
	for (struct hk_known *k = known; k != NULL; k = k->next)
		k->present = false;
	free(at);
	at = calloc(next.n + 1, sizeof(*at));
	for (unsigned i = 0; at != NULL && i < next.n; i++) {
		at[n] = know(&next.at[i]);
		if (at[n] == NULL) {
			free(next.at[i].pids);
			continue;
		}
		tell(at[n], &next.at[i]);
		next.at[n++] = next.at[i];
	}
	next.n = n;
	hk_services_drop(&services);
	services = next;
	forget_gone();
}

static bool of_unknown_conf(unsigned i, const void *data)
{
	(void) data;
	return !at[i]->conf_known && services.at[i].socket[0] != '\0' && at[i]->rounds % ASK_EVERY == 1;
}

/* Where only the socket is open: the service itself says which file it goes by. */
static void learn_confs(void)
{
	struct hk_answer *answers;
	unsigned *which, n = hk_roster_ask("status", false, of_unknown_conf, NULL, &answers, &which);

	for (unsigned i = 0; i < n; i++) {
		struct hk_known *k = at[which[i]];
		const char *conf = json_string_value(json_object_get(answers[i].reply, "conf"));
		if (answers[i].error[0] != '\0' || conf == NULL || strlen(conf) >= sizeof k->conf)
			continue;
		strcpy(k->conf, conf);
		k->conf_known = true;
	}
	hk_answers_drop(answers, n);
	free(answers);
	free(which);
}

void hk_roster_update(void)
{
	if (!due && !hk_processes_changed())
		return;
	due = false;
	rebuild();
	learn_confs();
	hk_watch_roster();
}

const struct hk_services *hk_roster(void)
{
	return &services;
}

struct hk_known *hk_roster_known(unsigned i)
{
	return at[i];
}

unsigned hk_roster_ask(const char *line, bool changes, bool (*pick)(unsigned i, const void *data), const void *data,
                       struct hk_answer **ret_answers, unsigned **ret_which)
{
	struct hk_ask ask = {.line = line, .changes = changes, .timeout_ms = HK_DAEMON_TIMEOUT_MS};
	struct hk_service *list = calloc(services.n + 1, sizeof *list);
	struct hk_services picked = {.at = list};

	*ret_answers = calloc(services.n + 1, sizeof **ret_answers);
	*ret_which = calloc(services.n + 1, sizeof **ret_which);
	for (unsigned i = 0; list != NULL && *ret_answers != NULL && *ret_which != NULL && i < services.n; i++)
		if (pick == NULL || pick(i, data)) {
			(*ret_which)[picked.n] = i;
			list[picked.n++] = services.at[i];
		}
	hk_ask(&ask, &picked, *ret_answers);
	for (unsigned i = 0; i < picked.n; i++) {
		(*ret_answers)[i].service = &services.at[(*ret_which)[i]];
		if ((*ret_answers)[i].error[0] != '\0')
			hk_processes_doubt(services.at[(*ret_which)[i]].seen.pid);
	}
	free(list);
	return picked.n;
}
