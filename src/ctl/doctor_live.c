/* SPDX-License-Identifier: MIT
 *
 * doctor on a process that has the library: why there is no socket, what its sandbox and its limits take
 * away.
 */
#include "base/sys.h"
#include "ctl/doctor.h"
#include "ctl/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEAR 0.8 /* of a limit: worth saying */

static uint64_t key(const struct hk_patient *p, enum hk_key_id id)
{
	return p->values->config.values.num[id];
}

/* ---- the socket ---- */

static const char *remedy_of(int error)
{
	switch (error) {
	case EROFS:
		return "the unit needs ReadWritePaths= for that folder: hakmemctl enable UNIT writes it; "
		       "then restart";
	case EAFNOSUPPORT:
		return "the unit's RestrictAddressFamilies= needs AF_UNIX: hakmemctl enable UNIT writes it; "
		       "then restart";
	case ENOENT:
		return "systemd-tmpfiles --create makes the folder (mode 1777); then restart the service";
	case EACCES:
		return "the folder must be open to the service's user (mode 1777); then restart the service";
	case EAGAIN:
		return "LimitNPROC= or TasksMax= leaves no room for a thread: raise it, then restart";
	case EPERM:
		return "the unit's SystemCallFilter= forbids it: hakmemctl takes the other way, through "
		       "/proc";
	case ENAMETOOLONG:
		return "control_dir must be shorter: a socket's path has 107 bytes at most";
	default:
		return "set control = off if it is not needed: hakmemctl takes the other way, through /proc";
	}
}

static void judge_socket(const struct hk_patient *p, struct hk_findings *all)
{
	uint32_t state = atomic_load_explicit(&p->block->thread_state, memory_order_relaxed);
	int error = atomic_load_explicit(&p->block->thread_error, memory_order_relaxed);
	const char *why = strerrordesc_np(error) != NULL ? strerrordesc_np(error) : "unknown error";

	if (p->values == NULL) {
		hk_found(all, HK_NOTE, "block", "its values are being changed this moment, or were left half written");
		hk_remedy(all, "repeat in a moment; hakmemctl reload writes them anew");
	} else if (key(p, HK_KEY_CONTROL) == 0) {
		hk_found(all, HK_FINE, "socket",
		         "control = off: there is none; hakmemctl goes through /proc");
	} else if (state == HK_THREAD_RUNNING && error == 0) {
		hk_found(all, HK_FINE, "socket", "%s", p->block->socket);
		if (hk_patient_status(p, "Threads") == 2)
			hk_found(all, HK_NOTE, "socket",
			         "the program has no other thread than ours: if it makes user namespaces "
			         "(unshare, setns), ours ends");
	} else if (state == HK_THREAD_RUNNING || state == HK_THREAD_FAILED) {
		hk_found(all, HK_PROBLEM, "socket", "control = on, but %s %s: %s",
		         state == HK_THREAD_FAILED ? "no thread" : "no socket at",
		         state == HK_THREAD_FAILED ? "could be started" : p->block->socket, why);
		hk_remedy(all, "%s", remedy_of(error));
	} else if (state == HK_THREAD_GONE) {
		hk_found(all, HK_NOTE, "socket",
		         "the process that had it has ended (it went into the background), or its main thread has, or it "
		         "called unshare(2) or setns(2): hakmemctl goes through /proc");
		hk_remedy(all, "start it in the foreground to keep the socket");
	} else {
		hk_found(all, HK_NOTE, "socket",
		         "control = on, but this is not the main process of its unit, or its start was a "
		         "secure one: "
		         "no socket; hakmemctl goes through /proc");
	}
}

/* ---- sandbox and namespaces ---- */

static bool same_namespace(pid_t pid, const char *kind)
{
	char path[64], mine[64] = "", its[64] = "";

	snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
	if (readlink(path, mine, sizeof mine - 1) < 0)
		return true;
	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int) pid, kind);
	return readlink(path, its, sizeof its - 1) < 0 || strcmp(mine, its) == 0;
}

static void judge_sandbox(const struct hk_patient *p, struct hk_findings *all)
{
	if (hk_patient_status(p, "Seccomp") == 2)
		hk_found(all, HK_FINE, "sandbox",
		         "a filter of system calls is in force: without process_madvise memory goes back "
		         "block by "
		         "block, without socket or close_range there is no socket");
	if (!same_namespace(p->seen.pid, "user"))
		hk_found(all, HK_FINE, "sandbox",
		         "it has a user namespace of its own: its files are read with the rights that it has "
		         "there");
	if (!same_namespace(p->seen.pid, "mnt"))
		hk_found(all, HK_FINE, "sandbox",
		         "it sees other mounts than this shell: its hakmem.ini is the one below %s", p->root);
}

/* ---- limits ---- */

/* The soft limit of that line of /proc/PID/limits; UINT64_MAX: none. */
static uint64_t limit_of(pid_t pid, const char *name)
{
	char path[64], text[4096], *line;

	snprintf(path, sizeof path, "/proc/%d/limits", (int) pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0 || (line = strstr(text, name)) == NULL)
		return UINT64_MAX;
	line += strlen(name);
	line += strspn(line, " ");
	return *line >= '0' && *line <= '9' ? strtoull(line, NULL, 10) : UINT64_MAX;
}

static void judge_limit(const struct hk_patient *p, const char *name, const char *used_name,
                        const char *unit_key, struct hk_findings *all)
{
	uint64_t limit = limit_of(p->seen.pid, name);
	long long used = hk_patient_status(p, used_name) > 0 ? hk_patient_status(p, used_name) * 1024 : 0;

	if (limit == UINT64_MAX)
		return;
	if ((double) used > NEAR * (double) limit) {
		hk_found(all, HK_PROBLEM, "limits", "%s is limited to %s, and %s is used: malloc will fail",
		         name + 4, hk_out_bytes(limit), hk_out_bytes((uint64_t) used));
		hk_remedy(all,
		          "raise it (ulimit, %s=); to bound memory use hard_limit, or MemoryMax= of the unit",
		          unit_key);
	} else {
		hk_found(all, HK_NOTE, "limits",
		         "%s is limited to %s (%s used): what hakmem reserves counts, touched or not",
		         name + 4, hk_out_bytes(limit), hk_out_bytes((uint64_t) used));
	}
}

static void judge_limits(const struct hk_patient *p, struct hk_findings *all)
{
	long long most = hk_doctor_number("/proc/sys/vm/max_map_count");

	if (most > 0 && (double) p->mappings > NEAR * (double) most) {
		hk_found(all, HK_PROBLEM, "limits", "it has %" PRIu64 " mappings of at most %lld",
		         p->mappings, most);
		hk_remedy(all, "sysctl vm.max_map_count=%lld", most * 4);
	} else if (most > 0) {
		hk_found(all, HK_FINE, "limits", "%" PRIu64 " mappings of at most %lld", p->mappings, most);
	}
	judge_limit(p, "Max address space", "VmSize", "LimitAS", all);
	judge_limit(p, "Max data size", "VmData", "LimitDATA", all);
	if (hk_patient_status(p, "VmLck") > 0)
		hk_found(all, HK_NOTE, "limits",
		         "%s of it is locked (mlock): it goes back only where the program frees it",
		         hk_out_bytes((uint64_t) hk_patient_status(p, "VmLck") * 1024));
}

/* ---- memory ---- */

/* The tightest limit of the memory groups above the process; UINT64_MAX: none. */
static uint64_t group_limit(pid_t pid)
{
	char path[64], text[4096], file[PATH_MAX + 128], *save = NULL;
	uint64_t least = UINT64_MAX;

	snprintf(path, sizeof path, "/proc/%d/cgroup", (int) pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0)
		return least;
	for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *group = strchr(line, ':'), *at = group != NULL ? strchr(group + 1, ':') : NULL;
		const bool unified = group != NULL && group[1] == ':';
		if (at == NULL || (!unified && strncmp(group + 1, "memory", 6) != 0))
			continue;
		for (at++;; *strrchr(at, '/') = '\0') {
			long long limit;
			snprintf(file, sizeof file, "/sys/fs/cgroup%s%s/%s", unified ? "" : "/memory", at,
			         unified ? "memory.max" : "memory.limit_in_bytes");
			limit = hk_doctor_number(file);
			if (limit > 0 && limit < (1LL << 50) && (uint64_t) limit < least)
				least = (uint64_t) limit;
			if (strrchr(at, '/') == NULL)
				break;
		}
	}
	return least;
}

static void judge_group(const struct hk_patient *p, struct hk_findings *all)
{
	static const struct {
		enum hk_key_id key;
		const char *name;
	} limits[] = {{HK_KEY_HARD_LIMIT, "hard_limit"}, {HK_KEY_SOFT_LIMIT, "soft_limit"}};
	uint64_t limit = group_limit(p->seen.pid);

	if (limit == UINT64_MAX)
		return;
	hk_found(all, HK_FINE, "memory",
	         "its memory group may take %s; free memory goes back before that is reached",
	         hk_out_bytes(limit));
	for (size_t i = 0; p->values != NULL && i < HK_COUNT(limits); i++)
		if (key(p, limits[i].key) >= limit) {
			hk_found(all, HK_NOTE, "memory",
			         "%s = %s is above the %s of its memory group: the kernel ends it before",
			         limits[i].name, hk_out_bytes(key(p, limits[i].key)), hk_out_bytes(limit));
			hk_remedy(all, "set %s below the group's limit", limits[i].name);
		}
	if (p->values != NULL && key(p, HK_KEY_FREE_POLICY) == HK_FREE_KEEP) {
		hk_found(all, HK_NOTE, "memory",
		         "free_policy = keep under a limit: nothing goes back before the kernel ends it");
		hk_remedy(all, "free_policy = adaptive");
	}
}

static void judge_memory(const struct hk_patient *p, struct hk_findings *all)
{
	const bool wanted = p->values != NULL && key(p, HK_KEY_THP) != HK_THP_OFF;
	char text[128] = "";

	judge_group(p, all);
	if (!wanted)
		return;
	if (hk_patient_status(p, "THP_enabled") == 0) {
		hk_found(all, HK_NOTE, "memory",
		         "huge pages are switched off for it (PR_SET_THP_DISABLE): thp has no effect");
		hk_remedy(all, "thp = off says the same; else start it without that");
	} else if (hk_sys_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) > 0 &&
	           strstr(text, "[never]") != NULL) {
		hk_found(all, HK_NOTE, "memory", "the host has huge pages switched off: thp has no effect");
		hk_remedy(all, "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
	}
}

void hk_doctor_live(const struct hk_patient *p, struct hk_findings *all)
{
	if (p->block != NULL)
		judge_socket(p, all);
	if (p->library[0] == '\0' && p->block == NULL)
		return;
	judge_sandbox(p, all);
	judge_limits(p, all);
	judge_memory(p, all);
}
