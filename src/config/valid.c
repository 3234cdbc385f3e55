/* SPDX-License-Identifier: MIT
 *
 * Sets of values that come from shared memory instead of from text: for them the same rules hold.
 * What decides something must be in order, or the set is refused; what is only shown is made
 * harmless. To be used on private copies, which nobody can change between the check and the use.
 */
#include "config/config.h"

#include "config/name.h"

#include <string.h>

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

void hk_text_tame(char *text, size_t size)
{
	text[size - 1] = '\0';
	(void) hk_text_clean(text);
}

bool hk_value_valid(enum hk_key_id key, const struct hk_value *value)
{
	struct hk_value parsed;

	if (hk_keys[key].type != HK_TYPE_TEXT)
		return value->num >= hk_keys[key].min && value->num <= hk_keys[key].max;
	return is_terminated(value->text, sizeof(value->text)) &&
	       hk_value_parse(key, value->text, &parsed, NULL, 0) == 0 && hk_value_equal(key, value, &parsed);
}

static bool values_valid(const struct hk_values *values, uint64_t mask)
{
	struct hk_value value;

	for (; mask != 0; mask &= mask - 1) {
		enum hk_key_id key = (enum hk_key_id) __builtin_ctzll(mask);

		hk_values_get(values, key, &value);
		if (!hk_value_valid(key, &value))
			return false;
	}
	return true;
}

bool hk_overlay_valid(const struct hk_overlay *overlay)
{
	if ((overlay->mask & ~HK_KEYS_MASK) != 0 || !is_terminated(overlay->mode, sizeof(overlay->mode)))
		return false;
	return (overlay->mode[0] == '\0' || hk_name_valid(overlay->mode)) &&
	       values_valid(&overlay->values, overlay->mask);
}

bool hk_config_valid(struct hk_config *config)
{
	if (!is_terminated(config->mode, sizeof(config->mode)) || !hk_name_valid(config->mode) ||
	    config->mode_origin >= HK_ORIGIN_COUNT || config->base_mode >= HK_MODE_COUNT ||
	    config->nfiles > HK_COUNT(config->files) || config->mode_file >= HK_COUNT(config->files))
		return false;
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		if (config->origin[k] >= HK_ORIGIN_COUNT || config->file[k] >= HK_COUNT(config->files))
			return false;
	for (unsigned i = 0; i < HK_COUNT(config->files); i++)
		hk_text_tame(config->files[i], sizeof(config->files[i]));
	return values_valid(&config->values, HK_KEYS_MASK);
}

void hk_diags_tame(struct hk_diags *diags)
{
	for (unsigned i = 0; i < HK_DIAGS; i++)
		hk_text_tame(diags->text[i], sizeof(diags->text[i]));
}
