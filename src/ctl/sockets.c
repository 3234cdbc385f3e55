/* SPDX-License-Identifier: MIT
 *
 * Door 1's files: which sockets there are, whose they are, and the removal of those whose process
 * is gone (SIGKILL leaves them behind).
 */
#include "ctl/service.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connect without waiting. 0 with the server's pid, or −errno. */
static int probe(const char *path, pid_t *ret_pid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t size = sizeof peer;
	int fd, r = 0;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *) &address, sizeof address) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		r = -errno;
	close(fd);
	*ret_pid = peer.pid;
	return r;
}

/* What a block says of its first process does not count here: any process can write there. */
static void attach(struct hk_services *services, pid_t pid, const char *path)
{
	struct hk_service *service = NULL;
	struct hk_seen seen;

	for (unsigned i = 0; i < services->n; i++) {
		if (hk_service_has(&services->at[i], pid))
			service = &services->at[i];
	}
	if (service == NULL && hk_scan_identity(pid, &seen) < 0)
		return;
	if (service == NULL)
		service = hk_services_add(services, &seen);
	snprintf(service->socket, sizeof service->socket, "%s", path);
}

/* Is there a socket of this name where the process is, by the kernel's list? Asking it would cost it one of its connections. */
static bool is_bound(const char *path, pid_t pid)
{
	const char *name = strrchr(path, '/');
	char list[64], line[HK_PATH_MAX + 128];
	bool bound = false;
	FILE *file;

	snprintf(list, sizeof list, "/proc/%d/net/unix", (int) pid);
	file = fopen(list, "re");
	if (file == NULL || name == NULL)
		bound = true; /* not known */
	while (!bound && fgets(line, sizeof line, file) != NULL)
		bound = strstr(line, name) != NULL;
	if (file != NULL)
		fclose(file);
	return bound;
}

/* The process has executed another program since, without the library: nobody listens, and nobody ever will. */
static bool is_left_behind(const char *path, pid_t pid, const struct hk_services *services)
{
	struct hk_seen seen;

	for (unsigned i = 0; i < services->n; i++)
		if (hk_service_has(&services->at[i], pid))
			return false;
	if (is_bound(path, pid))
		return false;
	hk_scan_process(pid, &seen);
	return seen.state == HK_SEEN_NOTHING;
}

/* A socket file that claims to be pid's, started at start. */
static void consider(const char *path, pid_t pid, uint64_t start, struct hk_services *services)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	if (hk_scan_start_time(pid) == start && is_left_behind(path, pid, services)) {
		unlink(path);
		return;
	}
	if (hk_scan_start_time(pid) != start) {
		r = probe(path, &pid); /* served from another pid namespace? */
		if (r == -ECONNREFUSED)
			unlink(path);
		if (r < 0 || pid <= 0)
			return;
	}
	attach(services, pid, path);
}

void hk_sockets_find(const char *dir, struct hk_services *services)
{
	DIR *handle = opendir(dir);
	struct dirent *entry;
	char path[HK_PATH_MAX];

	while (handle != NULL && (entry = readdir(handle)) != NULL) {
		unsigned pid;
		uint64_t start;
		int end = 0;
		if (sscanf(entry->d_name, "%u.%" SCNu64 ".sock%n", &pid, &start, &end) != 2 || end == 0 ||
		    entry->d_name[end] != '\0')
			continue;
		if (snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) < (int) sizeof path)
			consider(path, (pid_t) pid, start, services);
	}
	if (handle != NULL)
		closedir(handle);
}

int hk_sockets_add(const char *path, struct hk_services *services)
{
	struct hk_seen seen;
	pid_t pid;
	int r = probe(path, &pid);

	if (r < 0 && r != -EAGAIN)
		return r;
	if (r < 0 || hk_scan_identity(pid, &seen) < 0) {
		memset(&seen, 0, sizeof seen);
		seen.pid = r < 0 ? 0 : pid;
	}
	snprintf(hk_services_add(services, &seen)->socket, HK_PATH_MAX, "%s", path);
	return 0;
}
