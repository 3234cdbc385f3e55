/* SPDX-License-Identifier: MIT
 *
 * doctor: what its parts share. A patient is one live process, read once; each part adds its findings.
 */
#ifndef HK_CTL_DOCTOR_H
#define HK_CTL_DOCTOR_H

#include "ctl/ctl.h"
#include "ctl/finding.h"
#include "ctl/program.h"

#define HK_PATIENT_OTHERS 4

struct hk_patient {
	struct hk_seen seen;
	char exe[PATH_MAX]; /* as /proc/PID/exe shows it */
	char root[32];      /* "/proc/PID/root" */
	char *status,
	        *preload;  /* /proc/PID/status; LD_PRELOAD of its start, NULL: not set or not to be seen */
	bool environ_gone; /* its environment is overwritten: variables cannot be seen */
	char tuning[256];  /* names of variables in it that tune other allocators */
	bool secure;       /* AT_SECURE */
	char library[PATH_MAX];                  /* as it is mapped, or "" */
	bool replaced;                           /* … which is not the file that is there now */
	char other[HK_PATIENT_OTHERS][PATH_MAX]; /* other allocators that are mapped */
	unsigned nothers;
	uint64_t mappings;
	struct hk_block *block; /* a copy of its head and values, or NULL */
	const struct hk_block_values *values;
};

/* ---- doctor_process.c ---- */

/* Read what is to be read, here and now: the kernel may make us wait for the process. 0, or −ESRCH. */
int hk_patient_read(pid_t pid, struct hk_patient *ret);
/* Was the library loaded, and if not why; whose malloc is it. */
void hk_doctor_loaded(const struct hk_patient *patient, struct hk_findings *all);
/* "Name:" of /proc/PID/status as a number, or −1. */
long long hk_patient_status(const struct hk_patient *patient, const char *name);

/* ---- doctor_live.c ---- */

/* Doors, sandbox, limits, memory: what does not work as it should in a process that has it. */
void hk_doctor_live(const struct hk_patient *patient, struct hk_findings *all);

/* ---- doctor_host.c ---- */
void hk_doctor_host(struct hk_ctl *ctl, struct hk_findings *all);
/* A number in a file of /proc or /sys; −1 if there is none. */
long long hk_doctor_number(const char *path);

#endif
