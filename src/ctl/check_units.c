/* SPDX-License-Identifier: MIT
 *
 * check and reload, the part that looks at systemd: control = on, written into a file, starts a thread with a socket when
 * a unit starts next. Where the unit's SystemCallFilter= answers one of its calls with a signal, that is the service's end,
 * and the file is what says so. (enable and doctor judge all of a unit: needs.c.)
 */
#include "ctl/check.h"
#include "ctl/dropin.h"
#include "ctl/output.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMEDY "control = off in [unit:%s], or " HK_FILTER_REMEDY " in a drop-in of yours; hakmemctl doctor %s looks at all of it"

/* ---- check ---- */

/* The line that gives the unit control = on, if it is in one of the files that were checked. */
static bool place_of(const struct hk_unit *unit, const char *conf, const struct hk_lint *lint, char *ret, size_t size)
{
	struct hk_config *config = calloc(1, sizeof *config);
	const char *file;
	bool here = false;

	if (config == NULL)
		hk_out_of_memory();
	hk_unit_configuration(unit, conf, NULL, 0, config);
	file = config->line[HK_KEY_CONTROL] > 0 ? config->files[config->file[HK_KEY_CONTROL]] : "";
	for (size_t i = 0; hk_config_num(config, HK_KEY_CONTROL) != 0 && file[0] != '\0' && i < json_array_size(lint->files); i++)
		here |= strcmp(json_string_value(json_array_get(lint->files, i)), file) == 0;
	snprintf(ret, size, "%s:%u", file, config->line[HK_KEY_CONTROL]);
	free(config);
	return here;
}

static void judge(const char *name, const char *conf, struct hk_lint *lint)
{
	char place[HK_PATH_MAX + 16], path[PATH_MAX], *why;
	const char *call;
	struct hk_unit unit;

	if (hk_unit_read(name, &unit, &why) != 0)
		return;
	hk_dropin_path(unit.id, path, sizeof path);
	call = hk_needs_deadly_call(&unit);
	if (call != NULL && place_of(&unit, conf, lint, place, sizeof place))
		hk_lint_add(lint, true, "%s: control = on ends %s at its next start: its SystemCallFilter= (%s) forbids %s; " REMEDY, place,
		            unit.id, hk_unit_where(&unit, "SystemCallFilter", path), call, unit.id, unit.id);
}

/* The template any instance stands for, and each that the files name. */
static void judge_template(const char *name, const char *conf, struct hk_lint *lint)
{
	const size_t n = (size_t) (strchr(name, '@') + 1 - name);

	judge(name, conf, lint);
	for (size_t i = 0; i < json_array_size(lint->instances); i++) {
		const char *one = json_string_value(json_array_get(lint->instances, i));

		if (strncmp(one, name, n) == 0 && one[n] != '\0' && one[n] != '.')
			judge(one, conf, lint);
	}
}

/* The unit of "…/UNIT.d/hakmem.conf". */
static const char *unit_of(char *path)
{
	char *end = strrchr(path, '/'), *name;

	*end = '\0';
	name = strrchr(path, '/') + 1;
	name[strlen(name) - 2] = '\0';
	return name;
}

void hk_check_units(const struct hk_check_live *live, const char *conf, struct hk_lint *lint)
{
	char pattern[PATH_MAX];
	glob_t found;

	if (!lint->control) /* nobody is given it: systemd need not be asked */
		return;
	snprintf(pattern, sizeof pattern, "%.3900s/*.service.d/hakmem.conf", hk_dropin_base());
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *name = unit_of(found.gl_pathv[i]);

			(strchr(name, '@') != NULL ? judge_template : judge)(name, conf, lint);
		}
		globfree(&found);
	}
	for (unsigned i = 0; i < live->n; i++) /* enabled by other means; what was said is not said again */
		if (live->answers[i].error[0] == '\0' && hk_service_unit(live->answers[i].service)[0] != '\0')
			judge(hk_service_unit(live->answers[i].service), conf, lint);
	hk_lint_sort(lint);
}

/* ---- reload ---- */

void hk_check_pending(const struct hk_answer *answer)
{
	const json_t *pending = json_object_get(answer->reply, "pending");
	const char *name = hk_service_unit(answer->service), *call;
	json_t *warnings = json_object_get(answer->reply, "warnings");
	char text[1024], path[PATH_MAX], *why;
	struct hk_unit unit;
	bool on = false;

	for (size_t i = 0; i < json_array_size(pending); i++) {
		const json_t *one = json_array_get(pending, i);

		on |= strcmp(hk_out_text(one, "key"), "control") == 0 && strcmp(hk_out_text(one, "value"), "on") == 0;
	}
	if (!on || name[0] == '\0' || hk_unit_read(name, &unit, &why) != 0 || (call = hk_needs_deadly_call(&unit)) == NULL)
		return;
	hk_dropin_path(unit.id, path, sizeof path);
	snprintf(text, sizeof text, "control = on ends %s at its next start: its SystemCallFilter= (%s) forbids %s; " REMEDY, unit.id,
	         hk_unit_where(&unit, "SystemCallFilter", path), call, unit.id, unit.id);
	if (warnings == NULL)
		json_object_set_new(answer->reply, "warnings", warnings = json_array());
	json_array_append_new(warnings, json_string(hk_out_safe(text)));
}
