/* SPDX-License-Identifier: MIT
 *
 * The key table and the names of modes and origins, all constant, and the search for a key by name.
 */
#include "config/config.h"

#include "config/name.h"

#include <errno.h>

const struct hk_key hk_keys[HK_KEY_COUNT] = {
#define HK_KEY(id, key_name, key_type, key_context, low, high, list, minimal, fast, balanced, learning,      \
               research, is_tuned, text)                                                                     \
	[HK_KEY_##id] = {.name = #key_name,                                                                  \
	                 .env = "HAKMEM_" #id,                                                               \
	                 .type = HK_TYPE_##key_type,                                                         \
	                 .context = HK_CONTEXT_##key_context,                                                \
	                 .min = (low),                                                                       \
	                 .max = (high),                                                                      \
	                 .choices = list,                                                                    \
	                 .preset = {minimal, fast, balanced, learning, research},                            \
	                 .tuned = (is_tuned),                                                                \
	                 .doc = text},
#include "config/keys.def"
#undef HK_KEY
};

#define FITS(field, text) _Static_assert(sizeof(text) <= sizeof(((struct hk_key *) 0)->field), "longer than its field")
#define HK_KEY(id, key_name, key_type, key_context, low, high, list, minimal, fast, balanced, learning,      \
               research, is_tuned, text)                                                                     \
	FITS(name, #key_name);                                                                               \
	FITS(env, "HAKMEM_" #id);                                                                            \
	FITS(choices, list);                                                                                 \
	FITS(preset[0], minimal);                                                                            \
	FITS(preset[0], fast);                                                                               \
	FITS(preset[0], balanced);                                                                           \
	FITS(preset[0], learning);                                                                           \
	FITS(preset[0], research);                                                                           \
	FITS(doc, text);
#include "config/keys.def"
#undef HK_KEY

const char hk_mode_names[HK_MODE_COUNT][9] = {"minimal", "fast", "balanced", "learning", "research"};

const char hk_origin_names[HK_ORIGIN_COUNT][13] = {"preset", "mode section", "[hakmem]", "[program]",
                                                   "[unit]", "environment",  "learned",  "set"};

/* An overlay's mask has one bit for each key. */
_Static_assert(HK_KEY_COUNT <= 64, "struct hk_overlay needs a wider mask");

int hk_key_find(const char *name, enum hk_key_id *ret, const char **ret_near)
{
	struct hk_near near = {.want = name};

	for (int k = 0; k < HK_KEY_COUNT; k++)
		if (hk_name_equal(name, hk_keys[k].name)) {
			*ret = (enum hk_key_id) k;
			return 0;
		}
	for (int k = 0; k < HK_KEY_COUNT && ret_near != NULL; k++)
		hk_near_offer(&near, hk_keys[k].name);
	if (ret_near != NULL)
		*ret_near = near.best;
	return -ENOENT;
}
