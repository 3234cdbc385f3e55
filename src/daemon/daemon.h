/* SPDX-License-Identifier: MIT
 *
 * hakmemd, the host's daemon: what its parts know of each other. One thread, libuv's default loop; what
 * may block runs on libuv's worker threads. Callbacks only note what is to be done; it is done between two
 * turns of the loop (main.c), where requests to services may run the loop themselves.
 */
#ifndef HK_DAEMON_DAEMON_H
#define HK_DAEMON_DAEMON_H

#include "ctl/ask.h"
#include "ctl/prometheus.h"
#include "ctl/settings.h"

#define HK_DAEMON_TIMEOUT_MS 2000 /* for each service to answer */

/* The daemon's own configuration; main.c. */
struct hk_own {
	struct hk_identity identity; /* conf: its HAKMEM_CONF */
	struct hk_overlay env;
	char control_dir[HK_TEXT_MAX];
	struct hk_settings settings;
	uint64_t root_inode, root_device;
	bool stop, again; /* SIGTERM; SIGHUP */
};
extern struct hk_own hk_own;
/* Read them again, and listen where they now say. False if that fails. */
bool hk_own_read(void);

/* ---- log.c ---- */

enum hk_log_level { HK_LOG_ERROR = 3, HK_LOG_WARNING = 4, HK_LOG_INFO = 6 };
/* One line on standard error, for the journal with its level. */
void hk_log(enum hk_log_level level, const char *format, ...) HK_PRINTF(2, 3);
/* sd_notify(3), without libsystemd: "READY=1". Nothing where nobody listens. */
void hk_notify(const char *format, ...) HK_PRINTF(1, 2);
/* How often systemd wants to hear WATCHDOG=1, in ms; 0: never. */
unsigned hk_notify_watchdog_ms(void);

/* ---- processes.c: all processes of the host ---- */

void hk_processes_start(void);
/* Some process of interest has come, gone or changed since the last call. */
bool hk_processes_changed(void);
/* Those that run under hakmem, put together to services. */
void hk_processes_list(struct hk_services *ret);
/* This one did not answer: look at it anew. */
void hk_processes_doubt(pid_t pid);
/* Milliseconds since all were looked after. */
uint64_t hk_processes_age_ms(void);
/* Threads that are held in the kernel by a process that does not let itself be looked at. */
unsigned hk_processes_stuck(void);

/* ---- roster.c: the services, and what is remembered of each ---- */

struct hk_known {
	struct hk_known *next;
	uint64_t inode, device, start_time; /* who it is: its block, else pid and start */
	pid_t pid;
	unsigned rounds;      /* seen in so many */
	bool present, told;
	bool conf_known;
	char conf[HK_PATH_MAX]; /* its HAKMEM_CONF */
	char label[160];        /* "redis-server[123], redis.service" */
	struct hk_prom_memory memory;
};

void hk_roster_start(void);
/* Bring the list up to date if something has changed; to be called between requests only. */
void hk_roster_update(void);
const struct hk_services *hk_roster(void);
/* Of the i-th of them. */
struct hk_known *hk_roster_known(unsigned i);
/* Ask all for which pick (NULL: all) holds. Answers: one for each, *ret_which: its index in the roster. The two arrays
   are malloc'ed, and point into the roster. Returns their number. */
unsigned hk_roster_ask(const char *line, bool changes, bool (*pick)(unsigned i, const void *data), const void *data,
                       struct hk_answer **ret_answers, unsigned **ret_which);

/* ---- path.c ---- */

/* One name on the way to a file, links followed: an event about it may lead elsewhere. */
struct hk_step {
	char dir[HK_PATH_MAX], name[HK_PATH_MAX];
};
/* Append the steps to path. Returns their number, at most max. */
unsigned hk_path_steps(const char *path, struct hk_step *steps, unsigned n, unsigned max);

/* ---- watch.c: the files ---- */

void hk_watch_start(void);
/* The roster has changed: which files are used. */
void hk_watch_roster(void);
/* A set of files that has changed and come to rest, or NULL; each is returned once. Good until the next hk_watch_roster. */
const struct hk_set *hk_watch_changed(void);
struct hk_set {
	bool ours;              /* those that hakmemd itself goes by */
	char conf[HK_PATH_MAX]; /* HAKMEM_CONF, or "" */
	uint64_t root_inode, root_device;
};
/* Does the i-th service of the roster go by it? */
bool hk_watch_uses(const struct hk_set *set, unsigned i);
/* "/etc/hakmem.ini", or the one file. */
const char *hk_watch_name(const char *conf);

/* ---- reload.c ---- */

void hk_reload_set(const struct hk_set *set);
/* Its own part of what /metrics says. */
void hk_reload_metrics(FILE *to);
/* Validate our own files and log each mistake. True if there is none. */
bool hk_reload_check(void);

/* ---- metrics.c ---- */

/* Somebody waits for the text. */
void hk_metrics_wanted(void);
/* Collect it if it is wanted, and hand it to http.c. */
void hk_metrics_work(void);

/* ---- http.c ---- */

/* Listen where settings say, or no longer. False (having said why) if that fails; what was there then stays, unless the
   address could be had and the server itself does not start. */
bool hk_http_configure(const char *listen);
/* Where it listens, or "". */
const char *hk_http_listens(void);
/* The text of /metrics is there: answer those who wait. Takes it over (malloc'ed); NULL: it could not be made, and those
   who wait are told so. */
void hk_http_metrics(char *text, size_t size);
void hk_http_stop(void);

#endif
