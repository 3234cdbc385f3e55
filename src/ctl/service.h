/* SPDX-License-Identifier: MIT
 *
 * Services: what hakmemctl acts on. One is all processes that share one control block, or the
 * owner of a control socket; found by both doors and named by a TARGET.
 */
#ifndef HK_CTL_SERVICE_H
#define HK_CTL_SERVICE_H

#include "ctl/scan.h"

struct hk_service {
	struct hk_seen seen; /* the process that stands for it */
	pid_t *pids;         /* all its processes that were seen, among them seen.pid */
	unsigned npids;
	char socket[HK_PATH_MAX]; /* door 1, or "" */
};

struct hk_services {
	struct hk_service *at;
	unsigned n;
	unsigned hidden; /* processes that this user may not look at */
	bool everybody;  /* no TARGET chose among them */
	unsigned stuck;  /* processes that did not let themselves be looked at in time */
};

/* All services of the host, or (only > 0) those that process is part of, and besides these the owner of every socket, which
   hk_services_select takes out. control_dir is where sockets are, besides $XDG_RUNTIME_DIR/hakmem; those of the dead are
   removed. Main thread: runs the default loop, for timeout_ms at most (with only > 0 maybe twice). What was not seen is
   counted: hidden, stuck. */
void hk_services_find(const char *control_dir, pid_t only, unsigned timeout_ms, struct hk_services *ret);
void hk_services_drop(struct hk_services *services);
/* One step of it: what was seen of one process. */
void hk_services_add_seen(struct hk_services *services, const struct hk_seen *seen);
/* Append one. Pointers to those before end where it has to grow. */
struct hk_service *hk_services_add(struct hk_services *services, const struct hk_seen *seen);
/* Keep only what TARGET (pid, program, unit, socket path; globs) names. */
void hk_services_select(struct hk_services *services, const char *target);
/* Is the process one of those that were seen of the service? */
bool hk_service_has(const struct hk_service *service, pid_t pid);
/* The same, but if it was not seen, have a look whether it shares the service's block. True where nothing is known
   of the service but its socket, whose path the operator gave. */
bool hk_service_owns(const struct hk_service *service, pid_t pid);
/* Name for people: program, else comm. */
const char *hk_service_name(const struct hk_service *service);
const char *hk_service_unit(const struct hk_service *service);
/* The same fit for people and JSON, in one of output.h's buffers; "" if it has none. */
const char *hk_service_unit_safe(const struct hk_service *service);

/* sockets.c: PID.STARTTIME.sock files of dir, those of the dead removed, appended to *services
   (merged with the service whose block they belong to). */
void hk_sockets_find(const char *dir, struct hk_services *services);
/* One socket by its path, whatever its name. 0 or −errno. */
int hk_sockets_add(const char *path, struct hk_services *services);

#endif
