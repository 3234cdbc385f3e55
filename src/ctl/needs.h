/* SPDX-License-Identifier: MIT
 *
 * What a service needs for the library to be loaded and its socket to be bound: which lines for its drop-in,
 * and which line of which file stands in the way. Used by enable, and by doctor for a unit.
 */
#ifndef HK_CTL_NEEDS_H
#define HK_CTL_NEEDS_H

#include "config/config.h"
#include "ctl/finding.h"
#include "ctl/unit.h"

#include <sys/types.h>

struct hk_needs {
	/* Asked for. */
	const char *library;     /* what LD_PRELOAD is to name */
	const char *control_dir; /* where the socket would be */
	bool control;            /* control = on, as files, unit and settings have it */
	bool no_socket;          /* the operator wants no lines for it */
	const char *dropin;      /* our own file, which may be in force already */
	/* Found. */
	char *preload;               /* all of LD_PRELOAD, the unit's own behind ours */
	char *lines[8], *reasons[8]; /* lines besides the variables, and why */
	unsigned nlines;
	bool elsewhere; /* its environment comes from another file, which is named: a drop-in has no effect */
	uid_t user;     /* who it runs as; HK_RUNNER_ANYBODY if that is not known */
};

/* All of it: findings to *all, problems among them where it cannot work. */
void hk_needs_find(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all);
/* With control = on: the system call for which the unit's filter would end it, or NULL. */
const char *hk_needs_deadly_call(const struct hk_unit *unit);
/* The line that lets the control thread live. */
#define HK_FILTER_REMEDY "SystemCallFilter=@network-io @io-event @file-system @basic-io @process"

/* ---- launch.c: program and environment ---- */
void hk_needs_launch(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all);
/* What the unit's processes will find configured: files (conf: another one than /etc/hakmem.ini, or ""), the
   unit's own variables, and settings of the form "HAKMEM_KEY=value". */
void hk_unit_configuration(const struct hk_unit *unit, const char *conf, char *const *settings, unsigned n,
                           struct hk_config *ret);

/* ---- library.c: where the library is, and who can load it ---- */

/* The library that run and enable preload: HAKMEM_LIB, else near hakmemctl, else where it was configured to
   be. False (having said why, if say) if there is none, or none that LD_PRELOAD can name. */
bool hk_library_find(char *ret, size_t size, bool say);
/* Can that user read it? uid HK_RUNNER_ANYBODY: everybody. A sentence about what is closed in *ret_why if
 * not. */
bool hk_library_readable(const char *path, uid_t uid, char **ret_why);
/* Is it on a file system from which nothing is executed? */
bool hk_library_noexec(const char *path);

#endif
