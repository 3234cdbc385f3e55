/* SPDX-License-Identifier: MIT
 *
 * doctor: from what was named to who is looked at. A number is a process; a path is a program's file; a name
 * is that of running programs, of a systemd unit, or of a program in PATH, in this order, and unit and
 * program are looked at before they are started, too.
 */
#include "ctl/doctor.h"
#include "base/sys.h"
#include "config/name.h"
#include "ctl/dropin.h"
#include "ctl/output.h"
#include "ctl/tuning.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PROCESSES 16 /* of one name: workers are alike */

struct visit {
	struct hk_ctl *ctl;
	json_t *array; /* with --json */
	unsigned subjects, problems;
};

static void report(struct visit *visit, const struct hk_findings *all)
{
	if (visit->array != NULL) {
		json_array_append_new(visit->array, hk_findings_json(all));
	} else {
		if (visit->subjects > 0)
			putchar('\n');
		hk_findings_print(all, HK_FINE, visit->ctl->colour);
	}
	visit->subjects++;
	visit->problems += all->problems;
}

/* ---- one subject ---- */

/* Of a process that shows nothing of itself: does its control socket serve this user? */
static bool answers(struct hk_ctl *ctl, const struct hk_patient *patient, struct hk_findings *all)
{
	struct hk_ask request = {.line = "version", .door = 1, .timeout_ms = ctl->timeout_ms};
	struct hk_services services;
	struct hk_answer *answer;
	char pid[16];
	bool good = false;

	if (patient->seen.state != HK_SEEN_HIDDEN && patient->seen.state != HK_SEEN_REFUSED)
		return false;
	hk_services_find(ctl->config.values.text[HK_TEXT_CONTROL_DIR], patient->seen.pid, ctl->timeout_ms, &services);
	snprintf(pid, sizeof pid, "%d", (int) patient->seen.pid);
	hk_services_select(&services, pid); /* owners of other sockets are among them, too */
	answer = calloc(services.n + 1, sizeof *answer);
	if (answer != NULL && services.n > 0 && hk_ask(&request, &services, answer) == 0) {
		good = true;
		hk_found(all, HK_FINE, "socket", "%s answers this user: hakmem %s", services.at[0].socket,
		         hk_out_text(answer->reply, "version"));
		hk_found(all, HK_NOTE, "access", "the rest of the process is closed to this user: as root doctor says more");
	}
	if (answer != NULL)
		hk_answers_drop(answer, services.n);
	free(answer);
	hk_services_drop(&services);
	return good;
}

static bool visit_process(struct visit *visit, pid_t pid)
{
	struct hk_patient *patient = calloc(1, sizeof *patient);
	struct hk_findings all = {.pid = (int) pid};
	const char *name;

	if (patient == NULL || hk_patient_read(pid, patient) < 0)
		return false;
	name = patient->seen.program[0] != '\0' ? patient->seen.program : patient->seen.comm;
	snprintf(all.subject, sizeof all.subject, "%s[%d]%s%s", hk_out_safe(name), (int) pid,
	         patient->seen.unit[0] != '\0' ? "  unit " : "",
	         patient->seen.unit[0] != '\0' ? hk_out_safe(patient->seen.unit) : "");
	if (!answers(visit->ctl, patient, &all)) {
		hk_doctor_loaded(patient, &all);
		hk_doctor_live(patient, &all);
	}
	report(visit, &all);
	return true;
}

/* idle: it was named as a program is, and no process of that name runs. */
static void visit_file(struct visit *visit, const char *path, bool idle)
{
	struct hk_program *program = calloc(1, sizeof *program);
	struct hk_findings all = {.n = 0};

	if (program == NULL)
		return;
	snprintf(all.subject, sizeof all.subject, "%s", hk_out_safe(path));
	hk_text_tame(all.subject, sizeof all.subject); /* it may be cut within a character */
	hk_program_read("", path, program);
	if (idle)
		hk_found(&all, HK_NOTE, "process", "none of that name runs: this is about the file");
	hk_program_judge(program, HK_RUNNER_ANYBODY, &all);
	report(visit, &all);
}

/* Does the unit set what only tunes another allocator? */
static void judge_variables(const struct hk_unit *unit, struct hk_findings *all)
{
	struct hk_words words = hk_unit_words(hk_unit_get(unit, "Environment"));
	char found[256] = "";

	for (unsigned i = 0; i < words.n; i++)
		hk_tuning_note(words.at[i], found, sizeof found);
	hk_tuning_judge(found, "the unit", all);
}

/* The drop-in: is it there, is it in force? */
static void judge_dropin(const struct hk_unit *unit, const char *path, const struct hk_needs *needs,
                         struct hk_findings *all)
{
	enum hk_dropin_state state = hk_dropin_look(path, NULL);
	const char *preload = hk_unit_variable(unit, "LD_PRELOAD");
	const bool named = preload != NULL && strstr(preload, HK_LIBRARY_NAME) != NULL;

	if (needs->elsewhere)
		return;
	if (named)
		hk_found(all, HK_FINE, "unit", "LD_PRELOAD=%s (%s)", preload,
		         hk_unit_where(unit, "Environment", NULL));
	else if (state == HK_DROPIN_NONE)
		hk_found(all, HK_NOTE, "unit", "it is not enabled: no %s", path);
	else
		hk_found(all, HK_PROBLEM, "unit", "%s is there, and systemd does not go by it", path);
	if (!named)
		hk_remedy(all,
		          state == HK_DROPIN_NONE ? "hakmemctl enable %s"
		                                  : "systemctl daemon-reload, then hakmemctl doctor %s",
		          unit->id);
	for (unsigned i = 0; named && i < needs->nlines; i++) {
		const char *equals = strchr(needs->lines[i], '=');
		char key[64];
		snprintf(key, sizeof key, "%.*s", (int) (equals - needs->lines[i]), needs->lines[i]);
		if (hk_unit_line(path, key, NULL, 0) > 0)
			continue;
		hk_found(all, HK_PROBLEM, "unit", "it needs the line %s%s%s", needs->lines[i],
		         needs->reasons[i] != NULL ? " because of " : "",
		         needs->reasons[i] != NULL ? needs->reasons[i] : "");
		hk_remedy(all, "hakmemctl enable %s writes it", unit->id);
	}
	if (named)
		judge_variables(unit, all);
}

static void visit_unit(struct visit *visit, const struct hk_unit *unit)
{
	struct hk_findings all = {.n = 0};
	char library[PATH_MAX], path[PATH_MAX];
	struct hk_config *config = calloc(1, sizeof *config);
	struct hk_needs needs = {.library = library, .dropin = path};

	if (config == NULL)
		return;
	snprintf(all.subject, sizeof all.subject, "%s", unit->id);
	hk_dropin_path(unit->id, path, sizeof path);
	if (!hk_library_find(library, sizeof library, false)) {
		hk_found(&all, HK_PROBLEM, "library",
		         "libhakmem.so was not found: hakmemctl doctor says more");
	} else {
		hk_unit_configuration(unit, visit->ctl->identity.conf, NULL, 0, config);
		needs.control = hk_config_num(config, HK_KEY_CONTROL) != 0;
		needs.control_dir = config->values.text[HK_TEXT_CONTROL_DIR];
		hk_needs_find(unit, &needs, &all);
		judge_dropin(unit, path, &needs, &all);
	}
	report(visit, &all);
	free(config);
}

/* ---- many ---- */

static bool named(const struct hk_seen *seen, const char *target)
{
	char unit[HK_UNIT_NAME_MAX];

	if (seen->exe[0] == '\0')
		return false; /* threads of the kernel */
	if (hk_glob_match(target, seen->exe) || hk_glob_match(target, seen->comm) || hk_glob_match(target, seen->unit))
		return true;
	snprintf(unit, sizeof unit, "%.240s.service", target);
	return seen->unit[0] != '\0' && hk_glob_match(unit, seen->unit);
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[8192];

	snprintf(path, sizeof path, "/proc/%d/status", (int) pid);
	return (pid_t) hk_scan_status(hk_sys_read_file(path, text, sizeof text) > 0 ? text : NULL, "PPid");
}

/* Processes of that name, but not the workers that one of them has forked. */
static unsigned visit_running(struct visit *visit, const char *target)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct hk_seen seen, parent;
	unsigned found = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL) {
		pid_t pid = (pid_t) atoi(entry->d_name);
		if (pid <= 0 || pid == getpid() || hk_scan_identity(pid, &seen) < 0 || !named(&seen, target))
			continue;
		if (hk_scan_identity(parent_of(pid), &parent) == 0 && named(&parent, target) &&
		    strcmp(parent.exe, seen.exe) == 0)
			continue;
		if (found++ < MAX_PROCESSES)
			visit_process(visit, pid);
	}
	if (proc != NULL)
		closedir(proc);
	if (found > MAX_PROCESSES)
		hk_ctl_fail(0, "'%s' names %u processes: the first %d were looked at", target, found,
		            MAX_PROCESSES);
	return found;
}

static int visit_name(struct visit *visit, const char *target)
{
	char path[PATH_MAX], *why = NULL;
	struct hk_unit unit;
	const bool suffix = strlen(target) > 8 && strcmp(target + strlen(target) - 8, ".service") == 0;
	const bool glob = strpbrk(target, "*?[") != NULL;
	unsigned found;
	int r = glob ? -ENOENT : hk_unit_read(target, &unit, &why);

	if (r == 0)
		visit_unit(visit, &unit);
	found = visit_running(visit, target);
	if (r == 0 || found > 0)
		return HK_EXIT_DONE;
	if (suffix && r == -EIO)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s", why);
	if (!suffix && !glob && hk_program_find(target, path, sizeof path)) {
		visit_file(visit, path, true);
		return HK_EXIT_DONE;
	}
	return hk_ctl_fail(HK_EXIT_NO_TARGET, "'%s' is no running program, no unit%s%s", target,
	                   suffix ? "" : ", and no program in PATH",
	                   r == -EIO ? " (systemctl could not be asked)" : "");
}

static int visit_target(struct visit *visit, const char *target)
{
	size_t digits = strspn(target, "0123456789");

	if (digits > 0 && target[digits] == '\0' && digits < 10)
		return visit_process(visit, (pid_t) atoi(target))
		               ? HK_EXIT_DONE
		               : hk_ctl_fail(HK_EXIT_NO_TARGET, "there is no process %s", target);
	if (strchr(target, '/') == NULL)
		return visit_name(visit, target);
	if (access(target, F_OK) != 0 && errno != EACCES)
		return hk_ctl_fail(HK_EXIT_NO_TARGET, "%s: %s", target, strerror(errno));
	visit_file(visit, target, false);
	return HK_EXIT_DONE;
}

int hk_do_doctor(struct hk_ctl *ctl)
{
	struct visit visit = {.ctl = ctl, .array = ctl->json ? json_array() : NULL};
	struct hk_findings host = {.n = 0};
	int status = HK_EXIT_DONE;

	for (int i = 0; i < ctl->nargs; i++) {
		int one = visit_target(&visit, ctl->args[i]);
		status = status == HK_EXIT_DONE ? one : status;
	}
	if (ctl->nargs == 0) {
		hk_doctor_host(ctl, &host);
		report(&visit, &host);
	}
	if (status == HK_EXIT_DONE && visit.problems > 0)
		status = HK_EXIT_FAILED;
	return visit.array != NULL && hk_out_json(visit.array) != 0 ? HK_EXIT_FAILED : status;
}
