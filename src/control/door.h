/* SPDX-License-Identifier: MIT
 *
 * Door 1: what the control thread works with. One private mapping, made before the thread and used by it
 * alone; its descriptors live in a table that only the thread has. Pages of clients that never came stay
 * untouched.
 */
#ifndef HK_CONTROL_DOOR_H
#define HK_CONTROL_DOOR_H

#include "control/block.h"

#include <sys/types.h>

#define HK_CLIENTS 16

/* Who asks, as the kernel says. */
struct hk_peer {
	uint32_t uid, pid;
	bool may_change; /* else only verbs that read */
};

struct hk_client {
	int fd;            /* 0: free (0 is /dev/null in the thread's table) */
	bool closing;      /* once out is sent */
	bool more;         /* whole requests may wait in `in` */
	struct hk_peer peer;
	uint64_t last_ns;  /* when it last got a request through */
	size_t used, out_used, out_sent;
	char in[HK_LINE_MAX];
	char out[HK_REPLY_MAX + 1]; /* the part of a reply that the socket would not take at once */
};

/* reload = auto: what the files looked like. */
struct hk_watch {
	bool on;
	bool settling;        /* what is seen is not what is known: look again soon */
	uint64_t known, seen; /* signatures: as loaded; as last looked at */
	uint64_t since_ns;    /* seen has been so since then */
	uint64_t before;      /* of old_files, before they were read again */
	struct hk_files files, old_files; /* read last */
};

/* What clients may cost the service. Every request is charged the CPU time it took; in debt, nobody is served. */
struct hk_purse {
	int64_t left_ns;
	uint64_t at_ns, cpu_ns; /* last filled at; the thread's CPU time when last charged */
};

struct hk_door {
	struct hk_block *block;
	_Atomic uint32_t ready;           /* bound, or failed */
	char runtime_dir[HK_PATH_MAX];    /* $XDG_RUNTIME_DIR, or "" */
	char dir[HK_TEXT_MAX];
	char socket[HK_PATH_MAX];         /* bound path, or the one that failed; the block has a copy */
	int listener, leader, stat;       /* stat: /proc/self/stat, kept open for a later chroot */
	bool foreign_uids;                /* in a user namespace: uids from outside read as 65534 */
	struct hk_admitted {
		char name[HK_TEXT_MAX];
		bool found;
		gid_t gid;
	} group, readers;                 /* control_group, control_read_group */
	struct hk_watch watch;
	struct hk_block_values values;    /* working copy */
	char reply[HK_REPLY_MAX + 1];
	struct hk_purse purse;
	unsigned first;                   /* whose turn it is to be served first */
	struct hk_client client[HK_CLIENTS];
};

/* socket.c: listen. 0 or −errno, both noted in the block with the path. */
int hk_socket_open(struct hk_door *door);
/* May the peer of this connection talk to us? */
bool hk_socket_permits(const struct hk_door *door, int fd, struct hk_peer *ret);

/* client.c */
struct pollfd;
unsigned hk_clients_poll(struct hk_door *door, struct pollfd *ret, struct hk_client **ret_clients);
void hk_clients_accept(struct hk_door *door);
/* Serve those n, as poll told of them. */
void hk_clients_serve(struct hk_door *door, const struct pollfd *fds, struct hk_client **clients, unsigned n);
void hk_clients_expire(struct hk_door *door);
/* What the thread has done up to now was not for clients. */
void hk_clients_pardon(struct hk_door *door);
/* In ms: after so long clients are to be looked after again; 0: at once; −1: when they want something. */
int hk_clients_due(struct hk_door *door);
/* Clients have had their share for now: neither poll nor accept them. */
bool hk_clients_resting(const struct hk_door *door);
/* Run a request of the thread's own; the reply is in door->reply. */
int hk_clients_run(struct hk_door *door, const struct hk_peer *peer, const char *line);

/* watch.c: look at the files; reload when they have changed and come to rest. */
void hk_watch_look(struct hk_door *door);
void hk_watch_start(struct hk_door *door);
/* Around each reading of the files: what they look like is then known. */
void hk_watch_before(struct hk_door *door);
void hk_watch_after(struct hk_door *door);

#endif
