/* SPDX-License-Identifier: MIT
 *
 * systemctl is run and its text read; no library of systemd's is needed. Never freed: the program ends soon.
 */
#include "ctl/unit.h"
#include "ctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_NOT_RUN 127

/* What enable and doctor look at. */
static const char properties[] =
        "--property=Id,LoadState,LoadError,ActiveState,FragmentPath,DropInPaths,NeedDaemonReload,Type,"
        "ExecStart,Environment,"
        "EnvironmentFiles,UnsetEnvironment,User,DynamicUser,RootDirectory,RootImage,ProtectSystem,"
        "ProtectHome,PrivateTmp,"
        "ReadWritePaths,ReadOnlyPaths,InaccessiblePaths,ExecPaths,NoExecPaths,TemporaryFileSystem,BindPaths,"
        "BindReadOnlyPaths,RestrictAddressFamilies,SystemCallFilter,SystemCallErrorNumber";

const char *const hk_unit_folders[] = {
        "/etc/systemd/system",           "/run/systemd/system",     "/run/systemd/transient", "/run/systemd/generator",
        "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system",    NULL};

static void *must(void *memory)
{
	if (memory == NULL)
		hk_out_of_memory();
	return memory;
}

/* ---- running systemctl ---- */

static char *contents(int fd)
{
	struct stat st;
	size_t size = fd >= 0 && fstat(fd, &st) == 0 ? (size_t) st.st_size : 0;
	char *text = must(malloc(size + 2));
	ssize_t n = size > 0 ? pread(fd, text, size, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	text[n > 0 ? n + 1 : 1] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

int hk_unit_tool(const char *const *argv, char **ret_out, char **ret_err)
{
	int out = memfd_create("stdout", MFD_CLOEXEC), err = memfd_create("stderr", MFD_CLOEXEC), status = 0;
	pid_t pid = out < 0 || err < 0 ? -1 : fork();

	if (pid == 0) {
		int none = open("/dev/null", O_RDONLY);
		dup2(none, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		setenv("SYSTEMD_PAGER", "", 1);
		setenv("SYSTEMD_COLORS", "0", 1);
		execvp(argv[0], (char *const *) (uintptr_t) argv);
		dprintf(STDERR_FILENO, "%s: %s", argv[0], strerror(errno));
		_exit(EXIT_NOT_RUN);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*ret_out = contents(out);
	*ret_err = contents(err);
	(*ret_err)[strcspn(*ret_err, "\n")] = '\0';
	if (pid < 0)
		return EXIT_NOT_RUN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- names ---- */

/* Does the name look like that of a service (its suffix may be missing)? Then with the suffix to ret. */
static bool full_name(const char *name, char ret[HK_UNIT_NAME_MAX])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
	size_t n = strlen(name);
	const char *dot = strrchr(name, '.');
	bool suffix = dot != NULL && strcmp(dot, ".service") == 0;

	return n > 0 && name[0] != '.' && name[0] != '-' && name[0] != '@' && strspn(name, allowed) == n &&
	       snprintf(ret, HK_UNIT_NAME_MAX, "%s%s", name, suffix ? "" : ".service") < HK_UNIT_NAME_MAX;
}

static bool is_template(const char *name)
{
	return strstr(name, "@.service") != NULL;
}

/* An instance that stands for a template: one that runs, else one of our own making. */
static void choose_instance(struct hk_unit *unit)
{
	char pattern[HK_UNIT_NAME_MAX + 2], *out, *err;
	int at = (int) (strstr(unit->name, "@.") - unit->name);
	const char *const list[] = {"systemctl", "list-units", "--plain", "--no-legend", pattern, NULL};

	snprintf(pattern, sizeof pattern, "%.*s@*.service", at, unit->name);
	snprintf(unit->shown, sizeof unit->shown, "%.*s@hakmem.service", at, unit->name);
	if (hk_unit_tool(list, &out, &err) == 0 && strncmp(out, pattern, (size_t) at + 1) == 0)
		snprintf(unit->shown, sizeof unit->shown, "%.*s", (int) strcspn(out, " \n"), out);
	free(out);
	free(err);
}

static void set_id(struct hk_unit *unit)
{
	const char *id = hk_unit_get(unit, "Id"), *at = strchr(id, '@');

	if (unit->template && at != NULL)
		snprintf(unit->id, sizeof unit->id, "%.*s@.service", (int) (at - id), id);
	else
		snprintf(unit->id, sizeof unit->id, "%s", id[0] != '\0' && !unit->template ? id : unit->name);
}

static int refuse(int error, char **ret_why, const char *format, const char *a, const char *b)
{
	*ret_why = NULL;
	/* The formats are those below. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (asprintf(ret_why, format, a, b) < 0)
		must(NULL);
#pragma GCC diagnostic pop
	return error;
}

int hk_unit_read(const char *name, struct hk_unit *ret, char **ret_why)
{
	const char *const show[] = {"systemctl", "show", "--no-pager", properties, "--", ret->shown, NULL};
	char full[HK_UNIT_NAME_MAX];
	const char *state;
	char *out, *err;
	int status;

	if (!full_name(name, full))
		return refuse(-ENOENT, ret_why, "'%s' is no name of a service%s", name,
		              strchr(name, '/') != NULL ? ": give the name of the unit, not a path" : "");
	memset(ret, 0, sizeof *ret); /* name may be one of its own */
	memcpy(ret->name, full, sizeof full);
	memcpy(ret->shown, full, sizeof full);
	ret->template = is_template(ret->name);
	if (ret->template)
		choose_instance(ret);
	status = hk_unit_tool(show, &out, &err);
	for (char *p = out; *p != '\0'; p++)
		if (*p == '\n')
			*p = '\0';
	ret->lines = out;
	state = hk_unit_get(ret, "LoadState");
	if (status == EXIT_NOT_RUN)
		return refuse(-EIO, ret_why, "systemctl cannot be run (%s): is this a host with systemd?%s",
		              err, "");
	if (status != 0 || state[0] == '\0')
		return refuse(-EIO, ret_why, "systemctl show %s: %s (where systemd does not run, put the variables into the unit by hand: hakmem(7), ENVIRONMENT)",
		              ret->shown, err[0] != '\0' ? err : "no answer");
	set_id(ret);
	if (strcmp(state, "not-found") == 0)
		return refuse(-ENOENT, ret_why,
		              "there is no unit %s (systemctl list-unit-files shows what there is)%s",
		              ret->name, "");
	if (strcmp(state, "loaded") != 0 && strcmp(state, "masked") != 0)
		return refuse(-EIO, ret_why, "systemd cannot load it (%s): %s", state,
		              hk_unit_get(ret, "LoadError"));
	return 0;
}

/* ---- properties ---- */

const char *hk_unit_next(const struct hk_unit *unit, const char *property, const char *after)
{
	size_t n = strlen(property);
	const char *line = after != NULL ? after + strlen(after) + 1 : unit->lines;

	for (; line != NULL && *line != '\0'; line += strlen(line) + 1)
		if (strncmp(line, property, n) == 0 && line[n] == '=')
			return line + n + 1;
	return NULL;
}

const char *hk_unit_get(const struct hk_unit *unit, const char *property)
{
	const char *value = hk_unit_next(unit, property, NULL);

	return value != NULL ? value : "";
}

bool hk_unit_is(const struct hk_unit *unit, const char *property, const char *value)
{
	return strcmp(hk_unit_get(unit, property), value) == 0;
}

/* One word from *text to `to`, quotes and escapes resolved. */
static void take_word(const char **text, char *to)
{
	char quote = '\0';

	for (; **text != '\0' && (quote != '\0' || **text != ' '); (*text)++) {
		if (**text == quote)
			quote = '\0';
		else if (quote == '\0' && (**text == '"' || **text == '\''))
			quote = **text;
		else if (**text == '\\' && (*text)[1] != '\0')
			*to++ = *++(*text);
		else
			*to++ = **text;
	}
	*to = '\0';
}

struct hk_words hk_unit_words(const char *text)
{
	struct hk_words words = {NULL, 0};

	for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
		words.at = must(realloc(words.at, (words.n + 1) * sizeof *words.at));
		words.at[words.n] = must(malloc(strlen(text) + 1));
		take_word(&text, words.at[words.n++]);
	}
	return words;
}

const char *hk_unit_variable(const struct hk_unit *unit, const char *name)
{
	struct hk_words words = hk_unit_words(hk_unit_get(unit, "Environment"));
	size_t n = strlen(name);
	const char *found = NULL;

	for (unsigned i = 0; i < words.n; i++)
		if (strncmp(words.at[i], name, n) == 0 && words.at[i][n] == '=')
			found = words.at[i] + n + 1;
	return found;
}

/* ---- files ---- */

unsigned hk_unit_line(const char *path, const char *key, char *ret_value, size_t size)
{
	FILE *file = fopen(path, "re");
	unsigned number = 0, found = 0;
	size_t room = 0, n = strlen(key);
	char *line = NULL;

	while (file != NULL && getline(&line, &room, file) > 0) {
		const char *p = line + strspn(line, " \t");
		number++;
		if (strncmp(p, key, n) != 0)
			continue;
		p += n;
		p += strspn(p, " \t");
		if (*p++ != '=')
			continue;
		found = number;
		p += strspn(p, " \t");
		if (ret_value != NULL)
			snprintf(ret_value, size, "%.*s", (int) strcspn(p, "\n"), p);
	}
	free(line);
	if (file != NULL)
		fclose(file);
	return found;
}

const char *hk_unit_where(const struct hk_unit *unit, const char *key, const char *except)
{
	static char buffers[4][PATH_MAX + 16];
	static unsigned next;
	char *place = buffers[next++ % HK_COUNT(buffers)];
	struct hk_words files = hk_unit_words(hk_unit_get(unit, "DropInPaths"));
	const char *fragment = hk_unit_get(unit, "FragmentPath");

	for (unsigned i = files.n; i-- > 0;) {
		unsigned line = except != NULL && strcmp(files.at[i], except) == 0
		                        ? 0
		                        : hk_unit_line(files.at[i], key, NULL, 0);
		if (line > 0) {
			snprintf(place, sizeof buffers[0], "%s:%u", files.at[i], line);
			return place;
		}
	}
	unsigned line = hk_unit_line(fragment, key, NULL, 0);
	if (line > 0)
		snprintf(place, sizeof buffers[0], "%s:%u", fragment, line);
	else
		snprintf(place, sizeof buffers[0], "%s", fragment[0] != '\0' ? fragment : "the unit");
	return place;
}
