/* SPDX-License-Identifier: MIT
 *
 * Finds services: every process is looked at on worker threads, those of one block become one
 * service, sockets are added. Main thread only.
 */
#include "ctl/service.h"
#include "config/name.h"
#include "ctl/output.h"
#include "ctl/pool.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *hk_service_name(const struct hk_service *service)
{
	if (service->seen.program[0] != '\0')
		return service->seen.program;
	return service->seen.exe[0] != '\0' ? service->seen.exe : service->seen.comm;
}

const char *hk_service_unit(const struct hk_service *service)
{
	return service->seen.block_unit[0] != '\0' ? service->seen.block_unit : service->seen.unit;
}

const char *hk_service_unit_safe(const struct hk_service *service)
{
	const char *unit = hk_service_unit(service);

	return unit[0] != '\0' ? hk_out_safe(unit) : unit;
}

static void *grow(void *array, size_t n, size_t size)
{
	void *p = (n & (n - 1)) == 0 ? realloc(array, (n == 0 ? 1 : 2 * n) * size) : array;

	if (p == NULL)
		hk_out_of_memory();
	return p;
}

static void add_pid(struct hk_service *service, pid_t pid)
{
	service->pids = grow(service->pids, service->npids, sizeof *service->pids);
	service->pids[service->npids++] = pid;
}

struct hk_service *hk_services_add(struct hk_services *services, const struct hk_seen *seen)
{
	struct hk_service *service;

	services->at = grow(services->at, services->n, sizeof *services->at);
	service = &services->at[services->n++];
	*service = (struct hk_service){.seen = *seen};
	add_pid(service, seen->pid);
	return service;
}

static bool same_block(const struct hk_seen *a, const struct hk_seen *b)
{
	if (a->state != HK_SEEN_BLOCK || b->state != HK_SEEN_BLOCK)
		return false;
	if (a->inode != 0 || b->inode != 0)
		return a->inode == b->inode && a->device == b->device;
	return a->first_pid == b->first_pid && a->first_start == b->first_start;
}

/* The first process of the tree, while it lives, else the oldest. */
static bool stands_before(const struct hk_seen *a, const struct hk_seen *b)
{
	bool a_first = a->pid == a->first_pid && a->start_time == a->first_start;
	bool b_first = b->pid == b->first_pid && b->start_time == b->first_start;

	if (a_first != b_first)
		return a_first;
	return a->start_time != b->start_time ? a->start_time < b->start_time : a->pid < b->pid;
}

void hk_services_add_seen(struct hk_services *services, const struct hk_seen *seen)
{
	if (seen->state == HK_SEEN_NOTHING)
		return;
	if (seen->state == HK_SEEN_HIDDEN) {
		services->hidden++;
		return;
	}
	for (unsigned i = 0; i < services->n; i++) {
		struct hk_service *service = &services->at[i];
		if (!same_block(&service->seen, seen))
			continue;
		add_pid(service, seen->pid);
		if (stands_before(seen, &service->seen))
			service->seen = *seen;
		return;
	}
	hk_services_add(services, seen);
}

static size_t list_pids(pid_t **ret)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t n = 0;

	*ret = NULL;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid_t pid = isdigit((unsigned char) entry->d_name[0]) ? (pid_t) atoi(entry->d_name) : 0;
		if (pid <= 0 || pid == getpid())
			continue;
		*ret = grow(*ret, n, sizeof **ret);
		(*ret)[n++] = pid;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

static void scan(void *job)
{
	struct hk_seen *seen = job;

	hk_scan_process(seen->pid, seen);
}

static void scan_all(const pid_t *pids, size_t n, unsigned timeout_ms, struct hk_services *services)
{
	void **jobs = calloc(n + 1, sizeof *jobs);
	bool *done = calloc(n + 1, sizeof *done);

	for (size_t i = 0; jobs != NULL && done != NULL && i < n; i++) {
		struct hk_seen *seen = jobs[i] = calloc(1, sizeof *seen);
		if (seen == NULL)
			return;
		seen->pid = pids[i];
	}
	if (jobs == NULL || done == NULL)
		return;
	hk_pool_run(scan, jobs, done, n, timeout_ms);
	for (size_t i = 0; i < n; i++) {
		if (done[i])
			hk_services_add_seen(services, jobs[i]);
		else
			services->stuck++;
		if (done[i])
			free(jobs[i]);
	}
	free(jobs);
	free(done);
}

bool hk_service_has(const struct hk_service *service, pid_t pid)
{
	for (unsigned i = 0; i < service->npids; i++)
		if (service->pids[i] == pid)
			return true;
	return false;
}

bool hk_service_owns(const struct hk_service *service, pid_t pid)
{
	struct hk_seen seen;

	if (service->seen.pid == 0 || hk_service_has(service, pid))
		return true;
	if (service->seen.state != HK_SEEN_BLOCK || pid <= 0)
		return false;
	/* Of one process that was named the others are not known, nor the first one behind a pid namespace. */
	hk_scan_process(pid, &seen);
	return same_block(&service->seen, &seen);
}

/* A socket elsewhere, named by the block: another control_dir, or a container's. Who serves it is looked at before
   it is asked anything: any process can write any name into its block. */
static void add_named_sockets(struct hk_services *services)
{
	char path[HK_PATH_MAX + 64];
	struct stat st;

	for (unsigned i = 0; i < services->n; i++) {
		struct hk_service *service = &services->at[i];
		if (service->socket[0] != '\0' || service->seen.socket[0] != '/')
			continue;
		snprintf(path, sizeof path, "/proc/%d/root%s", (int) service->seen.pid, service->seen.socket);
		if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && strlen(path) < sizeof service->socket)
			memcpy(service->socket, path, strlen(path) + 1);
	}
}

void hk_services_drop(struct hk_services *services)
{
	for (unsigned i = 0; i < services->n; i++)
		free(services->at[i].pids);
	free(services->at);
	memset(services, 0, sizeof *services);
}

void hk_services_find(const char *control_dir, pid_t only, unsigned timeout_ms, struct hk_services *ret)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[HK_PATH_MAX];
	pid_t *pids = &only;
	size_t n = 1;

	memset(ret, 0, sizeof *ret);
	if (only <= 0)
		n = list_pids(&pids);
	scan_all(pids, n, timeout_ms, ret);
	if (only > 0 && ret->n == 1 && ret->at[0].seen.first_pid > 0 && ret->at[0].seen.first_pid != only)
		scan_all(&ret->at[0].seen.first_pid, 1, timeout_ms, ret);
	hk_sockets_find(control_dir, ret);
	if (runtime != NULL && runtime[0] == '/') {
		snprintf(path, sizeof path, "%s/hakmem", runtime);
		if (strcmp(path, control_dir) != 0)
			hk_sockets_find(path, ret);
	}
	add_named_sockets(ret);
	if (pids != &only)
		free(pids);
}

static bool unit_matches(const char *unit, const char *target)
{
	char full[160];

	if (unit[0] == '\0')
		return false;
	snprintf(full, sizeof full, "%s.service", target);
	return hk_glob_match(target, unit) || hk_glob_match(full, unit);
}

static bool matches(const struct hk_service *service, const char *target)
{
	const struct hk_seen *seen = &service->seen;
	const char *names[] = {seen->program, seen->comm, seen->exe};

	if (strspn(target, "0123456789") == strlen(target))
		return hk_service_has(service, (pid_t) strtol(target, NULL, 10));
	if (target[0] == '/' || strchr(target, '/') != NULL)
		return strcmp(service->socket, target) == 0;
	for (size_t i = 0; i < HK_COUNT(names); i++)
		if (names[i][0] != '\0' && hk_glob_match(target, names[i]))
			return true;
	return unit_matches(seen->unit, target) || unit_matches(seen->block_unit, target);
}

void hk_services_select(struct hk_services *services, const char *target)
{
	unsigned n = 0;

	for (unsigned i = 0; i < services->n; i++)
		if (matches(&services->at[i], target))
			services->at[n++] = services->at[i];
	services->n = n;
}
