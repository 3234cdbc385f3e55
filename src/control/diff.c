/* SPDX-License-Identifier: MIT
 *
 * diff: what a reload would change, without changing it; and what the files say in vain, because the environment or
 * hakmemctl set wins over them.
 */
#include "control/call.h"

#include <stdio.h>
#include <string.h>

static void open_change(struct hk_json *json, const char *key, const char *context)
{
	hk_json_open(json, NULL, '{');
	hk_json_text(json, "key", key);
	hk_json_text(json, "context", context);
}

static void close_change(struct hk_json *json, const char *old_origin, const char *new_origin, const char *effect)
{
	hk_json_text(json, "old_origin", old_origin);
	hk_json_text(json, "new_origin", new_origin);
	hk_json_text(json, "effect", effect);
	hk_json_close(json, '}');
}

static void diff_mode(struct hk_call *call, const struct hk_config *old, const struct hk_config *new)
{
	char was[HK_PATH_MAX], is[HK_PATH_MAX];
	bool same = strcmp(old->mode, new->mode) == 0;

	if (same && old->mode_origin == new->mode_origin)
		return;
	open_change(&call->json, "mode", "live");
	hk_json_text(&call->json, "old", old->mode);
	hk_json_text(&call->json, "new", new->mode);
	hk_report_mode_origin(old, was, sizeof(was));
	hk_report_mode_origin(new, is, sizeof(is));
	close_change(&call->json, was, is, same ? "none" : "live");
}

static void diff_key(struct hk_call *call, const struct hk_config *old, const struct hk_config *new, enum hk_key_id key)
{
	bool same = hk_values_equal(&old->values, &new->values, key);
	bool live = same ? hk_keys[key].context == HK_CONTEXT_LIVE : !hk_values_need_restart(&old->values, &new->values, key);
	char text[HK_VALUE_MAX], was[HK_PATH_MAX], is[HK_PATH_MAX];

	if (same && old->origin[key] == new->origin[key])
		return;
	if (!live && new->origin[key] == HK_ORIGIN_SET)
		return; /* it will be lost by the restart that it waits for */
	open_change(&call->json, hk_keys[key].name, live ? "live" : "startup");
	hk_json_text(&call->json, "old", hk_values_format(&old->values, key, text));
	hk_json_text(&call->json, "new", hk_values_format(&new->values, key, text));
	hk_report_origin(call, old, key, was, sizeof(was));
	hk_report_origin(call, new, key, is, sizeof(is));
	close_change(&call->json, was, is, same ? "none" : live ? "live" : "restart");
}

/* One line of the files that another source wins over. */
static void in_vain(struct hk_json *json, const char *key, const char *value, const char *place, const char *holds,
                    const char *by)
{
	hk_json_open(json, NULL, '{');
	hk_json_text(json, "key", key);
	hk_json_text(json, "value", value);
	hk_json_text(json, "place", place);
	hk_json_text(json, "holds", holds);
	hk_json_text(json, "by", by);
	hk_json_close(json, '}');
}

static bool wins(unsigned origin, bool live)
{
	return origin == HK_ORIGIN_ENV || (origin == HK_ORIGIN_SET && live);
}

/* files: what the files alone would give. */
static void overridden(struct hk_call *call, const struct hk_config *files, const struct hk_config *new)
{
	char value[HK_VALUE_MAX], holds[HK_VALUE_MAX], place[HK_PATH_MAX + 16], by[HK_PATH_MAX];

	if (files->mode_line != 0 && wins(new->mode_origin, true) && strcmp(files->mode, new->mode) != 0) {
		(void) snprintf(place, sizeof(place), "%s:%u", files->files[files->mode_file], files->mode_line);
		hk_report_mode_origin(new, by, sizeof(by));
		in_vain(&call->json, "mode", files->mode, place, new->mode, by);
	}
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		enum hk_key_id key = (enum hk_key_id) k;

		if (files->line[k] == 0 || !wins(new->origin[k], hk_keys[k].context == HK_CONTEXT_LIVE) ||
		    hk_values_equal(&files->values, &new->values, key))
			continue;
		(void) snprintf(place, sizeof(place), "%s:%u", files->files[files->file[k]], files->line[k]);
		hk_report_origin(call, new, k, by, sizeof(by));
		in_vain(&call->json, hk_keys[k].name, hk_values_format(&files->values, key, value), place,
		        hk_values_format(&new->values, key, holds), by);
	}
}

static void report_files(struct hk_json *json, const struct hk_config *config)
{
	hk_json_open(json, "files", '[');
	for (unsigned i = 0; i < config->nfiles; i++)
		hk_json_text(json, NULL, config->files[i]);
	hk_json_close(json, ']');
}

void hk_diff_overridden(struct hk_call *call, const struct hk_config *effective)
{
	struct hk_identity identity = *call->request->identity;
	struct hk_config files;

	(void) snprintf(identity.root, sizeof(identity.root), "%s", call->request->root);
	if (hk_config_resolve(&identity, NULL, NULL, NULL, &files, NULL) < 0)
		return;
	hk_json_open(&call->json, "overridden", '[');
	overridden(call, &files, effective);
	hk_json_close(&call->json, ']');
}

int hk_diff_run(struct hk_call *call)
{
	struct hk_config old, new;
	struct hk_json *json = &call->json;
	int r;

	hk_report_effective(call, &old);
	r = hk_change_read(call, &old);
	if (r != 0 && call->show_diags)
		return hk_call_refuse(call, "a reload would be refused, and change nothing:");
	if (r != 0)
		return r;
	hk_report_effective(call, &new);
	hk_json_uint(json, "pid", call->request->block->pid);
	report_files(json, &new);
	hk_json_open(json, "changes", '[');
	diff_mode(call, &old, &new);
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		diff_key(call, &old, &new, (enum hk_key_id) k);
	hk_json_close(json, ']');
	hk_diff_overridden(call, &new);
	return 0;
}
