/* SPDX-License-Identifier: MIT
 *
 * enable and disable: the systemd drop-in of a service. Nothing is restarted unless that was asked for, and
 * nothing is written where it could not work.
 */
#include "ctl/ctl.h"
#include "ctl/dropin.h"
#include "ctl/output.h"
#include "ctl/program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SETTINGS (HK_KEY_COUNT + 2)

/* What one call carries for all its units. */
struct order {
	struct hk_ctl *ctl;
	json_t *array, *object; /* with --json: all units, and the one at hand; else NULL */
	char library[PATH_MAX];
	char *variables[MAX_SETTINGS + 1]; /* "HAKMEM_KEY=value" */
	unsigned nvariables;
};

/* ---- what is said ---- */

/* A line of the report, or a member of the unit's object; a word that is said again makes an array. */
static void tell(const struct order *order, const char *word, const char *format, ...) HK_PRINTF(3, 4);
static void tell(const struct order *order, const char *word, const char *format, ...)
{
	json_t *before = json_object_get(order->object, word), *value;
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text == NULL)
		return;
	if (order->object == NULL) {
		printf("  %-9s  %s\n", word, text);
	} else {
		value = json_string(text);
		if (before == NULL)
			json_object_set_new(order->object, word, value);
		else if (json_is_array(before))
			json_array_append_new(before, value);
		else
			json_object_set_new(order->object, word, json_pack("[O,o]", before, value));
	}
	free(text);
}

/* A unit's turn begins. */
static void begin(struct order *order, const char *unit)
{
	if (!order->ctl->json)
		return;
	order->object = json_pack("{s:s}", "unit", unit);
	json_array_append_new(order->array, order->object);
}

/* ---- systemd ---- */

static int reload_daemon(void)
{
	const char *const argv[] = {"systemctl", "daemon-reload", NULL};
	char *out, *err;
	int status = hk_unit_tool(argv, &out, &err);

	if (status != 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "systemctl daemon-reload failed: %s", err);
	return HK_EXIT_DONE;
}

static int restart(const struct order *order, const char *unit)
{
	const char *const argv[] = {"systemctl", "restart", "--", unit, NULL};
	char *out, *err;
	int status = hk_unit_tool(argv, &out, &err);

	if (status != 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "systemctl restart %s failed: %s (journalctl -u %s)", unit,
		                   err, unit);
	tell(order, "restarted", "%s", unit);
	return HK_EXIT_DONE;
}

static bool is_running(const struct hk_unit *unit)
{
	const char *state = hk_unit_get(unit, "ActiveState");

	return strcmp(state, "active") == 0 || strcmp(state, "reloading") == 0 ||
	       strcmp(state, "activating") == 0;
}

/* The last step: the restart, or the word that one is needed. */
static int finish(const struct order *order, const struct hk_unit *unit)
{
	if (order->ctl->no_reload)
		tell(order, "next", "systemctl daemon-reload, then a restart of %s", unit->id);
	else if (unit->template)
		tell(order, "next", "systemctl restart '%.*s@*' (until then its instances run as before)",
		     (int) strcspn(unit->id, "@"), unit->id);
	else if (is_running(unit) && order->ctl->restart)
		return restart(order, unit->id);
	else if (is_running(unit))
		tell(order, "next", "systemctl restart %s (until then it runs as before)", unit->id);
	else
		tell(order, "next", "systemctl start %s (it is %s)", unit->id,
		     hk_out_safe(hk_unit_get(unit, "ActiveState")));
	return HK_EXIT_DONE;
}

/* The unit, as systemd has it now; with changed files, after it has read them. Says why not. */
static int read_unit(const struct hk_ctl *ctl, const char *name, struct hk_unit *ret)
{
	char *why;
	int r = hk_unit_read(name, ret, &why);

	if (r == 0 && hk_unit_is(ret, "NeedDaemonReload", "yes") && !ctl->dry_run && !ctl->no_reload &&
	    reload_daemon() == 0)
		r = hk_unit_read(name, ret, &why);
	if (r < 0)
		return hk_ctl_fail(r == -ENOENT ? HK_EXIT_NO_TARGET : HK_EXIT_FAILED, "%s", why);
	return HK_EXIT_DONE;
}

/* May the drop-in be written or removed? Says why not. */
static int check_dropin(const char *path, enum hk_dropin_state state, const char *verb)
{
	switch (state) {
	case HK_DROPIN_FOREIGN:
		return hk_ctl_fail(
		        HK_EXIT_FAILED,
		        "%s was not written by hakmemctl: nothing is done. Move it away, or %s by hand", path,
		        verb);
	case HK_DROPIN_EDITED:
		return hk_ctl_fail(HK_EXIT_FAILED,
		                   "%s was changed by hand since hakmemctl wrote it: nothing is done. "
		                   "Move it away (your lines into another file of that folder), then repeat",
		                   path);
	case HK_DROPIN_CLOSED:
		return hk_ctl_fail(HK_EXIT_FAILED, "%s: %s%s", path, strerror(errno),
		                   geteuid() != 0 ? ": needs root" : "");
	default:
		return HK_EXIT_DONE;
	}
}

/* Nothing is begun that could not be finished. */
static int check_rights(const struct hk_ctl *ctl)
{
	if (ctl->dry_run || access(hk_dropin_base(), W_OK) == 0)
		return HK_EXIT_DONE;
	if (errno == ENOENT)
		return hk_ctl_fail(HK_EXIT_FAILED, "there is no %s: is this a host with systemd?",
		                   hk_dropin_base());
	return hk_ctl_fail(
	        HK_EXIT_FAILED, "%s cannot be written to (%s): %s", hk_dropin_base(), strerror(errno),
	        geteuid() != 0 ? "needs root; --dry-run shows what would be done" : "is /etc read-only?");
}

/* ---- enable ---- */

/* The folder of the sockets, as the piece of tmpfiles.d makes it. */
static void make_folder(const struct order *order, const char *dir)
{
	const char *const argv[] = {"systemd-tmpfiles", "--create", "hakmem.conf", NULL};
	struct stat st;
	char *out, *err;

	if (stat(dir, &st) == 0)
		return;
	if (strcmp(dir, "/run/hakmem") == 0 && hk_unit_tool(argv, &out, &err) == 0 && stat(dir, &st) == 0) {
		tell(order, "made", "%s (systemd-tmpfiles)", dir);
		return;
	}
	if (mkdir(dir, 0) == 0 && chmod(dir, 01777) == 0)
		tell(order, "made", "%s, mode 1777%s", dir,
		     strcmp(dir, "/run/hakmem") == 0
		             ? " (hakmem.conf is not in tmpfiles.d: it will be missing after a boot)"
		             : "");
	else
		tell(order, "note", "%s could not be made: %s (needed for control = on)", dir,
		     strerror(errno));
}

/* Did it take? systemd is asked again: some file may come after ours. */
static int verify(const struct order *order, const char *path, struct hk_unit *ret)
{
	const char *preload;

	if (read_unit(order->ctl, ret->name, ret) != 0)
		return HK_EXIT_FAILED;
	preload = hk_unit_variable(ret, "LD_PRELOAD");
	if (preload != NULL && strstr(preload, order->library) != NULL)
		return HK_EXIT_DONE;
	if (strstr(hk_unit_get(ret, "DropInPaths"), path) == NULL)
		return hk_ctl_fail(HK_EXIT_FAILED,
		                   "%s is written, but systemd does not read it (systemctl cat %s)", path,
		                   ret->shown);
	return hk_ctl_fail(HK_EXIT_FAILED,
	                   "%s is written, but the unit's LD_PRELOAD is '%s': %s comes later and wins", path,
	                   preload != NULL ? preload : "", hk_unit_where(ret, "Environment", path));
}

/* The file is written as a whole: settings of an earlier enable that were not named again are gone. */
static void tell_dropped(const struct order *order, const char *old, const char *text)
{
	static const char start[] = "\nEnvironment=\"HAKMEM_";

	for (const char *line = strstr(old, start); line != NULL; line = strstr(line + 1, start)) {
		int named = (int) (strcspn(line + 1, "\n") + 1), key = (int) strcspn(line + sizeof start - 1, "=");
		char head[128];

		snprintf(head, sizeof head, "%.*s=", (int) sizeof start - 1 + key, line);
		if (strstr(text, head) == NULL)
			tell(order, "dropped", "%.*s (set by an earlier enable; name it again to keep it)", named - 1, line + 1);
	}
}

static int write_it(const struct order *order, struct hk_unit *unit, const struct hk_needs *needs,
                    const char *path)
{
	char *text = hk_dropin_text(unit->id, needs, order->variables, order->nvariables), *old = NULL;
	enum hk_dropin_state state = hk_dropin_look(path, &old);
	int r;

	if (order->ctl->dry_run) {
		if (order->object != NULL)
			tell(order, "text", "%s", text);
		else
			printf("# %s\n%s", path, text);
		return HK_EXIT_DONE;
	}
	r = state == HK_DROPIN_OURS && strcmp(old, text) == 0 ? 1 : hk_dropin_write(path, text);
	if (r < 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s: %s", path, strerror(-r));
	tell(order, r == 1 ? "is there" : "wrote", "%s", path);
	if (state == HK_DROPIN_OURS)
		tell_dropped(order, old, text);
	for (unsigned i = 0; i < needs->nlines; i++)
		tell(order, "added", "%s%s%s%s", needs->lines[i], needs->reasons[i] != NULL ? " (" : "",
		     needs->reasons[i] != NULL ? needs->reasons[i] : "",
		     needs->reasons[i] != NULL ? ")" : "");
	if (!needs->no_socket)
		make_folder(order, needs->control_dir);
	if (!order->ctl->no_reload && (reload_daemon() != 0 || verify(order, path, unit) != 0))
		return HK_EXIT_FAILED;
	return finish(order, unit);
}

/* With --dry-run as comments of what is printed. */
static void tell_findings(const struct order *order, const struct hk_findings *found)
{
	if (order->object != NULL)
		json_object_update_new(order->object, hk_findings_json(found));
	else if (!order->ctl->dry_run || found->problems > 0)
		hk_findings_print(found, HK_NOTE, order->ctl->colour);
	else
		for (unsigned i = 0; i < found->n; i++)
			if (found->at[i].level == HK_NOTE)
				printf("# note: %s\n", found->at[i].text);
}

static int enable_one(struct order *order, const char *name)
{
	struct hk_findings found = {.subject = ""};
	struct hk_needs needs = {.library = order->library, .no_socket = order->ctl->no_socket};
	static struct hk_config config;
	struct hk_unit unit;
	char path[PATH_MAX];
	int status = read_unit(order->ctl, name, &unit);

	if (status != 0)
		return status;
	hk_dropin_path(unit.id, path, sizeof path);
	if (hk_unit_is(&unit, "LoadState", "masked"))
		return hk_ctl_fail(HK_EXIT_FAILED, "%s is masked: it cannot be started (systemctl unmask)",
		                   unit.id);
	if ((status = check_dropin(path, hk_dropin_look(path, NULL), "enable it")) != 0)
		return status;
	hk_unit_configuration(&unit, order->ctl->identity.conf, order->variables, order->nvariables, &config);
	needs.dropin = path;
	needs.control = hk_config_num(&config, HK_KEY_CONTROL) != 0;
	needs.control_dir = config.values.text[HK_TEXT_CONTROL_DIR];
	snprintf(found.subject, sizeof found.subject, "%s", unit.id);
	hk_needs_find(&unit, &needs, &found);
	begin(order, unit.id);
	tell_findings(order, &found);
	if (needs.elsewhere && order->nvariables > 0)
		return hk_ctl_fail(HK_EXIT_FAILED,
		                   "%s: settings cannot be handed on by a drop-in, either (see above)",
		                   unit.id);
	if (found.problems > 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s: not enabled, nothing was written", unit.id);
	if (needs.elsewhere) {
		tell(order, "next", "systemctl restart %s (nothing else is to be written)", unit.id);
		return HK_EXIT_DONE;
	}
	return write_it(order, &unit, &needs, path);
}

/* KEY=VALUE among the arguments become variables; what is left are units. Returns an exit status. */
static int take_settings(struct order *order, char **units, int *ret_n)
{
	struct hk_ctl *ctl = order->ctl;

	for (int i = 0; i < ctl->nargs; i++) {
		const char *name, *value;
		int status;

		if (strchr(ctl->args[i], '=') == NULL) {
			units[(*ret_n)++] = ctl->args[i];
			continue;
		}
		status = hk_ctl_setting(ctl, ctl->args[i], "", &name, &value);
		if (status != 0)
			return status;
		if (order->nvariables >= MAX_SETTINGS ||
		    asprintf(&order->variables[order->nvariables++], "%s=%s", name, value) < 0)
			return hk_ctl_usage(ctl, "too many settings");
	}
	return *ret_n == 0 ? hk_ctl_usage(ctl, "there is no UNIT") : HK_EXIT_DONE;
}

int hk_do_enable(struct hk_ctl *ctl)
{
	struct order order = {.ctl = ctl};
	char **units = calloc((size_t) ctl->nargs + 1, sizeof *units);
	int n = 0, status = units == NULL ? HK_EXIT_FAILED : take_settings(&order, units, &n);

	if (status != 0)
		return status;
	if (!hk_library_find(order.library, sizeof order.library, true) || check_rights(ctl) != 0)
		return HK_EXIT_FAILED;
	order.array = json_array();
	for (int i = 0; i < n; i++) {
		int one = enable_one(&order, units[i]);
		status = status == 0 ? one : status;
	}
	return ctl->json && hk_out_json(order.array) != 0 ? HK_EXIT_FAILED : status;
}

/* ---- disable ---- */

/* What else preloads the library for the unit: that is somebody's own. */
static void tell_rest(const struct order *order, const struct hk_unit *unit, const char *path)
{
	struct hk_words files = hk_unit_words(hk_unit_get(unit, "DropInPaths"));
	const char *preload = hk_unit_variable(unit, "LD_PRELOAD");

	for (unsigned i = 0; i < files.n; i++)
		if (strcmp(files.at[i], path) != 0)
			tell(order, "stays", "%s", files.at[i]);
	if (preload != NULL && strstr(preload, HK_LIBRARY_NAME) != NULL)
		tell(order, "note", "LD_PRELOAD still names the library: %s",
		     hk_unit_where(unit, "Environment", NULL));
}

static int disable_one(struct order *order, const char *name)
{
	struct hk_unit unit = {.name = ""};
	char path[PATH_MAX], *why = NULL;
	enum hk_dropin_state state;
	bool empty;
	int r = hk_unit_read(name, &unit, &why), status;

	if (unit.id[0] == '\0')
		snprintf(unit.id, sizeof unit.id, "%s", unit.name);
	if (unit.id[0] == '\0')
		return hk_ctl_fail(HK_EXIT_NO_TARGET, "%s", why);
	hk_dropin_path(unit.id, path, sizeof path);
	state = hk_dropin_look(path, NULL);
	if ((status = check_dropin(path, state, "take it away")) != 0)
		return status;
	if (state == HK_DROPIN_NONE && r < 0)
		return hk_ctl_fail(r == -ENOENT ? HK_EXIT_NO_TARGET : HK_EXIT_FAILED, "%s", why);
	begin(order, unit.id);
	if (order->object == NULL)
		printf("%s\n", unit.id);
	if (state == HK_DROPIN_NONE) {
		tell(order, "nothing", "there is no %s", path);
		tell_rest(order, &unit, path);
		return HK_EXIT_DONE;
	}
	if (order->ctl->dry_run) {
		tell(order, "would go", "%s", path);
		return HK_EXIT_DONE;
	}
	r = hk_dropin_remove(path, &empty);
	if (r < 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s: %s", path, strerror(-r));
	tell(order, "removed", "%s%s", path, empty ? ", and its folder" : "");
	if (!order->ctl->no_reload && reload_daemon() != 0)
		return HK_EXIT_FAILED;
	if (why != NULL || (!order->ctl->no_reload && hk_unit_read(name, &unit, &why) < 0))
		return HK_EXIT_DONE; /* the unit itself is gone: nothing to restart */
	tell_rest(order, &unit, path);
	return finish(order, &unit);
}

int hk_do_disable(struct hk_ctl *ctl)
{
	struct order order = {.ctl = ctl, .array = json_array()};
	int status = check_rights(ctl);

	for (int i = 0; i < ctl->nargs && (status == 0 || i > 0); i++) {
		int one = disable_one(&order, ctl->args[i]);
		status = status == 0 ? one : status;
	}
	return ctl->json && hk_out_json(order.array) != 0 ? HK_EXIT_FAILED : status;
}
