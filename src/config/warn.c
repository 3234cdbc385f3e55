/* SPDX-License-Identifier: MIT
 *
 * Combinations that make no sense: each becomes one warning that names the key and the remedy.
 * Never about plain presets, which nobody chose one by one; only about what a human wrote.
 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_SHOWN 60          /* the end of a long path says more than its start */
#define UNIT_LEAST 4096        /* less is hardly meant */
#define HARD_LEAST (1024 * 1024) /* with less hardly a program starts */

/* A human's word: file, environment or hakmemctl set. */
static bool said(const struct hk_config *c, enum hk_key_id key)
{
	return c->origin[key] != HK_ORIGIN_PRESET && c->origin[key] != HK_ORIGIN_LEARNED;
}

/* Where the human's word stands, with ": " behind it. */
static void place(const struct hk_config *c, enum hk_key_id key, char *buf, size_t size)
{
	const char *path = c->files[c->file[key]];
	size_t n = strnlen(path, HK_PATH_MAX);

	buf[0] = '\0';
	if (c->line[key] != 0)
		(void) snprintf(buf, size, "%s%s:%u: ", n > PATH_SHOWN ? "..." : "",
		                n > PATH_SHOWN ? path + n - PATH_SHOWN : path, c->line[key]);
	else if (c->origin[key] == HK_ORIGIN_ENV)
		(void) snprintf(buf, size, "%s: ", hk_keys[key].env);
}

static void HK_PRINTF(4, 5)
warn(const struct hk_config *c, struct hk_diags *diags, enum hk_key_id key, const char *format, ...)
{
	char before[PATH_SHOWN + 16], text[HK_DIAG_MAX];
	va_list args;

	place(c, key, before, sizeof(before));
	va_start(args, format);
	(void) vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	hk_diag_add(diags, false, "%s%s", before, text);
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
        {HK_KEY_ELO_OBJECTIVE, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_OFF},
        {HK_KEY_ELO_K, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_OFF},
        {HK_KEY_ELO_WINDOW, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_OFF},
        {HK_KEY_ELO_BUDGET, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_OFF},
        {HK_KEY_ELO_BUDGET, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_LEARN},
        {HK_KEY_CANARY_PERCENT, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_OFF},
        {HK_KEY_CANARY_GUARD, true, 0, HK_KEY_EVO_POLICY, IS_NOT, HK_EVO_OFF},
        {HK_KEY_BIGCACHE, false, 1, HK_KEY_BIGCACHE_LIMIT, IS_NOT, 0},
        {HK_KEY_BIGCACHE_LIMIT, true, 0, HK_KEY_BIGCACHE, IS, 1},
        {HK_KEY_BIGCACHE_MAX_BLOCK, true, 0, HK_KEY_BIGCACHE, IS, 1},
        {HK_KEY_TINYPOOL_LIMIT, true, 0, HK_KEY_TINYPOOL, IS, 1},
        {HK_KEY_TINYPOOL_LIMIT, true, 0, HK_KEY_SECURITY, IS_NOT, HK_SECURITY_FULL},
        {HK_KEY_TINYPOOL, false, 1, HK_KEY_SECURITY, IS_NOT, HK_SECURITY_FULL},
        {HK_KEY_BATCH, false, 1, HK_KEY_BATCH_MAX, IS_NOT, 1},
        {HK_KEY_BATCH_MAX, true, 0, HK_KEY_BATCH, IS, 1},
        {HK_KEY_BATCH_MAX, true, 0, HK_KEY_FREE_POLICY, IS_NOT, HK_FREE_KEEP},
        {HK_KEY_PURGE_DELAY, true, 0, HK_KEY_FREE_POLICY, IS, HK_FREE_ADAPTIVE},
        {HK_KEY_SAMPLE_RATE, true, 0, HK_KEY_SECURITY, IS, HK_SECURITY_SAMPLED},
        {HK_KEY_RELOAD, false, HK_RELOAD_AUTO, HK_KEY_CONTROL, IS, 1},
        {HK_KEY_CONTROL_GROUP, true, 0, HK_KEY_CONTROL, IS, 1},
        {HK_KEY_CONTROL_READ_GROUP, true, 0, HK_KEY_CONTROL, IS, 1},
        {HK_KEY_CONTROL_DIR, true, 0, HK_KEY_CONTROL, IS, 1},
};

/*
 * What [hakmem] says is meant for those whom it concerns: no mistake where a section or variable chose otherwise for this
 * one. So also what is said for all and needs control, if a section turns control on for others; and who uses
 * hakmemctl has HAKMEM_CONTROL_DIR in the environment, for that.
 */
static bool meant_for_others(const struct hk_config *c, const struct need *n)
{
	bool chosen = c->origin[n->other] >= HK_ORIGIN_PROGRAM ||
	              (c->origin[n->other] <= HK_ORIGIN_MODE && c->mode_origin >= HK_ORIGIN_PROGRAM);

	if (c->origin[n->key] == HK_ORIGIN_GLOBAL && chosen)
		return true;
	if (n->other != HK_KEY_CONTROL)
		return false;
	return (n->key == HK_KEY_CONTROL_DIR && c->origin[n->key] == HK_ORIGIN_ENV) ||
	       (c->control_elsewhere && c->origin[n->key] <= HK_ORIGIN_GLOBAL);
}

static void warn_needs(const struct hk_config *c, struct hk_diags *diags)
{
	char value[HK_VALUE_MAX], other[HK_VALUE_MAX], now[HK_VALUE_MAX];
	uint64_t told = 0; /* one reason is enough */

	for (size_t i = 0; i < HK_COUNT(needs); i++) {
		const struct need *n = &needs[i];
		struct hk_value wanted = {.num = n->value};

		if ((told >> n->key & 1) != 0 || !said(c, n->key) || meant_for_others(c, n) ||
		    (!n->any_value && hk_config_num(c, n->key) < n->least) ||
		    (hk_config_num(c, n->other) == n->value) == n->must_be ||
		    hk_values_format(&c->values, n->key, value)[0] == '\0') /* an empty text asks for nothing */
			continue;
		told |= (uint64_t) 1 << n->key;
		warn(c, diags, n->key, "%s = %s has no effect with %s = %s: %s %s = %s, or take %s out",
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
	warn(c, diags, low, "%s = %s is above %s = %s, so %s: lower %s or raise %s", hk_keys[low].name,
	            hk_values_format(&c->values, low, a), hk_keys[high].name,
	            hk_values_format(&c->values, high, b), so, hk_keys[low].name, hk_keys[high].name);
}

/* A number that was perhaps meant with a unit. */
static void warn_units(const struct hk_config *c, struct hk_diags *diags)
{
	static const uint8_t sizes[] = {HK_KEY_BIGCACHE_LIMIT, HK_KEY_TINYPOOL_LIMIT, HK_KEY_SOFT_LIMIT};

	for (size_t i = 0; i < HK_COUNT(sizes); i++) {
		enum hk_key_id key = (enum hk_key_id) sizes[i];
		uint64_t bytes = hk_config_num(c, key);

		if (said(c, key) && bytes > 0 && bytes < UNIT_LEAST)
			warn(c, diags, key, "%s = %u is in bytes, and next to nothing: write %uM if that is meant, or 0",
			     hk_keys[key].name, (unsigned) bytes, (unsigned) bytes);
	}
}

/* A cache of no bytes is a way to say off. */
static void warn_limits(const struct hk_config *c, struct hk_diags *diags)
{
	bool cached = hk_config_num(c, HK_KEY_BIGCACHE_LIMIT) != 0 && hk_config_num(c, HK_KEY_BIGCACHE) != 0;
	uint64_t hard = hk_config_num(c, HK_KEY_HARD_LIMIT);
	char value[HK_VALUE_MAX];

	warn_order(c, HK_KEY_SOFT_LIMIT, HK_KEY_HARD_LIMIT, true, "nothing is trimmed before allocation fails", diags);
	if (cached) {
		warn_order(c, HK_KEY_BIGCACHE_MAX_BLOCK, HK_KEY_BIGCACHE_LIMIT, false,
		           "the largest blocks can never be cached", diags);
		warn_order(c, HK_KEY_BIGCACHE_MAX_BLOCK, HK_KEY_HARD_LIMIT, true, "no such block can exist", diags);
		warn_order(c, HK_KEY_BIGCACHE_LIMIT, HK_KEY_SOFT_LIMIT, true, "the cache is trimmed before it is full",
		           diags);
	}
	if (hk_config_num(c, HK_KEY_TINYPOOL) != 0)
		warn_order(c, HK_KEY_TINYPOOL_LIMIT, HK_KEY_SOFT_LIMIT, true, "the lists are trimmed before they are full",
		           diags);
	if (said(c, HK_KEY_HARD_LIMIT) && hard != 0 && hard < HARD_LEAST)
		warn(c, diags, HK_KEY_HARD_LIMIT, "hard_limit = %s is less than a program needs to start: it is in bytes, or takes K, M, G",
		     hk_values_format(&c->values, HK_KEY_HARD_LIMIT, value));
}

static void warn_engine(const struct hk_config *c, struct hk_diags *diags)
{
	uint64_t policy = hk_config_num(c, HK_KEY_EVO_POLICY);
	bool switched = said(c, HK_KEY_ELO) || said(c, HK_KEY_EVO_POLICY), pinned = true;

	if (hk_config_num(c, HK_KEY_ELO) == 0)
		return;
	if (switched && policy == HK_EVO_OFF)
		warn(c, diags, said(c, HK_KEY_ELO) ? HK_KEY_ELO : HK_KEY_EVO_POLICY,
		     "elo = on has no effect with evo_policy = off: set evo_policy = frozen, or elo = off");
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		pinned &= !hk_keys[k].tuned || said(c, (enum hk_key_id) k);
	if (pinned && policy >= HK_EVO_LEARN)
		warn(c, diags, said(c, HK_KEY_EVO_POLICY) ? HK_KEY_EVO_POLICY : HK_KEY_BIGCACHE_LIMIT,
		     "the engine learns, but every key that it could tune is given: take some out, or set evo_policy = frozen");
}

void hk_config_warn(const struct hk_config *config, struct hk_diags *diags)
{
	warn_needs(config, diags);
	warn_units(config, diags);
	warn_limits(config, diags);
	warn_engine(config, diags);
	if (said(config, HK_KEY_DEBUG) && hk_config_num(config, HK_KEY_DEBUG) != HK_DEBUG_OFF &&
	    strcmp(config->values.text[HK_TEXT_LOG], "none") == 0)
		warn(config, diags, HK_KEY_DEBUG, "debug has no effect with log = none: set log = stderr, or debug = off");
}
