/* SPDX-License-Identifier: MIT
 *
 * set and reload: from the published values to new ones, all or nothing. Start-up keys keep their
 * running value; what they will be after a restart is recorded as pending.
 */
#include "control/call.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BIT(k) ((uint64_t) 1 << (k))

/* ---- what both have in common ---- */

static void report_value(struct hk_json *json, const char *name, unsigned key, const struct hk_values *values)
{
	char text[HK_VALUE_MAX];

	hk_json_text(json, name, hk_values_format(values, (enum hk_key_id) key, text));
}

/* Start-up keys that would change become pending and stay as they were. */
static void settle(struct hk_block_values *values, const struct hk_config *old)
{
	struct hk_config *config = &values->config;

	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		values->pending.mask &= ~BIT(k);
		if (!hk_values_need_restart(&old->values, &config->values, (enum hk_key_id) k))
			continue;
		values->pending.mask |= BIT(k);
		hk_values_lay(&values->pending.values, (enum hk_key_id) k, &config->values);
		hk_values_lay(&config->values, (enum hk_key_id) k, &old->values);
		config->origin[k] = old->origin[k];
		config->line[k] = 0; /* of a file that may have changed meanwhile */
	}
}

/* Where key's value in force is: what the engine has learned holds where nobody has said anything. */
static const struct hk_values *in_force(const struct hk_config *config, const struct hk_overlay *learned, unsigned key)
{
	return (learned->mask & BIT(key)) != 0 ? &learned->values : &config->values;
}

/* Returns the keys that change. */
static uint64_t report_changes(struct hk_call *call, const struct hk_config *old)
{
	const struct hk_config *config = &call->values->config;
	struct hk_overlay learned_old, learned;
	struct hk_json *json = &call->json;
	uint64_t changed = 0;

	hk_engine_overlay(&call->request->block->elo, old, &learned_old);
	hk_engine_overlay(&call->request->block->elo, config, &learned);

	hk_json_open(json, "changed", '[');
	if (strcmp(old->mode, config->mode) != 0) {
		hk_json_open(json, NULL, '{');
		hk_json_text(json, "key", "mode");
		hk_json_text(json, "old", old->mode);
		hk_json_text(json, "new", config->mode);
		hk_json_close(json, '}');
	}
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		const struct hk_values *was = in_force(old, &learned_old, k), *is = in_force(config, &learned, k);

		if (hk_values_equal(was, is, (enum hk_key_id) k))
			continue;
		changed |= BIT(k);
		hk_json_open(json, NULL, '{');
		hk_json_text(json, "key", hk_keys[k].name);
		report_value(json, "old", k, was);
		report_value(json, "new", k, is);
		hk_json_close(json, '}');
	}
	hk_json_close(json, ']');
	return changed;
}

/* named: the keys that this request is about; what waits for a restart because of others is not said again. */
static int finish(struct hk_call *call, const struct hk_config *old, uint64_t named)
{
	struct hk_diags nonsense = {.count = 0};
	uint64_t changed;

	settle(call->values, old);
	changed = report_changes(call, old);
	hk_report_pending(call, named);
	hk_config_warn(&call->values->config, &nonsense);
	hk_json_open(&call->json, "warnings", '[');
	hk_report_diags(&call->json, &call->values->diags);
	hk_report_diags(&call->json, &nonsense);
	hk_report_limits(call, changed | named);
	if (call->rebuilt)
		hk_json_text(&call->json, NULL, "the control block was torn: what was set live is lost");
	hk_json_close(&call->json, ']');
	call->changed = true;
	return 0;
}

/* Of a request that changes something: diff only looks at the files. */
static void keep_files(const struct hk_call *call)
{
	const struct hk_config *config = &call->values->config;
	struct hk_files *files = call->request->files;

	if (files == NULL)
		return;
	files->reads++;
	files->n = config->nfiles;
	memcpy(files->path, config->files, sizeof(files->path));
}

/* Read the files of the service again, with values->set on top. Any error refuses. */
static int resolve(struct hk_call *call)
{
	const struct hk_request *request = call->request;
	struct hk_block_values *values = call->values;
	struct hk_identity identity = *request->identity;
	int r;

	(void) snprintf(identity.root, sizeof(identity.root), "%s", request->root);
	memset(&values->diags, 0, sizeof(values->diags));
	r = hk_config_resolve(&identity, request->env, NULL, &values->set, &values->config, &values->diags);
	if (r < 0) {
		(void) hk_call_refuse(call, "no memory to read the files: try again");
		return r;
	}
	if (r == 0)
		return 0;
	call->show_diags = true;
	return hk_call_refuse(call, "%d error%s in the configuration: nothing was changed", r, r == 1 ? "" : "s");
}

int hk_change_read(struct hk_call *call, const struct hk_config *old)
{
	int r = resolve(call);

	if (r != 0 || old->nfiles == 0 || call->values->config.nfiles > 0)
		return r;
	call->show_diags = true;
	hk_diag_add(&call->values->diags, true, "%.120s: was read before and cannot be read now", old->files[0]);
	return hk_call_refuse(call, "%.120s was read before and cannot be read now: nothing was changed. "
	                      "Put it back, or an empty file for the defaults", old->files[0]);
}

int hk_change_reload(struct hk_call *call)
{
	struct hk_config old = call->values->config;
	int r = hk_change_read(call, &old);

	if (r != 0)
		return r;
	keep_files(call);
	call->values->reload_seq++;
	r = finish(call, &old, HK_KEYS_MASK);
	hk_diff_overridden(call, &call->values->config);
	return r;
}

/* ---- set ---- */

/* What one argument changes, besides the overlay. */
struct set {
	uint64_t touched; /* keys named so far */
	bool mode;        /* so was the mode */
	bool files;       /* only the files can tell what holds now */
	bool force;       /* also what would stop the service */
};

static int set_mode(struct hk_call *call, const char *name, struct set *set)
{
	struct hk_overlay *overlay = &call->values->set;

	if (set->mode)
		return hk_call_refuse(call, "mode is given twice");
	set->mode = true;
	if (name[0] == '\0') /* as an overlay's it would mean that none is set */
		return hk_call_refuse(call, "mode needs a name; mode=- takes back what was set");
	if (strlen(name) >= sizeof(overlay->mode))
		return hk_call_refuse(call, "mode '%.60s' does not exist", name);
	(void) snprintf(overlay->mode, sizeof(overlay->mode), "%s", strcmp(name, "-") == 0 ? "" : name);
	set->files = true;
	return 0;
}

static int set_one(struct hk_call *call, char *word, struct set *set)
{
	struct hk_overlay *overlay = &call->values->set;
	char *equals = strchr(word, '=');
	struct hk_value value;
	enum hk_key_id key;
	int r;

	if (strcmp(word, "--force") == 0) {
		set->force = true;
		return 0;
	}
	if (equals == NULL || equals == word)
		return hk_call_refuse(call, "'%.80s' is not KEY=VALUE", word);
	*equals = '\0';
	if (strcasecmp(word, "mode") == 0)
		return set_mode(call, equals + 1, set);
	r = hk_call_key(call, word, &key);
	if (r != 0)
		return r;
	if ((set->touched & BIT(key)) != 0)
		return hk_call_refuse(call, "%s is given twice", hk_keys[key].name);
	set->touched |= BIT(key);
	if (strcmp(equals + 1, "-") == 0) {
		set->files |= (overlay->mask & BIT(key)) != 0;
		overlay->mask &= ~BIT(key);
		return 0;
	}
	r = hk_value_parse(key, equals + 1, &value, call->error, sizeof(call->error));
	if (r != 0)
		return r;
	hk_values_put(&overlay->values, key, &value);
	overlay->mask |= BIT(key);
	return 0;
}

/* Lay the keys of this command over what runs, without asking the files. */
static void lay_set(struct hk_block_values *values, uint64_t touched)
{
	struct hk_config *config = &values->config;

	for (uint64_t mask = values->pending.mask; mask != 0; mask &= mask - 1) {
		unsigned k = (unsigned) __builtin_ctzll(mask);
		hk_values_lay(&config->values, (enum hk_key_id) k, &values->pending.values);
	}
	for (uint64_t mask = touched & values->set.mask; mask != 0; mask &= mask - 1) {
		unsigned k = (unsigned) __builtin_ctzll(mask);
		hk_values_lay(&config->values, (enum hk_key_id) k, &values->set.values);
		config->origin[k] = HK_ORIGIN_SET;
		config->line[k] = 0;
	}
}

/* The files were read with the mode that was asked for and chose another: what they said of it. */
static int refuse_mode(struct hk_call *call, const char *mode)
{
	static const char before[] = "set: ";
	const struct hk_diags *diags = &call->values->diags;

	for (uint32_t i = 0; i < diags->count && i < HK_DIAGS; i++)
		if (strncmp(diags->text[i], before, sizeof(before) - 1) == 0 && strstr(diags->text[i], "did you mean") != NULL)
			return hk_call_refuse(call, "%s", diags->text[i] + sizeof(before) - 1);
	return hk_call_refuse(call, "mode '%s' does not exist", mode);
}

int hk_change_set(struct hk_call *call)
{
	struct hk_config old = call->values->config;
	const char *mode = call->values->set.mode;
	struct set set = {.touched = 0};
	int r = 0;

	for (unsigned i = 1; r == 0 && i < call->nargs; i++)
		r = set_one(call, call->args[i], &set);
	if (r == 0 && set.touched == 0 && !set.mode)
		r = hk_call_refuse(call, "set needs KEY=VALUE");
	if (r == 0 && set.files)
		r = hk_change_read(call, &old);
	if (r != 0)
		return r;
	if (set.files)
		keep_files(call);
	if (!set.files)
		lay_set(call->values, set.touched);
	else if (mode[0] != '\0' && strcasecmp(mode, call->values->config.mode) != 0)
		return refuse_mode(call, mode);
	if (!set.force && (set.touched & BIT(HK_KEY_HARD_LIMIT)) != 0 && (r = hk_limits_refuse(call)) != 0)
		return r;
	return finish(call, &old, set.mode ? HK_KEYS_MASK : set.touched);
}
