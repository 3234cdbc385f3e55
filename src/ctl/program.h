/* SPDX-License-Identifier: MIT
 *
 * What a program's file tells of whether a preload can reach it: what kind of file it is, who its loader is,
 * and whose malloc it calls.
 */
#ifndef HK_CTL_PROGRAM_H
#define HK_CTL_PROGRAM_H

#include "ctl/finding.h"

#include <limits.h>
#include <sys/stat.h>

struct hk_program {
	char path[PATH_MAX];           /* the ELF file: of a script, its interpreter */
	char script[PATH_MAX];         /* the script, or "" */
	int error;                     /* errno of what kept it from being read, or 0 */
	bool elf, bits64, interpreted; /* interpreted: it has a loader (PT_INTERP) */
	uint16_t machine;
	char loader[128];
	struct stat st;
	bool file_caps;
	char allocator[64];  /* a needed library that is one, or "" */
	char sanitizer[64];  /* a needed library that is the run-time of one, or "" */
	char own_malloc[32]; /* "malloc", if it exports that itself */
	char other[32];      /* "je_malloc", "tc_malloc", …: one linked in under another name */
	bool hakmem;         /* the library is linked into it */
	bool go;
};

/* Look at a file. root: what the path is below ("" for this host, "/proc/PID/root"). */
void hk_program_read(const char *root, const char *path, struct hk_program *ret);
/* Find a name in PATH; false if it is not there. */
bool hk_program_find(const char *name, char *ret, size_t size);
/* The findings about it. runner: who will start it; HK_RUNNER_LIVE: it runs, and shows AT_SECURE itself. */
#define HK_RUNNER_ANYBODY ((uid_t) -2)
#define HK_RUNNER_LIVE ((uid_t) -1)
void hk_program_judge(const struct hk_program *program, uid_t runner, struct hk_findings *all);
/* Is the path of a library that of an allocator (libjemalloc.so.2)? */
bool hk_program_allocator(const char *path);

#endif
