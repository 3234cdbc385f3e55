/* SPDX-License-Identifier: MIT
 *
 * Combinations that make no sense: each becomes one warning that names the key and the remedy.
 * Never about plain presets, which nobody chose one by one; only about what a human wrote.
 */
#include "config/config.h"

/* A human's word: file, environment or hakmemctl set. */
static bool said(const struct hk_config *c, enum hk_key_id key)
{
	return c->origin[key] != HK_ORIGIN_PRESET && c->origin[key] != HK_ORIGIN_LEARNED;
}

/* A key that has an effect only while another has (or has not) some value. */
struct need {
	enum hk_key_id key;
	bool any_value; /* else only the values from least on are concerned */
	uint64_t least;
	enum hk_key_id other;
	bool must_be; /* other == value is needed; else other != value */
	uint64_t value;
};

#define IS true
#define IS_NOT false
static const struct need needs[] = {
        {HK_KEY_EVO_POLICY, false, HK_EVO_LEARN, HK_KEY_ELO, IS, 1},
        {HK_KEY_ELO_OBJECTIVE, true, 0, HK_KEY_ELO, IS, 1},
        {HK_KEY_ELO_K, true, 0, HK_KEY_ELO, IS, 1},
        {HK_KEY_ELO_WINDOW, true, 0, HK_KEY_ELO, IS, 1},
        {HK_KEY_ELO_BUDGET, true, 0, HK_KEY_ELO, IS, 1},
        {HK_KEY_CANARY_PERCENT, true, 0, HK_KEY_ELO, IS, 1},
        {HK_KEY_CANARY_GUARD, true, 0, HK_KEY_ELO, IS, 1},
        {HK_KEY_BIGCACHE_LIMIT, true, 0, HK_KEY_BIGCACHE, IS, 1},
        {HK_KEY_BIGCACHE_MAX_BLOCK, true, 0, HK_KEY_BIGCACHE, IS, 1},
        {HK_KEY_TINYPOOL_LIMIT, true, 0, HK_KEY_TINYPOOL, IS, 1},
        {HK_KEY_BATCH_MAX, true, 0, HK_KEY_BATCH, IS, 1},
        {HK_KEY_BATCH_MAX, true, 0, HK_KEY_FREE_POLICY, IS_NOT, HK_FREE_KEEP},
        {HK_KEY_PURGE_DELAY, true, 0, HK_KEY_FREE_POLICY, IS, HK_FREE_ADAPTIVE},
        {HK_KEY_RELOAD, false, HK_RELOAD_AUTO, HK_KEY_CONTROL, IS, 1},
        {HK_KEY_CONTROL_GROUP, true, 0, HK_KEY_CONTROL, IS, 1},
        {HK_KEY_CONTROL_DIR, true, 0, HK_KEY_CONTROL, IS, 1},
};

/*
 * What is said for all is meant for those that a section turns control on for; and who uses hakmemctl has
 * HAKMEM_CONTROL_DIR in the environment, for that.
 */
static bool meant_for_others(const struct hk_config *c, const struct need *n)
{
	if (n->other != HK_KEY_CONTROL)
		return false;
	return (n->key == HK_KEY_CONTROL_DIR && c->origin[n->key] == HK_ORIGIN_ENV) ||
	       (c->control_elsewhere && c->origin[n->key] <= HK_ORIGIN_GLOBAL);
}

static void warn_needs(const struct hk_config *c, struct hk_diags *diags)
{
	char value[HK_VALUE_MAX], other[HK_VALUE_MAX], now[HK_VALUE_MAX];

	for (size_t i = 0; i < HK_COUNT(needs); i++) {
		const struct need *n = &needs[i];
		struct hk_value wanted = {.num = n->value};

		if (!said(c, n->key) || meant_for_others(c, n) ||
		    (!n->any_value && hk_config_num(c, n->key) < n->least) ||
		    (hk_config_num(c, n->other) == n->value) == n->must_be)
			continue;
		hk_diag_add(diags, false, "%s = %s has no effect with %s = %s: %s %s = %s, or take %s out",
		            hk_keys[n->key].name, hk_values_format(&c->values, n->key, value),
		            hk_keys[n->other].name, hk_values_format(&c->values, n->other, now),
		            n->must_be ? "set" : "change", hk_keys[n->other].name,
		            hk_value_format(n->other, &wanted, other), hk_keys[n->key].name);
	}
}

/* low > high, where 0 means that there is no such limit if zero_is_none. */
static void warn_order(const struct hk_config *c, enum hk_key_id low, enum hk_key_id high, bool zero_is_none,
                       const char *so, struct hk_diags *diags)
{
	char a[HK_VALUE_MAX], b[HK_VALUE_MAX];

	if (!said(c, low) || hk_config_num(c, low) <= hk_config_num(c, high))
		return;
	if (zero_is_none && (hk_config_num(c, low) == 0 || hk_config_num(c, high) == 0))
		return;
	hk_diag_add(diags, false, "%s = %s is above %s = %s, so %s: lower %s or raise %s", hk_keys[low].name,
	            hk_values_format(&c->values, low, a), hk_keys[high].name,
	            hk_values_format(&c->values, high, b), so, hk_keys[low].name, hk_keys[high].name);
}

void hk_config_warn(const struct hk_config *config, struct hk_diags *diags)
{
	bool switched = said(config, HK_KEY_ELO) || said(config, HK_KEY_EVO_POLICY);

	warn_needs(config, diags);
	warn_order(config, HK_KEY_SOFT_LIMIT, HK_KEY_HARD_LIMIT, true,
	           "nothing is trimmed before allocation fails", diags);
	/* A cache of no bytes is a way to say off. */
	if (hk_config_num(config, HK_KEY_BIGCACHE_LIMIT) != 0 && hk_config_num(config, HK_KEY_BIGCACHE) != 0)
		warn_order(config, HK_KEY_BIGCACHE_MAX_BLOCK, HK_KEY_BIGCACHE_LIMIT, false,
		           "the largest blocks can never be cached", diags);
	if (switched && hk_config_num(config, HK_KEY_ELO) != 0 &&
	    hk_config_num(config, HK_KEY_EVO_POLICY) == HK_EVO_OFF)
		hk_diag_add(diags, false,
		            "elo = on has no effect with evo_policy = off: set evo_policy = frozen, or elo = "
		            "off");
}
