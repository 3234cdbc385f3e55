/* SPDX-License-Identifier: MIT
 *
 * doctor without argument: is the library installed so that programs can load it, is the host ready for its
 * socket, and what do the kernel's settings mean for it.
 */
#include "base/sys.h"
#include "ctl/doctor.h"
#include "ctl/needs.h"
#include "hakmem.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIAL_STEPS 300 /* of 10 ms */

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#define PIDFD_SELF_PROCESS (-10001)

long long hk_doctor_number(const char *path)
{
	char text[64], *end;
	long long n;

	if (hk_sys_read_file(path, text, sizeof text) <= 0)
		return -1;
	n = strtoll(text, &end, 10);
	return end == text ? -1 : n;
}

/* ---- the library ---- */

/* A program that waits, preloaded; its pid. *ret_hold: closing it ends the program. *ret_err: what it says.
 */
static pid_t start_trial(const char *library, int *ret_hold, int *ret_err)
{
	int hold[2];
	pid_t pid;

	*ret_err = memfd_create("stderr", MFD_CLOEXEC);
	if (*ret_err < 0 || pipe2(hold, O_CLOEXEC) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(hold[0], STDIN_FILENO);
		dup2(*ret_err, STDERR_FILENO);
		setenv("LD_PRELOAD", library, 1);
		unsetenv("HAKMEM_LIB");
		setenv("HAKMEM_CONTROL", "off", 1); /* who looks makes no folder */
		execlp("cat", "cat", (char *) NULL);
		_exit(127);
	}
	close(hold[0]);
	*ret_hold = hold[1];
	return pid;
}

/* Until it has its block, or is seen to do without. */
static void watch_trial(pid_t pid, struct hk_seen *ret)
{
	for (int i = 0; i < TRIAL_STEPS; i++) {
		hk_scan_process(pid, ret);
		/* Before the library is mapped the scan says next to nothing. */
		if ((ret->start_time == 0 && hk_scan_identity(pid, ret) < 0) || ret->state == HK_SEEN_BLOCK ||
		    ret->state == HK_SEEN_FOREIGN || ret->state == HK_SEEN_REFUSED)
			return;
		usleep(10000);
		if (i > 50 && ret->state == HK_SEEN_NOTHING && strcmp(ret->comm, "cat") == 0)
			return; /* it has long begun, without */
	}
}

static void try_it(const char *library, struct hk_findings *all)
{
	struct hk_seen seen = {.pid = 0};
	char said[512] = "";
	int hold = -1, err = -1, status;
	pid_t pid = start_trial(library, &hold, &err);

	if (pid < 0) {
		hk_found(all, HK_PROBLEM, "library", "no program could be started to try it: %s",
		         strerror(errno));
		return;
	}
	watch_trial(pid, &seen);
	close(hold);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pread(err, said, sizeof said - 1, 0) < 0)
		said[0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	close(err);
	if (seen.state == HK_SEEN_BLOCK && strcmp(seen.version, HAKMEM_VERSION) == 0) {
		hk_found(all, HK_FINE, "library",
		         "tried on 'cat': it was loaded, and its control block can be read");
	} else if (seen.state == HK_SEEN_BLOCK || seen.state == HK_SEEN_FOREIGN) {
		hk_found(all, HK_PROBLEM, "library", "it is version %s; this hakmemctl is %s",
		         seen.version[0] != '\0' ? seen.version : "?", HAKMEM_VERSION);
		hk_remedy(all, "install both from one build");
	} else if (seen.state == HK_SEEN_REFUSED) {
		hk_found(all, HK_FINE, "library", "tried on 'cat': it was loaded");
	} else {
		hk_found(all, HK_PROBLEM, "library", "tried on 'cat', and it was not loaded: %s",
		         said[0] != '\0' ? said : "the loader said nothing");
		hk_remedy(all,
		          "install it again (make install); LD_DEBUG=libs LD_PRELOAD=%s cat </dev/null shows "
		          "the loader at work",
		          library);
	}
}

static void judge_library(struct hk_findings *all)
{
	char library[PATH_MAX], text[1024], *why;

	if (!hk_library_find(library, sizeof library, false)) {
		hk_found(all, HK_PROBLEM, "library",
		         "libhakmem.so was not found near hakmemctl, nor in %s, or its path has a blank or "
		         "colon",
		         HK_LIBDIR);
		hk_remedy(all, "make install, or set HAKMEM_LIB to its path");
		return;
	}
	if (hk_library_readable(library, HK_RUNNER_ANYBODY, &why)) {
		hk_found(all, HK_FINE, "library", "%s can be read by every user", library);
	} else {
		hk_found(all, HK_PROBLEM, "library", "%s cannot be loaded by services of other users: %s",
		         library, why);
		hk_remedy(all, "install it where everybody can read it (make install: to %s)", HK_LIBDIR);
	}
	if (hk_library_noexec(library)) {
		hk_found(all, HK_PROBLEM, "library", "%s is on a file system that is mounted noexec",
		         library);
		hk_remedy(all, "install it on another one");
	}
	try_it(library, all);
	if (hk_sys_read_file("/etc/ld.so.preload", text, sizeof text) > 0 &&
	    text[strspn(text, " \n")] != '\0')
		hk_found(all, HK_NOTE, "preload",
		         "/etc/ld.so.preload loads something into every program: '%.*s'",
		         (int) strcspn(text, "\n"), text);
	if (strverscmp(gnu_get_libc_version(), "2.32") < 0) {
		hk_found(all, HK_PROBLEM, "libc", "glibc %s: the library needs 2.32", gnu_get_libc_version());
		hk_remedy(all, "a newer system");
	} else {
		hk_found(all, HK_FINE, "libc", "glibc %s", gnu_get_libc_version());
	}
}

/* ---- configuration, folder of the sockets ---- */

static void judge_files(struct hk_ctl *ctl, struct hk_config *config, struct hk_findings *all)
{
	struct hk_identity anybody = {.conf = ""};
	struct hk_diags diags = {.count = 0};

	snprintf(anybody.conf, sizeof anybody.conf, "%s", ctl->identity.conf);
	hk_config_resolve(&anybody, NULL, NULL, NULL, config, &diags);
	if (diags.errors > 0) {
		hk_found(all, HK_PROBLEM, "files", "%u errors in the configuration, the first: %s",
		         diags.errors, diags.text[0]);
		hk_remedy(all, "hakmemctl check shows them all; each costs its own line");
	} else if (diags.count > 0) {
		hk_found(all, HK_NOTE, "files", "%s", diags.text[0]);
		hk_remedy(all, "hakmemctl check shows all");
	} else if (config->nfiles == 0) {
		hk_found(all, HK_FINE, "files",
		         "there is no configuration file: every program gets the defaults");
	} else {
		hk_found(all, HK_FINE, "files", "%s%s: no error", config->files[0],
		         config->nfiles > 1 ? " and others" : "");
	}
}

/* dir: where hakmemctl looks for sockets, by its own environment and the files. */
static void judge_folder(const char *dir, const struct hk_config *config, struct hk_findings *all)
{
	const bool wanted = hk_config_num(config, HK_KEY_CONTROL) != 0 || config->control_elsewhere != 0;
	const enum hk_level level = wanted ? HK_PROBLEM : HK_NOTE;
	struct stat st;

	if (stat(dir, &st) != 0) {
		hk_found(all, level, "socket", "%s: %s%s", dir, strerror(errno),
		         wanted ? "" : " (needed for control = on only)");
		hk_remedy(all, strcmp(dir, "/run/hakmem") == 0
		                       ? "make install puts hakmem.conf into tmpfiles.d, then systemd-tmpfiles --create; or mkdir -m 1777 %s"
		                       : "mkdir -m 1777 %s", dir);
	} else if (!S_ISDIR(st.st_mode)) {
		hk_found(all, level, "socket", "%s is not a folder", dir);
		hk_remedy(all, "take it away, then systemd-tmpfiles --create");
	} else if ((st.st_mode & 01777) != 01777) {
		hk_found(all, level, "socket", "%s has mode %04o: services of %s", dir,
		         (unsigned) st.st_mode & 07777,
		         (st.st_mode & 0777) != 0777 ? "other users cannot make a socket there"
		                                     : "one user can remove the sockets of another");
		hk_remedy(all, "chmod 1777 %s", dir);
	} else {
		hk_found(all, HK_FINE, "socket", "%s is there, with mode 1777", dir);
	}
	if (strcmp(dir, "/run/hakmem") == 0 && stat(dir, &st) == 0 && access("/usr/lib/tmpfiles.d/hakmem.conf", R_OK) != 0 &&
	    access("/etc/tmpfiles.d/hakmem.conf", R_OK) != 0) {
		hk_found(all, wanted ? HK_PROBLEM : HK_NOTE, "socket",
		         "no hakmem.conf in /usr/lib/tmpfiles.d: after a boot %s is missing", dir);
		hk_remedy(
		        all,
		        "make install puts it there; or copy conf/tmpfiles.d/hakmem.conf to /etc/tmpfiles.d");
	}
}

/* ---- the kernel ---- */

static bool vectored_purge(void)
{
	const long size = sysconf(_SC_PAGESIZE);
	char *pages =
	        mmap(NULL, 2 * (size_t) size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec two[2] = {{pages, (size_t) size}, {pages + size, (size_t) size}};
	long done;

	if (pages == MAP_FAILED)
		return false;
	done = syscall(SYS_process_madvise, PIDFD_SELF_PROCESS, two, 2, MADV_DONTNEED, 0);
	munmap(pages, 2 * (size_t) size);
	return done == 2 * size;
}

static void judge_kernel(struct hk_findings *all)
{
	long long scope = hk_doctor_number("/proc/sys/kernel/yama/ptrace_scope");
	long long overcommit = hk_doctor_number("/proc/sys/vm/overcommit_memory"),
	          maps = hk_doctor_number("/proc/sys/vm/max_map_count");
	int leader = (int) syscall(SYS_pidfd_open, getpid(), O_EXCL);
	struct utsname name = {.release = "?"};
	char text[128] = "";

	uname(&name);
	hk_found(all, HK_FINE, "kernel", "Linux %s: free memory goes back %s; %s; cgroup %s", name.release,
	         vectored_purge() ? "many blocks a call (process_madvise)" : "a block a call",
	         leader >= 0 ? "threads have descriptors (PIDFD_THREAD)"
	                     : "the control thread looks after main once a second",
	         access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "v2" : "v1");
	if (leader >= 0)
		close(leader);
	if (scope > 2) {
		hk_found(all, HK_NOTE, "kernel",
		         "kernel.yama.ptrace_scope = %lld: nobody may read another process, not even root: "
		         "only sockets "
		         "(control = on) serve",
		         scope);
		hk_remedy(all, "a lower one holds after a boot only");
	} else {
		hk_found(all, HK_FINE, "kernel", "without a socket hakmemctl needs %s",
		         scope <= 0 ? "root, or to be the service's user" : "root");
	}
	if (overcommit == 2) {
		hk_found(all, HK_NOTE, "kernel",
		         "vm.overcommit_memory = 2: what is reserved counts as used; malloc fails early");
		hk_remedy(all, "raise vm.overcommit_ratio, or bound services by MemoryMax= instead");
	}
	if (maps >= 0 && maps < 65530) {
		hk_found(all, HK_NOTE, "kernel", "vm.max_map_count = %lld is less than usual", maps);
		hk_remedy(all, "sysctl vm.max_map_count=65530, or more");
	}
	if (hk_sys_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) > 0) {
		const bool never = strstr(text, "[never]") != NULL;
		hk_found(all, never ? HK_NOTE : HK_FINE, "kernel", "huge pages: %.*s%s",
		         (int) strcspn(text, "\n"), text, never ? ": the key thp has no effect" : "");
	}
}

void hk_doctor_host(struct hk_ctl *ctl, struct hk_findings *all)
{
	struct hk_config *config = calloc(1, sizeof *config);

	if (config == NULL)
		return;
	snprintf(all->subject, sizeof all->subject, "this host");
	judge_library(all);
	judge_files(ctl, config, all);
	judge_folder(ctl->config.values.text[HK_TEXT_CONTROL_DIR], config, all);
	judge_kernel(all);
	free(config);
}
