/* SPDX-License-Identifier: MIT
 *
 * How a unit starts its program: which file it is, what becomes of the environment on the way there, who else has a word on
 * LD_PRELOAD, and what hakmem will find configured. What a start script does is read, not run: what is seen there is a note.
 */
#include "ctl/needs.h"
#include "ctl/program.h"
#include "ctl/scan.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static const char *exec_where(const struct hk_unit *unit)
{
	return hk_unit_where(unit, "ExecStart", NULL);
}

/* ---- PostgreSQL of Debian ---- */

/* "15-main" of "postgresql@15-main.service" to VERSION/CLUSTER. */
static bool cluster_of(const char *name, char *ret, size_t size)
{
	const char *at = strchr(name, '@'), *dash = at != NULL ? strchr(at, '-') : NULL,
	           *dot = strrchr(name, '.');

	return dash != NULL && dot > dash &&
	       snprintf(ret, size, "%.*s/%.*s", (int) (dash - at - 1), at + 1, (int) (dot - dash - 1),
	                dash + 1) < (int) size;
}

/* pg_ctlcluster gives the server nothing but what stands in the file `environment` of the cluster. */
static void judge_postgres(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	char cluster[HK_UNIT_NAME_MAX] = "VERSION/CLUSTER", file[PATH_MAX], value[PATH_MAX] = "";

	if (!unit->template)
		(void) cluster_of(unit->name, cluster, sizeof cluster);
	snprintf(file, sizeof file, "/etc/postgresql/%s/environment", cluster);
	needs->elsewhere = true;
	if (hk_unit_line(file, "LD_PRELOAD", value, sizeof value) > 0 && strstr(value, HK_LIBRARY_NAME) != NULL) {
		hk_found(all, HK_FINE, "start", "%s names the library", file);
		return;
	}
	hk_found(all, HK_PROBLEM, "start",
	         "pg_ctlcluster (%s) gives its server a fresh environment: a drop-in has no effect",
	         exec_where(unit));
	hk_remedy(all,
	          "into %s goes the line LD_PRELOAD = '%s' (and any HAKMEM_KEY = 'VALUE'); then a restart of "
	          "the unit",
	          file, needs->library);
}

/* ---- the command ---- */

/* What a start script says that could undo the preload: the first such line. */
static void read_script(const char *path, struct hk_findings *all)
{
	static const char *const bad[] = {
	        "env -i", "env - ", "unset LD_PRELOAD", "LD_PRELOAD=", "sudo ", "su - ", "runuser -l"};
	FILE *file = fopen(path, "re");
	unsigned number = 0;
	size_t room = 0;
	char *line = NULL;

	while (file != NULL && number < 5000 && getline(&line, &room, file) > 0) {
		number++;
		for (size_t i = 0; i < HK_COUNT(bad) && line[strspn(line, " \t")] != '#'; i++)
			if (strstr(line, bad[i]) != NULL) {
				hk_found(all, HK_NOTE, "start",
				         "%s:%u has '%s': does the preload get past it?", path, number,
				         bad[i]);
				hk_remedy(all, "after the restart: hakmemctl doctor PID of the service");
				break;
			}
	}
	free(line);
	if (file != NULL)
		fclose(file);
}

/* env: does it drop the variable? Returns the index of the program that it starts, or words.n. */
static unsigned pass_env(const struct hk_unit *unit, struct hk_words words, struct hk_findings *all)
{
	unsigned i;

	for (i = 1; i < words.n; i++) {
		const char *word = words.at[i];
		const bool unsets = (strcmp(word, "-u") == 0 && i + 1 < words.n &&
		                     strcmp(words.at[i + 1], "LD_PRELOAD") == 0) ||
		                    strcmp(word, "-uLD_PRELOAD") == 0 ||
		                    strcmp(word, "--unset=LD_PRELOAD") == 0;
		if (strcmp(word, "-") == 0 || strcmp(word, "-i") == 0 ||
		    strcmp(word, "--ignore-environment") == 0 || unsets) {
			hk_found(all, HK_PROBLEM, "start", "'env %s' in %s drops LD_PRELOAD", word,
			         exec_where(unit));
			hk_remedy(all, "a drop-in of yours with ExecStart= and ExecStart=COMMAND that has "
			               "LD_PRELOAD=… behind env");
		} else if (strncmp(word, "LD_PRELOAD=", 11) == 0 && strstr(word, HK_LIBRARY_NAME) == NULL) {
			hk_found(all, HK_PROBLEM, "start", "'%s' in %s takes the place of ours", word,
			         exec_where(unit));
			hk_remedy(all, "name the library there, in front");
		} else if (word[0] != '-' && strchr(word, '=') == NULL) {
			break;
		}
		i += strcmp(word, "-u") == 0 || strcmp(word, "-C") == 0;
	}
	return i;
}

/* Who starts something else, in a way that a preload does not survive. */
static bool judge_wrapper(const struct hk_unit *unit, const char *name, const char *argv,
                          struct hk_findings *all)
{
	static const char *const containers[] = {
	        "docker",         "podman",      "runc",    "crun", "containerd", "dockerd",    "lxc-start",
	        "systemd-nspawn", "systemd-run", "kubelet", "snap", "flatpak",    "machinectl", NULL};
	static const char *const changers[] = {"sudo", "su", "runuser", "doas", NULL};
	static const char *const shells[] = {"sh", "bash", "dash", "ksh", "zsh", NULL};
	static const char *const nothing[] = {"true", "false", "echo", "sleep", NULL};

	if (one_of(name, containers)) {
		hk_found(all, HK_PROBLEM, "start",
		         "%s (%s) starts its program elsewhere, with an environment of its own", name,
		         exec_where(unit));
		hk_remedy(all, "set LD_PRELOAD in there (docker: --env), where the library must be too");
		return true;
	}
	if (one_of(name, changers)) {
		hk_found(all, HK_PROBLEM, "start", "%s (%s) does not hand LD_PRELOAD on", name,
		         exec_where(unit));
		hk_remedy(all, "let systemd change the user (User=) in a drop-in of yours that starts the "
		               "program itself");
		return true;
	}
	if (one_of(name, nothing) && hk_unit_is(unit, "Type", "oneshot")) {
		hk_found(all, HK_PROBLEM, "start", "%s starts no service itself (%s: ExecStart=%s)", unit->id,
		         exec_where(unit), name);
		hk_remedy(all, strncmp(unit->id, "postgresql.", 11) == 0
		                       ? "the clusters are units of their own: postgresql@VERSION-CLUSTER"
		                       : "give the unit that does");
		return true;
	}
	if (one_of(name, shells) &&
	    (strstr(argv, "env -i") != NULL || strstr(argv, "unset LD_PRELOAD") != NULL)) {
		hk_found(all, HK_PROBLEM, "start", "the shell command in %s drops LD_PRELOAD",
		         exec_where(unit));
		hk_remedy(all, "a drop-in of yours with a command that does not");
		return true;
	}
	if (one_of(name, shells))
		hk_found(all, HK_NOTE, "start",
		         "a shell starts the program (%s): whether the preload reaches it shows after the "
		         "restart",
		         exec_where(unit));
	return false;
}

static void judge_program(const struct hk_unit *unit, const char *path, const struct hk_needs *needs,
                          struct hk_findings *all)
{
	struct hk_program *program = calloc(1, sizeof *program);
	const char *root = hk_unit_get(unit, "RootDirectory");
	char below[2 * PATH_MAX];

	if (program == NULL || hk_unit_get(unit, "RootImage")[0] != '\0')
		return;
	hk_program_read(root, path, program);
	if (root[0] != '\0') {
		snprintf(below, sizeof below, "%s%s", root, program->path);
		snprintf(program->path, sizeof program->path, "%.*s", PATH_MAX - 1, below);
	}
	hk_program_judge(program, needs->user, all);
	if (program->script[0] != '\0')
		read_script(program->script, all);
	free(program);
}

/* One "{ path=… ; argv[]=… ; …" of ExecStart. */
static void judge_command(const struct hk_unit *unit, const char *value, struct hk_needs *needs,
                          struct hk_findings *all)
{
	const char *path = strstr(value, "path="), *argv = strstr(value, " ; argv[]="), *end;
	char program[PATH_MAX], found[PATH_MAX], command[4096];

	if (path == NULL || argv == NULL)
		return;
	snprintf(program, sizeof program, "%.*s", (int) (argv - path - 5), path + 5);
	end = strstr(argv, " ; ignore_errors=");
	snprintf(command, sizeof command, "%.*s", (int) (end != NULL ? end - argv - 10 : 0), argv + 10);
	if (strcmp(name_of(program), "env") == 0) {
		struct hk_words words = hk_unit_words(command);
		unsigned i = pass_env(unit, words, all);
		if (i >= words.n || !hk_program_find(words.at[i], found, sizeof found))
			return;
		snprintf(program, sizeof program, "%s", found);
	}
	if (strcmp(name_of(program), "pg_ctlcluster") == 0)
		judge_postgres(unit, needs, all);
	else if (!judge_wrapper(unit, name_of(program), command, all))
		judge_program(unit, program, needs, all);
}

/* ---- the environment ---- */

/* EnvironmentFile= comes after Environment=, whatever the order of the lines. */
static void judge_files(const struct hk_unit *unit, struct hk_findings *all)
{
	for (const char *value = NULL; (value = hk_unit_next(unit, "EnvironmentFiles", value)) != NULL;) {
		char pattern[PATH_MAX], other[PATH_MAX] = "";
		const char *end = strstr(value, " (ignore_errors=");
		glob_t files = {0};

		snprintf(pattern, sizeof pattern, "%.*s",
		         (int) (end != NULL ? end - value : (long) strlen(value)), value);
		if (glob(pattern, 0, NULL, &files) != 0)
			continue;
		for (size_t i = 0; i < files.gl_pathc; i++) {
			unsigned line = hk_unit_line(files.gl_pathv[i], "LD_PRELOAD", other, sizeof other);
			if (line == 0 || strstr(other, HK_LIBRARY_NAME) != NULL)
				continue;
			hk_found(all, HK_PROBLEM, "preload",
			         "%s:%u sets LD_PRELOAD=%s, and wins over any drop-in (EnvironmentFile= in "
			         "%s)",
			         files.gl_pathv[i], line, other,
			         hk_unit_where(unit, "EnvironmentFile", NULL));
			hk_remedy(all, "name the library there, in front of what is there");
		}
		globfree(&files);
	}
}

/* Drop-ins that come after ours, by their names: an Environment= there may undo ours. */
static void judge_later(const struct hk_unit *unit, const struct hk_needs *needs, struct hk_findings *all)
{
	struct hk_words files = hk_unit_words(hk_unit_get(unit, "DropInPaths"));

	for (unsigned i = 0; i < files.n; i++) {
		char value[4096];
		unsigned line = hk_unit_line(files.at[i], "Environment", value, sizeof value);
		if (line == 0 || strcmp(files.at[i], needs->dropin) == 0 ||
		    strcmp(name_of(files.at[i]), "hakmem.conf") <= 0)
			continue;
		if (value[0] != '\0' &&
		    (strstr(value, "LD_PRELOAD=") == NULL || strstr(value, HK_LIBRARY_NAME) != NULL))
			continue;
		hk_found(all, HK_PROBLEM, "preload", "%s:%u has Environment=%s and is read after hakmem.conf",
		         files.at[i], line, value);
		hk_remedy(all, value[0] == '\0' ? "give that file a name that sorts before hakmem.conf"
		                                : "name the library there, in front of what is there");
	}
	if (strstr(hk_unit_get(unit, "UnsetEnvironment"), "LD_PRELOAD") != NULL) {
		hk_found(all, HK_PROBLEM, "preload", "UnsetEnvironment=LD_PRELOAD (%s) wins over any drop-in",
		         hk_unit_where(unit, "UnsetEnvironment", needs->dropin));
		hk_remedy(all, "take the line out, or UnsetEnvironment= in a drop-in of yours");
	}
}

/* Ours in front of what the unit preloads already: of two allocators the first one serves. */
static void compose_preload(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	const char *before = hk_unit_variable(unit, "LD_PRELOAD");
	size_t size = strlen(needs->library) + (before != NULL ? strlen(before) : 0) + 2;
	char *copy = before != NULL ? strdup(before) : NULL, *save = NULL;

	needs->preload = malloc(size);
	if (needs->preload == NULL)
		return;
	snprintf(needs->preload, size, "%s", needs->library);
	for (char *one = copy != NULL ? strtok_r(copy, " :", &save) : NULL; one != NULL;
	     one = strtok_r(NULL, " :", &save)) {
		if (strncmp(name_of(one), HK_LIBRARY_NAME, sizeof HK_LIBRARY_NAME - 1) == 0)
			continue;
		strcat(strcat(needs->preload, ":"), one);
		if (hk_program_allocator(one))
			hk_found(all, HK_NOTE, "preload",
			         "the unit preloads %s (%s): hakmem comes before it and takes its place", one,
			         hk_unit_where(unit, "Environment", needs->dropin));
		else
			hk_found(all, HK_FINE, "preload", "%s is preloaded too (%s) and stays, behind ours",
			         one, hk_unit_where(unit, "Environment", needs->dropin));
	}
	free(copy);
}

void hk_needs_launch(const struct hk_unit *unit, struct hk_needs *needs, struct hk_findings *all)
{
	const char *value = NULL;

	while ((value = hk_unit_next(unit, "ExecStart", value)) != NULL)
		judge_command(unit, value, needs, all);
	compose_preload(unit, needs, all);
	if (needs->elsewhere)
		return;
	judge_files(unit, all);
	judge_later(unit, needs, all);
}

void hk_unit_configuration(const struct hk_unit *unit, const char *conf, char *const *settings, unsigned n,
                           struct hk_config *ret)
{
	struct hk_words words = hk_unit_words(hk_unit_get(unit, "Environment"));
	char **envp = calloc(words.n + n + 1, sizeof *envp);
	const char *exec = strstr(hk_unit_get(unit, "ExecStart"), "path=");
	char program[PATH_MAX] = "";
	struct hk_identity identity = {.conf = ""};
	struct hk_overlay env = {.mask = 0};
	struct hk_diags diags = {.count = 0};

	for (unsigned i = 0; envp != NULL && i < words.n; i++)
		envp[i] = words.at[i];
	for (unsigned i = 0; envp != NULL && i < n; i++)
		envp[words.n + i] = settings[i];
	hk_env_read(envp, &env, &identity, &diags);
	if (identity.conf[0] == '\0')
		snprintf(identity.conf, sizeof identity.conf, "%s", conf);
	snprintf(identity.unit, sizeof identity.unit, "%.127s", unit->shown);
	if (exec != NULL)
		snprintf(program, sizeof program, "%.*s", (int) strcspn(exec + 5, " "), exec + 5);
	snprintf(identity.program, sizeof identity.program, "%.63s", name_of(program));
	hk_config_resolve(&identity, &env, NULL, NULL, ret, &diags);
	free(envp);
}
