/* SPDX-License-Identifier: MIT
 *
 * doctor on one process: is the library in it, and if not, which of the loader's reasons it was. All of it is
 * read from /proc; of a stranger's environment only LD_PRELOAD and some names are looked at.
 */
#include "base/sys.h"
#include "ctl/doctor.h"
#include "ctl/dropin.h"
#include "ctl/elf.h"
#include "ctl/needs.h"
#include "ctl/tuning.h"
#include "hakmem.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_ENVIRON (4U << 20)

/* ---- reading ---- */

static char *read_proc(pid_t pid, const char *name, size_t room, ssize_t *ret_size)
{
	char path[64];
	char *text = calloc(1, room);

	snprintf(path, sizeof path, "/proc/%d/%s", (int) pid, name);
	*ret_size = text != NULL ? hk_sys_read_file(path, text, room) : -ENOMEM;
	return text;
}

static void read_environ(struct hk_patient *p)
{
	ssize_t n;
	char *text = read_proc(p->seen.pid, "environ", MAX_ENVIRON, &n);

	bool any = false;

	for (char *one = text; one != NULL && n > 0 && one < text + n; one += strlen(one) + 1) {
		any |= strchr(one, '=') != NULL;
		if (strncmp(one, "LD_PRELOAD=", 11) == 0)
			p->preload = strdup(one + 11);
		hk_tuning_note(one, p->tuning, sizeof p->tuning);
	}
	p->environ_gone = n > 0 && !any; /* a title may stand there now: redis-server and others do that */
	free(text);
}

static void read_auxv(struct hk_patient *p)
{
	ssize_t n;
	char *text = read_proc(p->seen.pid, "auxv", 8192, &n);
	const Elf64_auxv_t *aux = (void *) text;

	for (size_t i = 0; n > 0 && (i + 1) * sizeof *aux <= (size_t) n && aux[i].a_type != AT_NULL; i++)
		if (aux[i].a_type == AT_SECURE)
			p->secure = aux[i].a_un.a_val != 0;
	free(text);
}

static void note_mapping(struct hk_patient *p, const char *line)
{
	const char *path = strchr(line, '/'), *name;
	char file[2 * PATH_MAX], execute;
	uint64_t inode;
	struct stat st;

	p->mappings++;
	if (path == NULL)
		return;
	name = strrchr(path, '/') + 1;
	/* Its code: of a file that may not be executed the loader leaves a piece behind, only to be read. */
	if (strncmp(name, HK_LIBRARY_NAME, sizeof HK_LIBRARY_NAME - 1) == 0 && p->library[0] == '\0' &&
	    sscanf(line, "%*s %*c%*c%c%*s %*s %*s %" SCNu64, &execute, &inode) == 2 && execute == 'x') {
		snprintf(p->library, sizeof p->library, "%.*s", (int) strcspn(path, "\n"), path);
		snprintf(file, sizeof file, "%s%s", p->root, p->library);
		p->replaced = strstr(p->library, " (deleted)") != NULL ||
		              (stat(file, &st) == 0 && st.st_ino != inode);
	}
	if (!hk_program_allocator(name) || p->nothers == HK_PATIENT_OTHERS)
		return;
	snprintf(file, sizeof file, "%.*s", (int) strcspn(path, "\n"), path);
	for (unsigned i = 0; i < p->nothers; i++)
		if (strcmp(p->other[i], file) == 0)
			return;
	snprintf(p->other[p->nothers++], PATH_MAX, "%.*s", PATH_MAX - 1, file);
}

static void read_maps(struct hk_patient *p)
{
	char path[64], *line = NULL;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/maps", (int) p->seen.pid);
	file = fopen(path, "re");
	while (file != NULL && getline(&line, &room, file) > 0)
		note_mapping(p, line);
	free(line);
	if (file != NULL)
		fclose(file);
}

/* Up to the slots, which are not wanted here. */
static void read_block(struct hk_patient *p)
{
	struct hk_block *block = p->seen.state == HK_SEEN_BLOCK ? calloc(1, sizeof *block) : NULL;

	if (block == NULL ||
	    hk_remote_read(p->seen.pid, p->seen.block, block, offsetof(struct hk_block, slot)) < 0) {
		free(block);
		return;
	}
	hk_text_tame(block->version, sizeof block->version);
	hk_text_tame(block->socket, sizeof block->socket);
	p->block = block;
	p->values = hk_block_values(block);
}

long long hk_patient_status(const struct hk_patient *patient, const char *name)
{
	return hk_scan_status(patient->status, name);
}

int hk_patient_read(pid_t pid, struct hk_patient *ret)
{
	char link[64];
	ssize_t n;

	memset(ret, 0, sizeof *ret);
	hk_scan_process(pid, &ret->seen);
	/* Of a process without the library that says next to nothing. */
	if (ret->seen.start_time == 0 && hk_scan_identity(pid, &ret->seen) < 0)
		return -ESRCH;
	snprintf(ret->root, sizeof ret->root, "/proc/%d/root", (int) pid);
	snprintf(link, sizeof link, "/proc/%d/exe", (int) pid);
	n = readlink(link, ret->exe, sizeof ret->exe - 1);
	ret->exe[n > 0 ? n : 0] = '\0';
	ret->status = read_proc(pid, "status", 16384, &n);
	read_environ(ret);
	read_auxv(ret);
	read_maps(ret);
	read_block(ret);
	return 0;
}

/* ---- is it there ---- */

/* The entry of LD_PRELOAD that names the library, to ret. */
static bool preload_entry(const struct hk_patient *p, char *ret, size_t size)
{
	char *copy = strdup(p->preload != NULL ? p->preload : ""), *save = NULL;
	bool found = false;

	for (char *one = copy != NULL ? strtok_r(copy, " :", &save) : NULL; one != NULL && !found;
	     one = strtok_r(NULL, " :", &save)) {
		found = strstr(one, HK_LIBRARY_NAME) != NULL;
		snprintf(ret, size, "%s", one);
	}
	free(copy);
	return found;
}

/* Has enable written the unit's drop-in, or that of its template? */
static bool enabled(const char *unit)
{
	char path[PATH_MAX], template[HK_UNIT_NAME_MAX];

	hk_dropin_path(unit, path, sizeof path);
	if (hk_dropin_look(path, NULL) == HK_DROPIN_OURS)
		return true;
	snprintf(template, sizeof template, "%.*s@.service", (int) strcspn(unit, "@"), unit);
	hk_dropin_path(template, path, sizeof path);
	return strchr(unit, '@') != NULL && hk_dropin_look(path, NULL) == HK_DROPIN_OURS;
}

static const char *how_to(const struct hk_patient *p)
{
	static char text[256];
	const char *dot = strrchr(p->seen.unit, '.');

	if (dot == NULL || strcmp(dot, ".service") != 0 || strncmp(p->seen.unit, "user@", 5) == 0)
		snprintf(text, sizeof text, "start it with hakmemctl run -- COMMAND");
	else if (enabled(p->seen.unit))
		snprintf(text, sizeof text,
		         "it is enabled, and was started before that: systemctl restart %s", p->seen.unit);
	else
		snprintf(text, sizeof text, "hakmemctl enable %s, then restart it", p->seen.unit);
	return text;
}

/* The AppArmor profile that confines it, or "". */
static const char *profile_of(const struct hk_patient *p)
{
	static char text[256];
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/attr/current", (int) p->seen.pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0 || strstr(text, "(enforce)") == NULL)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* Is what it sees there what we see? Only then can we tell who may read it. */
static bool is_same_file(const char *theirs, const char *ours)
{
	struct stat a, b;

	return stat(theirs, &a) == 0 && stat(ours, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* LD_PRELOAD names it, yet it is not mapped. */
static void why_not(const struct hk_patient *p, const struct hk_program *program, struct hk_findings *all)
{
	char entry[PATH_MAX], file[PATH_MAX + 64], *why;

	if (!preload_entry(p, entry, sizeof entry)) {
		hk_found(all, HK_PROBLEM, "preload",
		         p->preload != NULL  ? "LD_PRELOAD of its start is '%s', without the library"
		         : p->environ_gone ? "the library is not in it; whether LD_PRELOAD was set cannot be seen: it has overwritten its environment%s"
		                             : "LD_PRELOAD was not set when it was started%s",
		         p->preload != NULL ? p->preload : "");
		hk_remedy(all, "%s", how_to(p));
		return;
	}
	snprintf(file, sizeof file, "%s%s", p->root, entry);
	if (p->secure || (program->elf && !program->interpreted)) {
		hk_found(all, HK_PROBLEM, "preload",
		         "LD_PRELOAD names %s, and the loader did not take it: see above", entry);
	} else if (entry[0] == '/' && access(file, F_OK) != 0) {
		hk_found(all, HK_PROBLEM, "preload", "LD_PRELOAD names %s, which is not there for it%s",
		         entry, access(entry, F_OK) == 0 ? " (it has another root, or a mount over it)" : "");
		hk_remedy(
		        all,
		        "correct the path, or make the library visible there (BindReadOnlyPaths= of a unit)");
	} else if (entry[0] == '/' && is_same_file(file, entry) && !hk_library_readable(entry, p->seen.uid, &why)) {
		hk_found(all, HK_PROBLEM, "preload",
		         "LD_PRELOAD names %s, which its user (uid %u) cannot read: %s", entry, p->seen.uid,
		         why);
		hk_remedy(all, "install it where everybody can read it");
	} else if (entry[0] == '/' && hk_library_noexec(file)) {
		hk_found(all, HK_PROBLEM, "preload",
		         "LD_PRELOAD names %s, which is on a file system mounted noexec", entry);
		hk_remedy(all, "install it on another one");
	} else if (profile_of(p)[0] != '\0') {
		hk_found(all, HK_PROBLEM, "preload",
		         "LD_PRELOAD names %s, and it is not mapped; it is confined by AppArmor: %s", entry,
		         profile_of(p));
		hk_remedy(all, "let the profile read the library: %s mr, in its local part", entry);
	} else {
		hk_found(all, HK_PROBLEM, "preload",
		         "LD_PRELOAD names %s, and it is not mapped: the loader has said why on stderr",
		         entry);
		hk_remedy(all, "look for 'ld.so' in its log (journalctl -u UNIT); it was maybe installed "
		               "after the start: restart");
	}
}

static void judge_loaded(const struct hk_patient *p, const struct hk_program *program,
                         struct hk_findings *all)
{
	if (p->library[0] == '\0' && p->seen.state != HK_SEEN_BLOCK) {
		why_not(p, program, all);
		return;
	}
	if (p->library[0] == '\0')
		hk_found(all, HK_FINE, "library", "hakmem is linked into the program");
	else if (p->replaced)
		hk_found(all, HK_NOTE, "library",
		         "%s is mapped, and was replaced on disk since: the process runs the old one",
		         p->library);
	else
		hk_found(all, HK_FINE, "library", "%s is mapped", p->library);
	if (p->replaced)
		hk_remedy(all, "restart it to take the new version");
	if (p->seen.state == HK_SEEN_NO_BLOCK) {
		hk_found(all, HK_PROBLEM, "block",
		         "it has no control block: it is still starting, or had no memory for one");
		hk_remedy(all, "repeat in a moment; else restart it");
	} else if (p->seen.state == HK_SEEN_FOREIGN) {
		hk_found(all, HK_PROBLEM, "block",
		         "its control block is of another version (%s, layout %u; this hakmemctl: %s, layout "
		         "%u)",
		         p->seen.version[0] != '\0' ? p->seen.version : "unknown", p->seen.layout,
		         HAKMEM_VERSION, HK_BLOCK_LAYOUT);
		hk_remedy(all, "restart it, or use the matching hakmemctl");
	} else if (p->seen.state == HK_SEEN_BLOCK && strcmp(p->seen.version, HAKMEM_VERSION) != 0) {
		hk_found(all, HK_NOTE, "block", "it runs hakmem %s; this hakmemctl is %s", p->seen.version,
		         HAKMEM_VERSION);
		hk_remedy(all, "restart it to take the new version");
	} else if (p->seen.state == HK_SEEN_BLOCK) {
		hk_found(all, HK_FINE, "block", "hakmem %s, control block at 0x%" PRIx64, p->seen.version,
		         p->seen.block);
	}
}

/* Another allocator is mapped as well: which one serves malloc. The first in the order of look-up does: the
   program, then LD_PRELOAD from left to right, then what is linked. */
static void judge_others(const struct hk_patient *p, struct hk_findings *all)
{
	const char *ours = p->preload != NULL ? strstr(p->preload, HK_LIBRARY_NAME) : NULL;

	for (unsigned i = 0; i < p->nothers; i++) {
		const char *name = strrchr(p->other[i], '/') + 1, *theirs = NULL;
		char stem[64];

		snprintf(stem, sizeof stem, "%.*s", (int) strcspn(name, "."), name);
		if (p->preload != NULL)
			theirs = strstr(p->preload, stem);
		if (p->library[0] == '\0') {
			hk_found(all, HK_FINE, "malloc", "%s serves its malloc", p->other[i]);
		} else if (theirs != NULL && ours != NULL && theirs < ours) {
			hk_found(all, HK_PROBLEM, "malloc",
			         "%s stands before ours in LD_PRELOAD and serves malloc", p->other[i]);
			hk_remedy(all, "put libhakmem.so first, or take the other out");
		} else {
			hk_found(all, HK_NOTE, "malloc",
			         "%s is mapped too; malloc is hakmem's, which comes first%s", p->other[i],
			         theirs == NULL ? " (unless a module with RTLD_DEEPBIND brought it along)"
			                        : "");
		}
	}
}

void hk_doctor_loaded(const struct hk_patient *p, struct hk_findings *all)
{
	static struct hk_program program;
	char path[64];

	if (p->seen.state == HK_SEEN_HIDDEN || (p->exe[0] == '\0' && geteuid() != 0)) {
		hk_found(all, HK_PROBLEM, "access",
		         "it is another user's process (uid %u), or keeps itself hidden: nothing can be seen "
		         "of it",
		         p->seen.uid);
		hk_remedy(all,
		          geteuid() != 0 ? "try as root" : "none from here: it is protected from root, too");
		return;
	}
	if (p->exe[0] == '\0') {
		hk_found(all, HK_PROBLEM, "program", "it is a thread of the kernel: no program");
		return;
	}
	snprintf(path, sizeof path, "/proc/%d/exe", (int) p->seen.pid);
	hk_program_read("", path, &program);
	snprintf(program.path, sizeof program.path, "%s", p->exe);
	hk_program_judge(&program, HK_RUNNER_LIVE, all);
	if (p->secure) {
		hk_found(all, p->library[0] != '\0' ? HK_NOTE : HK_PROBLEM, "program",
		         "the kernel marked its start as secure (set-user-ID, file "
		         "capabilities, or a security module): the loader ignores a preload by path, the "
		         "library all variables");
		hk_remedy(all, "give it its rights by the unit (User=, AmbientCapabilities=)");
	}
	judge_loaded(p, &program, all);
	if (p->seen.state == HK_SEEN_REFUSED) {
		hk_found(all, HK_NOTE, "access",
		         "the kernel refuses access to its memory: only its socket can serve (control = on)");
		hk_remedy(all, "as root, or where kernel.yama.ptrace_scope = 0 as its user");
	}
	judge_others(p, all);
	if (p->library[0] != '\0' && p->environ_gone)
		hk_found(all, HK_NOTE, "variables", "it has overwritten its environment: whether variables for other allocators are set "
		                                    "cannot be seen");
	if (p->library[0] != '\0' && !hk_found_any(all, HK_PROBLEM, "malloc"))
		hk_tuning_judge(p->tuning, "its environment", all);
}
