/* SPDX-License-Identifier: MIT
 *
 * The listening socket: where it is, who may connect. The file's mode is the first check (set before
 * bind, so that there is no moment at which it is wider), the peer's credentials are the second. Uses only
 * calls that do not allocate; never touches the program's umask.
 */
#include "control/door.h"

#include "base/sys.h"
#include "control/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HK_BACKLOG 64
#define HK_OVERFLOW_UID 65534U
#define HK_PEER_GROUPS 256

/* ---- the group ---- */

/* "name:x:gid:members": the gid if the line is about this name. */
static bool match_group(const char *line, const char *name, gid_t *ret)
{
	size_t n = strlen(name);
	const char *p = line + n;

	if (strncmp(line, name, n) != 0 || *p != ':')
		return false;
	p = strchr(p + 1, ':');
	if (p == NULL || p[1] < '0' || p[1] > '9')
		return false;
	*ret = (gid_t) strtoul(p + 1, NULL, 10);
	return true;
}

/* Of a line only its head matters, so members may run to any length. */
struct head {
	char text[256];
	size_t used;
};

static bool feed(struct head *head, char c, const char *name, gid_t *ret)
{
	if (c != '\n') {
		if (head->used < sizeof(head->text) - 1)
			head->text[head->used++] = c;
		return false;
	}
	head->text[head->used] = '\0';
	head->used = 0;
	return match_group(head->text, name, ret);
}

/* getgrnam(3) would allocate and may load modules: /etc/group has to do. A number stands for itself. */
static int find_group(const char *name, gid_t *ret)
{
	int fd, r = -ENOENT;
	struct head head = {.used = 0};
	char buf[1024], *end;
	ssize_t n = 1;

	*ret = (gid_t) strtoul(name, &end, 10);
	if (*end == '\0' && end != name)
		return 0;
	fd = open("/etc/group", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	while (r != 0 && n > 0) {
		n = read(fd, buf, sizeof(buf));
		for (ssize_t i = 0; r != 0 && i < n; i++)
			r = feed(&head, buf[i], name, ret) ? 0 : r;
	}
	if (r != 0 && feed(&head, '\n', name, ret)) /* a last line without its end */
		r = 0;
	(void) close(fd);
	return r;
}

/* ---- binding ---- */

static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *) address, sizeof(*address)) != 0 && errno == ECONNREFUSED;
	(void) close(fd);
	return refused;
}

static int bind_listen(int fd, const struct sockaddr_un *address)
{
	const struct sockaddr *any = (const struct sockaddr *) address;
	int r;

	if (fchmod(fd, 0600) != 0)
		return -errno;
	r = bind(fd, any, sizeof(*address));
	/* Our pid and start time: left by somebody of that name who is dead. */
	if (r != 0 && errno == EADDRINUSE && is_stale(address) && unlink(address->sun_path) == 0)
		r = bind(fd, any, sizeof(*address));
	if (r != 0)
		return -errno;
	if (listen(fd, HK_BACKLOG) == 0)
		return 0;
	r = -errno;
	(void) unlink(address->sun_path);
	return r;
}

static int look_up(struct hk_admitted *group)
{
	int r = group->name[0] == '\0' ? 0 : find_group(group->name, &group->gid);

	group->found = group->name[0] != '\0' && r == 0;
	return r;
}

/* A bound socket opens to a group only after it belongs to it. A file has one group: with two of them everybody
   may connect, and the peer's credentials decide. */
static int open_to(const char *path, const struct hk_admitted *group, bool both)
{
	if (chmod(path, both ? 0666 : 0600) != 0) /* a umask may have taken more */
		return -errno;
	if (group->found && !both && (lchown(path, (uid_t) -1, group->gid) != 0 || chmod(path, 0660) != 0))
		return -errno;
	return 0;
}

/* A group that cannot be admitted costs only itself: the owner and root get in. */
static void admit_groups(struct hk_door *door, const char *path)
{
	int r = look_up(&door->group), r2 = look_up(&door->readers);
	const struct hk_admitted *group = door->group.found ? &door->group : &door->readers;
	bool both = door->group.found && door->readers.found && door->group.gid != door->readers.gid;
	int file = open_to(path, group, both);

	atomic_store_explicit(&door->block->group_error[0], door->group.found ? -file : -r, memory_order_relaxed);
	atomic_store_explicit(&door->block->group_error[1], door->readers.found ? -file : -r2, memory_order_relaxed);
}

static int open_in(struct hk_door *door, const char *dir)
{
	const struct hk_founder *founder = &hk_self.founder;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r, fd, n = snprintf(door->socket, sizeof(door->socket), "%s/%u.%llu.sock", dir, (unsigned) founder->pid,
	                        (unsigned long long) founder->start_time);

	if (n >= (int) sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, door->socket, (size_t) n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = bind_listen(fd, &address);
	if (r != 0) {
		(void) close(fd);
		return r;
	}
	door->listener = fd;
	admit_groups(door, address.sun_path);
	return 0;
}

/* /run is empty after boot and tmpfiles may not be there: root makes the directory itself. */
static bool make_shared(const char *dir)
{
	int fd;
	bool ok;

	if (geteuid() != 0 || mkdir(dir, 0700) != 0)
		return false;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ok = fd >= 0 && fchmod(fd, 01777) == 0;
	if (fd >= 0)
		(void) close(fd);
	return ok;
}

static int open_fallback(struct hk_door *door)
{
	char dir[HK_PATH_MAX + 16];

	(void) snprintf(dir, sizeof(dir), "%s/hakmem", door->runtime_dir);
	(void) mkdir(dir, 0700);
	return open_in(door, dir);
}

int hk_socket_open(struct hk_door *door)
{
	char map[64];
	int r;

	door->foreign_uids = hk_sys_read_file("/proc/self/uid_map", map, sizeof(map)) > 0 &&
	                     strstr(map, "4294967295") == NULL;
	r = open_in(door, door->dir);
	if (r == -ENOENT && door->listener < 0 && make_shared(door->dir))
		r = open_in(door, door->dir);
	if (door->listener < 0 && door->runtime_dir[0] == '/' && open_fallback(door) == 0)
		r = 0;
	else if (door->listener < 0) /* name the place that was asked for */
		(void) snprintf(door->socket, sizeof(door->socket), "%s", door->dir);
	memcpy(door->block->socket, door->socket, sizeof(door->block->socket));
	return r;
}

/* ---- the peer ---- */

static bool in_group(const struct hk_admitted *group, bool foreign, int fd, gid_t primary)
{
	gid_t groups[HK_PEER_GROUPS];
	socklen_t size = sizeof(groups);

	/* What a user namespace does not know reads as 65534, whoever it is. */
	if (!group->found || (foreign && group->gid == HK_OVERFLOW_UID))
		return false;
	if (primary == group->gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++)
		if (groups[i] == group->gid)
			return true;
	return false;
}

/* Seen across a user namespace everybody is 65534, the service's own user perhaps, too: then the file's mode has
   decided, unless it lets in whoever may only look. */
static bool may_change(const struct hk_door *door, uid_t uid)
{
	if (door->foreign_uids && uid == HK_OVERFLOW_UID)
		return !door->readers.found;
	return uid == 0 || uid == geteuid() || uid == hk_self.founder.uid;
}

bool hk_socket_permits(const struct hk_door *door, int fd, struct hk_peer *ret)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return false;
	ret->uid = peer.uid;
	ret->pid = (uint32_t) peer.pid;
	ret->may_change = may_change(door, peer.uid) || in_group(&door->group, door->foreign_uids, fd, peer.gid);
	return ret->may_change || in_group(&door->readers, door->foreign_uids, fd, peer.gid);
}
