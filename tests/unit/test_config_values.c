/* SPDX-License-Identifier: MIT
 *
 * Values, names and globs: every key of the table, and the edges of every type.
 */
#include "test_config.h"

#include "base/text.h"
#include "base/words.h"
#include "config/name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char why[HK_DIAG_MAX];

static int parse(enum hk_key_id key, const char *text, struct hk_value *ret)
{
	why[0] = '\0';
	return hk_value_parse(key, text, ret, why, sizeof(why));
}

/* text is accepted and prints as shown. */
static void accept(enum hk_key_id key, const char *text, const char *shown)
{
	struct hk_value value, again;
	char out[HK_VALUE_MAX];

	ck_assert_msg(parse(key, text, &value) == 0, "%s = '%s': %s", hk_keys[key].name, text, why);
	ck_assert_str_eq(hk_value_format(key, &value, out), shown);
	ck_assert_int_eq(parse(key, out, &again), 0);
	ck_assert(hk_value_equal(key, &value, &again));
}

/* text is refused with a sentence that names the key and contains says; *ret stays as it was. */
static void refuse(enum hk_key_id key, const char *text, const char *says)
{
	struct hk_value value = {.num = 77};

	ck_assert_int_eq(parse(key, text, &value), -EINVAL);
	ck_assert_msg(strstr(why, says) != NULL, "'%s' does not say '%s'", why, says);
	ck_assert_msg(strncmp(why, hk_keys[key].name, strlen(hk_keys[key].name)) == 0, "%s", why);
	ck_assert_uint_eq(value.num, 77);
}

START_TEST(every_key_is_sound)
{
	const struct hk_key *key = &hk_keys[_i];
	char env[64] = "HAKMEM_";
	enum hk_key_id found;
	size_t n = strlen(env);

	for (const char *p = key->name; *p != '\0'; p++)
		env[n++] = *p == '_' ? '_' : (char) (*p - 'a' + 'A');
	ck_assert_str_eq(key->env, env);
	ck_assert_int_eq(hk_key_find(key->name, &found, NULL), 0);
	ck_assert_int_eq(found, _i);
	ck_assert_int_eq(hk_key_find(key->env + strlen("HAKMEM_"), &found, NULL), 0);
	ck_assert(key->min <= key->max);
	ck_assert(key->type != HK_TYPE_TEXT || key->max < HK_TEXT_MAX);
	ck_assert(key->type != HK_TYPE_BOOL || key->max == 1);
	ck_assert(strlen(key->name) < HK_NAME_MAX && key->doc[0] != '\0');
	/* The shipped file wraps at 100 columns, the status screen does not wrap. */
	ck_assert(strchr(key->doc, '\n') == NULL);
}
END_TEST

START_TEST(every_preset_is_its_own_text)
{
	for (int m = 0; m < HK_MODE_COUNT; m++)
		accept((enum hk_key_id) _i, hk_keys[_i].preset[m], hk_keys[_i].preset[m]);
}
END_TEST

START_TEST(every_key_refuses_nonsense)
{
	const struct hk_key *key = &hk_keys[_i];
	char text[HK_VALUE_MAX * 2];

	if (key->type != HK_TYPE_TEXT) {
		refuse((enum hk_key_id) _i, "wibble", "must be");
		refuse((enum hk_key_id) _i, "", "must be");
		refuse((enum hk_key_id) _i, "-1", "must be");
		refuse((enum hk_key_id) _i, "99999999999999999999999999", "must be");
	} else {
		refuse((enum hk_key_id) _i, "a \"quoted\" word", "printable");
		refuse((enum hk_key_id) _i, "a\001b", "printable");
		refuse((enum hk_key_id) _i, "/\xff\xfe", "printable");
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(parse((enum hk_key_id) _i, text, &(struct hk_value){0}), -EINVAL);
}
END_TEST

START_TEST(every_choice_round_trips)
{
	const struct hk_key *key = &hk_keys[_i];

	for (uint64_t n = key->min; key->type == HK_TYPE_ENUM && n <= key->max; n++) {
		struct hk_value value = {.num = n}, again;
		char text[HK_VALUE_MAX];

		ck_assert_int_eq(parse((enum hk_key_id) _i,
		                       hk_value_format((enum hk_key_id) _i, &value, text), &again),
		                 0);
		ck_assert_uint_eq(again.num, n);
	}
}
END_TEST

START_TEST(range_ends_round_trip)
{
	const struct hk_key *key = &hk_keys[_i];
	uint64_t ends[] = {key->min, key->max, key->min + 1, key->max - 1,
	                   key->min + (key->max - key->min) / 3};

	if (key->type == HK_TYPE_TEXT)
		return;
	for (size_t i = 0; i < HK_COUNT(ends); i++) {
		struct hk_value value = {.num = ends[i]}, again;
		char text[HK_VALUE_MAX];

		(void) hk_value_format((enum hk_key_id) _i, &value, text);
		ck_assert_msg(parse((enum hk_key_id) _i, text, &again) == 0, "%s", why);
		ck_assert_uint_eq(again.num, ends[i]);
	}
}
END_TEST

START_TEST(booleans)
{
	static const char *const on[] = {"on", "ON", "yes", "True", "1", " on ", "\ton"};
	static const char *const off[] = {"off", "Off", "no", "FALSE", "0"};

	for (size_t i = 0; i < HK_COUNT(on); i++)
		accept(HK_KEY_BIGCACHE, on[i], "on");
	for (size_t i = 0; i < HK_COUNT(off); i++)
		accept(HK_KEY_BIGCACHE, off[i], "off");
	refuse(HK_KEY_BIGCACHE, "ye", "on or off");
	refuse(HK_KEY_BIGCACHE, "flase", "did you mean 'false'?");
	refuse(HK_KEY_BIGCACHE, "2", "on or off");
}
END_TEST

START_TEST(choices)
{
	accept(HK_KEY_EVO_POLICY, "Learn-Frozen", "learn-frozen");
	accept(HK_KEY_EVO_POLICY, "learn_frozen", "learn-frozen");
	refuse(HK_KEY_EVO_POLICY, "lern",
	       "off, frozen, learn or learn-frozen, not 'lern': did you mean 'learn'?");
	refuse(HK_KEY_EVO_POLICY, "xyz", "off, frozen, learn or learn-frozen, not 'xyz'");
	refuse(HK_KEY_THP, "off auto", "off, auto or on");
}
END_TEST

START_TEST(sizes)
{
	accept(HK_KEY_BIGCACHE_LIMIT, "512M", "512M");
	accept(HK_KEY_BIGCACHE_LIMIT, "512m", "512M");
	accept(HK_KEY_BIGCACHE_LIMIT, "512 M", "512M");
	accept(HK_KEY_BIGCACHE_LIMIT, "536870912", "512M");
	accept(HK_KEY_BIGCACHE_LIMIT, "1024G", "1T");
	accept(HK_KEY_BIGCACHE_LIMIT, "1536K", "1536K");
	accept(HK_KEY_BIGCACHE_LIMIT, "1025", "1025");
	accept(HK_KEY_BIGCACHE_LIMIT, "0", "0");
	accept(HK_KEY_BIGCACHE_LIMIT, "0K", "0");
	refuse(HK_KEY_BIGCACHE_LIMIT, "512MB", "such as 4096, 64K, 512M or 2G");
	refuse(HK_KEY_BIGCACHE_LIMIT, "1.5G", "whole");
	refuse(HK_KEY_BIGCACHE_LIMIT, "+5", "whole");
	refuse(HK_KEY_BIGCACHE_LIMIT, "0x10", "whole");
	refuse(HK_KEY_BIGCACHE_LIMIT, "M", "size");
	refuse(HK_KEY_BIGCACHE_LIMIT, "2T", "from 0 to 1T");
	refuse(HK_KEY_BIGCACHE_LIMIT, "18446744073709551616", "from 0 to 1T");
	refuse(HK_KEY_BIGCACHE_LIMIT, "16777216T", "from 0 to 1T"); /* 2^64: wraps to 0 where nobody looks */
	refuse(HK_KEY_BIGCACHE_MAX_BLOCK, "4K", "from 64K");
}
END_TEST

START_TEST(durations)
{
	accept(HK_KEY_PURGE_DELAY, "500ms", "500ms");
	accept(HK_KEY_PURGE_DELAY, "1000ms", "1s");
	accept(HK_KEY_PURGE_DELAY, "120s", "2min");
	accept(HK_KEY_PURGE_DELAY, "90S", "90s");
	accept(HK_KEY_PURGE_DELAY, "7us", "7us");
	accept(HK_KEY_PURGE_DELAY, "1500ns", "1500ns");
	accept(HK_KEY_PURGE_DELAY, "0", "0");
	accept(HK_KEY_PURGE_DELAY, "0s", "0");
	refuse(HK_KEY_PURGE_DELAY, "500", "needs a unit: 500us, 500ms, 500s or 500min?");
	refuse(HK_KEY_PURGE_DELAY, "1h", "such as");
	refuse(HK_KEY_PURGE_DELAY, "2m", "such as");
	refuse(HK_KEY_PURGE_DELAY, "61min", "to 60min");
	refuse(HK_KEY_PURGE_DELAY, "400000000000min", "to 60min");
}
END_TEST

START_TEST(numbers)
{
	accept(HK_KEY_BATCH_MAX, "007", "7");
	refuse(HK_KEY_BATCH_MAX, "0", "from 1 to 1024");
	refuse(HK_KEY_BATCH_MAX, "64 4", "whole number");
	refuse(HK_KEY_BATCH_MAX, "64%", "whole number");
	accept(HK_KEY_CANARY_PERCENT, "5%", "5");
	accept(HK_KEY_CANARY_PERCENT, "5 %", "5");
	refuse(HK_KEY_CANARY_PERCENT, "51", "from 1 to 50");
	refuse(HK_KEY_CANARY_PERCENT, "5%%", "percentage");
}
END_TEST

START_TEST(texts)
{
	accept(HK_KEY_CONTROL_GROUP, "", "");
	accept(HK_KEY_CONTROL_GROUP, "  adm ", "adm");
	refuse(HK_KEY_CONTROL_GROUP, "adm,wheel", "one group");
	refuse(HK_KEY_CONTROL_READ_GROUP, "adm,wheel", "one group");
	refuse(HK_KEY_CONTROL_GROUP, "a-group-name-that-is-much-too-long-for-it", "at most 32");
	accept(HK_KEY_CONTROL_DIR, "/run/h\xc3\xa4k mem", "/run/h\xc3\xa4k mem");
	refuse(HK_KEY_CONTROL_DIR, "", "empty");
	refuse(HK_KEY_CONTROL_DIR, "run/hakmem", "absolute path");
	accept(HK_KEY_LOG, "NONE", "none");
	accept(HK_KEY_LOG, "/var/log/hakmem.log", "/var/log/hakmem.log");
	refuse(HK_KEY_LOG, "syslog", "stderr, none or an absolute path");
	refuse(HK_KEY_LOG, "/a;b", "';'");
}
END_TEST

START_TEST(small_why_is_respected)
{
	struct hk_value value;
	char small[8] = "1234567";

	ck_assert_int_eq(hk_value_parse(HK_KEY_THP, "x", &value, small, 4), -EINVAL);
	ck_assert_str_eq(small, "thp");
	ck_assert_str_eq(small + 4, "567");
	ck_assert_int_eq(hk_value_parse(HK_KEY_THP, "x", &value, NULL, 0), -EINVAL);
}
END_TEST

START_TEST(nearest_key)
{
	static const char *const pairs[][2] = {
	        {"bigcahe", "bigcache"},
	        {"BIGCAHCE", "bigcache"},
	        {"tph", "thp"},
	        {"purgedelay", "purge_delay"},
	        {"evo-polcy", "evo_policy"},
	        {"purge", "purge_delay"},
	        {"wibble", NULL},
	        {"", NULL},
	        {"x", NULL},
	};

	for (size_t i = 0; i < HK_COUNT(pairs); i++) {
		enum hk_key_id key;
		const char *near = "unset";

		ck_assert_int_eq(hk_key_find(pairs[i][0], &key, &near), -ENOENT);
		ck_assert_pstr_eq(near, pairs[i][1]);
	}
}
END_TEST

START_TEST(key_names_any_case)
{
	enum hk_key_id key;

	ck_assert_int_eq(hk_key_find("Purge-Delay", &key, NULL), 0);
	ck_assert_int_eq(key, HK_KEY_PURGE_DELAY);
}
END_TEST

START_TEST(globs)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
	        {"a", "a", true},
	        {"a", "ab", false},
	        {"*", "", true},
	        {"*", "x", true},
	        {"a*c", "abcbc", true},
	        {"a*c", "abcb", false},
	        {"?", "", false},
	        {"py*3.[0-9]", "python3.9", true},
	        {"[!a]x", "bx", true},
	        {"[!a]x", "ax", false},
	        {"[^a]x", "ax", false},
	        {"[a-", "[a-", true},
	        {"[]]", "]", true},
	        {"[a-]", "-", true},
	        {"x\\x2d", "x\\x2d", true},
	        {"A", "a", false},
	        {"**a**", "bab", true},
	        {"", "", true},
	        {"", "a", false},
	        {"a*b*c*d", "a1b2c3", false},
	};

	for (size_t i = 0; i < HK_COUNT(rows); i++)
		ck_assert_msg(hk_glob_match(rows[i].pattern, rows[i].text) == rows[i].match, "%s against %s",
		              rows[i].pattern, rows[i].text);
}
END_TEST

START_TEST(text_made_safe)
{
	char text[] = "a\033[1m\xc3\xa4\xc3(\xe2\x82\xac\xed\xa0\x80\xf5\xc0\x80\xc2\x85\xe2\x82";

	ck_assert(hk_text_clean(text));
	ck_assert_str_eq(text, "a?[1m\xc3\xa4?(\xe2\x82\xac??????????");
}
END_TEST

START_TEST(defaults_are_the_presets)
{
	for (int m = 0; m < HK_MODE_COUNT; m++) {
		hk_config_defaults((enum hk_mode) m, &w.config);
		ck_assert_str_eq(w.config.mode, hk_mode_names[m]);
		ck_assert_uint_eq(w.config.base_mode, m);
		for (int k = 0; k < HK_KEY_COUNT; k++) {
			ck_assert_str_eq(value_of((enum hk_key_id) k), hk_keys[k].preset[m]);
			ck_assert_uint_eq(w.config.origin[k], HK_ORIGIN_PRESET);
		}
		hk_config_warn(&w.config, &w.diags);
		ck_assert_uint_eq(w.diags.count, 0);
	}
}
END_TEST

START_TEST(texts_put_together)
{
	char buf[12] = "";

	ck_assert(hk_text_append(buf, sizeof(buf), "a/"));
	ck_assert(hk_text_append_number(buf, sizeof(buf), 0));
	ck_assert(hk_text_append_number(buf, sizeof(buf), 4294967));
	ck_assert_str_eq(buf, "a/04294967");
	ck_assert(!hk_text_append(buf, sizeof(buf), "xyz"));
	ck_assert_str_eq(buf, "a/04294967x");
	ck_assert(!hk_text_append(buf, sizeof(buf), "y"));
	ck_assert_str_eq(buf, "a/04294967x");
	ck_assert(!hk_text_copy(buf, 3, "abc"));
	ck_assert_str_eq(buf, "ab");
	ck_assert_uint_eq(hk_text_number(" 18446744073709551615 7"), UINT64_MAX);
	ck_assert_uint_eq(hk_text_number("x"), 0);
}
END_TEST

START_TEST(words_that_differ)
{
	uint64_t from[4] = {1, 0, 3, 0}, to[4] = {1, 2, 0, 0}, zero[4] = {0};

	hk_words_copy(to, from, sizeof(to));
	ck_assert_mem_eq(to, from, sizeof(to));
	hk_words_clear(to, sizeof(to));
	ck_assert_mem_eq(to, zero, sizeof(to));
	hk_words_fill(to, from, sizeof(to));
	ck_assert_mem_eq(to, from, sizeof(to));
}
END_TEST

/* Each key has its own place in a set, texts too. */
START_TEST(sets_keep_keys_apart)
{
	static struct hk_values values, other;
	enum hk_key_id key = (enum hk_key_id) _i;
	struct hk_value value = {.num = 0};
	char text[HK_VALUE_MAX];

	ck_assert_int_eq(hk_value_parse(key, hk_keys[key].preset[HK_MODE_RESEARCH], &value, NULL, 0), 0);
	memset(&values, 0x55, sizeof(values));
	hk_values_put(&values, key, &value);
	ck_assert_str_eq(hk_values_format(&values, key, text), hk_keys[key].preset[HK_MODE_RESEARCH]);
	memset(&other, 0x55, sizeof(other));
	hk_values_lay(&other, key, &values);
	ck_assert(hk_values_equal(&values, &other, key));
	ck_assert_mem_eq(&values, &other, sizeof(values));
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		if (k != (unsigned) _i && hk_keys[k].type != HK_TYPE_TEXT)
			ck_assert_uint_eq(values.num[k], 0x5555555555555555U);
}
END_TEST

Suite *values_suite(void)
{
	Suite *suite = suite_create("config values");
	TCase *keys = tcase_create("keys"), *types = tcase_create("types"), *names = tcase_create("names");

	tcase_add_loop_test(keys, every_key_is_sound, 0, HK_KEY_COUNT);
	tcase_add_loop_test(keys, every_preset_is_its_own_text, 0, HK_KEY_COUNT);
	tcase_add_loop_test(keys, every_key_refuses_nonsense, 0, HK_KEY_COUNT);
	tcase_add_loop_test(keys, every_choice_round_trips, 0, HK_KEY_COUNT);
	tcase_add_loop_test(keys, range_ends_round_trip, 0, HK_KEY_COUNT);
	tcase_add_test(types, booleans);
	tcase_add_test(types, choices);
	tcase_add_test(types, sizes);
	tcase_add_test(types, durations);
	tcase_add_test(types, numbers);
	tcase_add_test(types, texts);
	tcase_add_test(types, small_why_is_respected);
	tcase_add_test(names, nearest_key);
	tcase_add_test(names, key_names_any_case);
	tcase_add_test(names, globs);
	tcase_add_test(names, text_made_safe);
	tcase_add_test(names, defaults_are_the_presets);
	tcase_add_test(names, texts_put_together);
	tcase_add_test(names, words_that_differ);
	tcase_add_loop_test(keys, sets_keep_keys_apart, 0, HK_KEY_COUNT);
	suite_add_tcase(suite, keys);
	suite_add_tcase(suite, types);
	suite_add_tcase(suite, names);
	return suite;
}
