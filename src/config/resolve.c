/* SPDX-License-Identifier: MIT
 *
 * Everything over everything, by the contract's priority: first the mode, then for each key the
 * preset, the mode's section, [hakmem], [program:], [unit:], the environment, what was learned, what
 * was set. No state of its own: what the files say lives in a mapping for the time of one call.
 */
#include "config/config.h"

#include "base/words.h"
#include "config/doc.h"
#include "config/name.h"

#include <errno.h>
#include <string.h>

static void place(struct hk_config *config, int key, enum hk_origin origin)
{
	config->origin[key] = (uint8_t) origin;
	config->line[key] = 0;
	config->file[key] = 0;
}

static void put(struct hk_config *config, int key, enum hk_origin origin, const struct hk_value *value)
{
	hk_values_put(&config->values, (enum hk_key_id) key, value);
	place(config, key, origin);
}

static void lay(struct hk_config *config, int key, enum hk_origin origin, const struct hk_overlay *overlay)
{
	hk_values_lay(&config->values, (enum hk_key_id) key, &overlay->values);
	place(config, key, origin);
}

static void put_line(struct hk_config *config, enum hk_origin origin, const struct hk_setting *setting)
{
	put(config, setting->what, origin, &setting->value);
	config->line[setting->what] = setting->line;
	config->file[setting->what] = (uint8_t) hk_min(setting->file, HK_COUNT(config->files) - 1);
}

static void put_presets(struct hk_config *config, enum hk_mode mode)
{
	config->base_mode = (uint8_t) mode;
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		struct hk_value value = {0};

		/* Cannot fail: the unit tests parse every preset. */
		(void) hk_value_parse((enum hk_key_id) k, hk_keys[k].preset[mode], &value, NULL, 0);
		put(config, k, HK_ORIGIN_PRESET, &value);
	}
}

void hk_config_defaults(enum hk_mode mode, struct hk_config *ret)
{
	hk_words_clear(ret, sizeof(*ret));
	(void) hk_text_copy(ret->mode, sizeof(ret->mode), hk_mode_names[mode]);
	ret->mode_origin = HK_ORIGIN_PRESET;
	put_presets(ret, mode);
}

/* ---- the mode ---- */

bool hk_mode_find(const char *name, enum hk_mode *ret)
{
	for (int m = 0; m < HK_MODE_COUNT; m++) {
		if (hk_name_equal(name, hk_mode_names[m])) {
			*ret = (enum hk_mode) m;
			return true;
		}
	}
	return false;
}

int hk_doc_find_mode(const struct hk_doc *doc, const char *name)
{
	for (uint32_t i = 0; i < doc->n_sections; i++)
		if (doc->section[i].kind == HK_SECTION_MODE && hk_name_equal(doc->section[i].name, name))
			return (int) i;
	return HK_NO_SECTION;
}

static enum hk_origin section_origin(const struct hk_section *section)
{
	static const uint8_t origins[] = {[HK_SECTION_GLOBAL] = HK_ORIGIN_GLOBAL,
	                                  [HK_SECTION_MODE] = HK_ORIGIN_MODE,
	                                  [HK_SECTION_PROGRAM] = HK_ORIGIN_PROGRAM,
	                                  [HK_SECTION_UNIT] = HK_ORIGIN_UNIT};

	return (enum hk_origin) origins[section->kind];
}

/* The name in lower case: it is compared and shown, and the wire should see one spelling. */
static void name_mode(struct hk_config *config, const char *name, enum hk_origin origin)
{
	(void) hk_text_copy(config->mode, sizeof(config->mode), name);
	for (char *p = config->mode; *p != '\0'; p++)
		*p = hk_to_lower(*p);
	config->mode_origin = (uint8_t) origin;
	config->mode_line = 0;
	config->mode_file = 0;
}

/* Not an error: a reload of a good file must not fail for a variable that nobody can change any more. */
static bool overlay_mode(const struct hk_doc *doc, const struct hk_overlay *overlay, enum hk_origin origin,
                         struct hk_config *config)
{
	const char *near = NULL;

	if (overlay == NULL || overlay->mode[0] == '\0')
		return false;
	if (!hk_doc_mode_exists(doc, overlay->mode, &near)) {
		hk_diag_add(doc->diags, false, "%s: unknown mode '%s'%s%s%s",
		            origin == HK_ORIGIN_ENV ? "HAKMEM_MODE" : "set", overlay->mode,
		            near != NULL ? ": did you mean '" : ": it has no effect",
		            near != NULL ? near : "", near != NULL ? "'?" : "");
		return false;
	}
	name_mode(config, overlay->mode, origin);
	return true;
}

/* A mode that only a variable names is selected too (see doubt_names in link.c). */
static void mark_selected(struct hk_doc *doc, const struct hk_overlay *overlay)
{
	int section = overlay != NULL ? hk_doc_find_mode(doc, overlay->mode) : HK_NO_SECTION;

	if (section != HK_NO_SECTION)
		doc->section[section].selected = true;
}

static void choose_mode(const struct hk_doc *doc, const struct hk_overlay *env, const struct hk_overlay *set,
                        struct hk_config *config)
{
	enum hk_origin best = HK_ORIGIN_PRESET;

	name_mode(config, hk_mode_names[HK_MODE_BALANCED], HK_ORIGIN_PRESET);
	for (uint32_t i = 0; i < doc->n_settings; i++) {
		const struct hk_setting *s = &doc->setting[i];
		const struct hk_section *section = &doc->section[s->section];

		if (s->what == HK_SETTING_MODE && s->value.text[0] != '\0' && section->applies &&
		    section_origin(section) >= best) {
			best = section_origin(section);
			name_mode(config, s->value.text, best);
			config->mode_line = s->line;
			config->mode_file = (uint8_t) hk_min(s->file, HK_COUNT(config->files) - 1);
		}
	}
	(void) overlay_mode(doc, env, HK_ORIGIN_ENV, config);
	(void) overlay_mode(doc, set, HK_ORIGIN_SET, config);
}

/* ---- the keys ---- */

static void apply_section(const struct hk_doc *doc, int section, struct hk_config *config)
{
	for (uint32_t i = 0; i < doc->n_settings; i++)
		if (doc->setting[i].section == section && doc->setting[i].what < HK_KEY_COUNT)
			put_line(config, HK_ORIGIN_MODE, &doc->setting[i]);
}

/* The presets of the built-in mode at the root, then each section from there down to the chosen mode's. */
static void apply_mode(const struct hk_doc *doc, struct hk_config *config)
{
	int16_t chain[HK_DOC_SECTIONS];
	int at = hk_doc_find_mode(doc, config->mode);
	enum hk_mode base = HK_MODE_BALANCED;
	unsigned n = 0;

	if (at == HK_NO_SECTION)
		(void) hk_mode_find(config->mode, &base);
	for (; at != HK_NO_SECTION && n < HK_COUNT(chain); at = doc->section[at].parent) {
		base = (enum hk_mode) doc->section[at].base;
		chain[n++] = (int16_t) at;
	}
	put_presets(config, base);
	while (n > 0)
		apply_section(doc, chain[--n], config);
}

/* All sections of one kind that apply are one layer: within it the later line wins. */
static void apply_kind(const struct hk_doc *doc, enum hk_section_kind kind, struct hk_config *config)
{
	for (uint32_t i = 0; i < doc->n_settings; i++) {
		const struct hk_section *section = &doc->section[doc->setting[i].section];

		if (section->kind == kind && section->applies && doc->setting[i].what < HK_KEY_COUNT)
			put_line(config, section_origin(section), &doc->setting[i]);
	}
}

/*
 * legacy_env rules over the individual variables. The file's word on it comes first, or a variable
 * could lift the administrator's "ignore"; where the file ignores nothing, HAKMEM_LEGACY_ENV counts.
 */
static void apply_env(const struct hk_overlay *env, struct hk_config *config, struct hk_diags *diags)
{
	uint64_t legacy = hk_config_num(config, HK_KEY_LEGACY_ENV), own = (uint64_t) 1 << HK_KEY_LEGACY_ENV;
	char text[HK_VALUE_MAX];

	if (env == NULL)
		return;
	if (legacy != HK_LEGACY_IGNORE && (env->mask & own) != 0) {
		lay(config, HK_KEY_LEGACY_ENV, HK_ORIGIN_ENV, env);
		legacy = hk_config_num(config, HK_KEY_LEGACY_ENV);
	}
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		if (k == HK_KEY_LEGACY_ENV || (env->mask >> k & 1) == 0)
			continue;
		if (legacy != HK_LEGACY_IGNORE)
			lay(config, k, HK_ORIGIN_ENV, env);
		if (legacy != HK_LEGACY_ACCEPT)
			hk_diag_add(diags, false,
			            "HAKMEM_%s%s: '%s = %s' belongs into the file; from the environment it is %s",
			            (env->aliased >> k & 1) != 0 ? "DISABLE_" : "", hk_keys[k].env + sizeof("HAKMEM"), hk_keys[k].name,
			            hk_values_format(&env->values, (enum hk_key_id) k, text),
			            legacy == HK_LEGACY_IGNORE ? "ignored (legacy_env = ignore)"
			                                       : "deprecated (legacy_env = warn)");
	}
}

/* A human's word pins a key: the engine may only replace presets, and only of keys that it tunes. */
static void apply_learned(const struct hk_overlay *learned, struct hk_config *config)
{
	if (learned == NULL)
		return;
	for (int k = 0; k < HK_KEY_COUNT; k++)
		if ((learned->mask >> k & 1) != 0 && hk_keys[k].tuned &&
		    config->origin[k] == HK_ORIGIN_PRESET)
			lay(config, k, HK_ORIGIN_LEARNED, learned);
}

static void apply_set(const struct hk_overlay *set, struct hk_config *config)
{
	if (set == NULL)
		return;
	for (int k = 0; k < HK_KEY_COUNT; k++)
		if ((set->mask >> k & 1) != 0)
			lay(config, k, HK_ORIGIN_SET, set);
}

static void name_files(const struct hk_doc *doc, struct hk_config *config)
{
	config->nfiles = (uint8_t) hk_min(doc->n_files, HK_COUNT(config->files));
	for (unsigned i = 0; i < config->nfiles; i++)
		(void) hk_text_copy(config->files[i], HK_PATH_MAX, doc->file[i]);
	/* The last index stands for all the others: name what they share, their folder. */
	if (doc->n_files > HK_COUNT(config->files)) {
		char *slash = strrchr(config->files[config->nfiles - 1], '/');

		if (slash != NULL)
			*slash = '\0';
	}
}

int hk_config_resolve(const struct hk_identity *identity, const struct hk_overlay *env,
                      const struct hk_overlay *learned, const struct hk_overlay *set, struct hk_config *ret,
                      struct hk_diags *diags)
{
	struct hk_doc files = {.identity = identity}, *doc = &files;
	struct hk_diags scratch;
	uint32_t before;
	int saved = errno;

	hk_words_clear(ret, sizeof(*ret));
	if (diags == NULL) {
		scratch.skip = scratch.count = scratch.errors = 0;
		diags = &scratch;
	}
	before = diags->errors;
	doc->diags = diags;
	if (hk_doc_read(doc) != 0) {
		hk_doc_drop(doc);
		hk_config_defaults(HK_MODE_BALANCED, ret);
		errno = saved;
		return -ENOMEM;
	}
	mark_selected(doc, env);
	mark_selected(doc, set);
	if (doc->n_sections > 0)
		hk_doc_link(doc);
	choose_mode(doc, env, set, ret);
	apply_mode(doc, ret);
	apply_kind(doc, HK_SECTION_GLOBAL, ret);
	apply_kind(doc, HK_SECTION_PROGRAM, ret);
	apply_kind(doc, HK_SECTION_UNIT, ret);
	apply_env(env, ret, diags);
	apply_learned(learned, ret);
	apply_set(set, ret);
	name_files(doc, ret);
	ret->control_elsewhere = doc->control_elsewhere;
	hk_doc_drop(doc);
	errno = saved;
	return (int) (diags->errors - before);
}
