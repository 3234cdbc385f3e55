/* SPDX-License-Identifier: MIT
 *
 * Priority and errors, through real files: each row of the contract's "What wins", each kind of
 * mistake with its file, line and nearest name.
 */
#include "test_config.h"

#include <stdio.h>
#include <string.h>

static void expect(enum hk_key_id key, const char *text, enum hk_origin origin)
{
	ck_assert_str_eq(value_of(key), text);
	ck_assert_uint_eq(w.config.origin[key], origin);
}

/* Each step adds a stronger layer to those before; purge_delay is set by all of them. */
START_TEST(each_layer_beats_the_one_before)
{
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_PURGE_DELAY, "1s", HK_ORIGIN_PRESET);
	overlay_put(&w.learned, HK_KEY_PURGE_DELAY, "5ms");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_PURGE_DELAY, "5ms", HK_ORIGIN_LEARNED);
	ck_assert_int_eq(resolve_text("[balanced]\npurge_delay = 11ms\n"), 0);
	expect(HK_KEY_PURGE_DELAY, "11ms", HK_ORIGIN_MODE);
	ck_assert_uint_eq(w.config.line[HK_KEY_PURGE_DELAY], 2);
	ck_assert_int_eq(resolve_text("[hakmem]\npurge_delay = 12ms\n[balanced]\npurge_delay = 11ms\n"), 0);
	expect(HK_KEY_PURGE_DELAY, "12ms", HK_ORIGIN_GLOBAL);
	ck_assert_int_eq(resolve_text("[program:prog]\npurge_delay = 13ms\n[hakmem]\npurge_delay = 12ms\n"),
	                 0);
	expect(HK_KEY_PURGE_DELAY, "13ms", HK_ORIGIN_PROGRAM);
	ck_assert_int_eq(
	        resolve_text("[unit:svc.service]\npurge_delay = 14ms\n[program:prog]\npurge_delay = 13ms\n"),
	        0);
	expect(HK_KEY_PURGE_DELAY, "14ms", HK_ORIGIN_UNIT);
	overlay_put(&w.env, HK_KEY_PURGE_DELAY, "15ms");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_PURGE_DELAY, "15ms", HK_ORIGIN_ENV);
	ck_assert_uint_eq(w.config.line[HK_KEY_PURGE_DELAY], 0);
	overlay_put(&w.set, HK_KEY_PURGE_DELAY, "16ms");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_PURGE_DELAY, "16ms", HK_ORIGIN_SET);
}
END_TEST

START_TEST(learned_only_moves_tuned_keys)
{
	overlay_put(&w.learned, HK_KEY_DEBUG, "verbose");
	overlay_put(&w.learned, HK_KEY_THP, "on");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_DEBUG, "off", HK_ORIGIN_PRESET);
	expect(HK_KEY_THP, "on", HK_ORIGIN_LEARNED);
}
END_TEST

START_TEST(mode_is_chosen_by_rank)
{
	static const char all[] = "[unit:svc.service]\nmode = research\n[program:prog]\nmode = learning\n"
	                          "[hakmem]\nmode = minimal\n";

	ck_assert_int_eq(resolve(), 0);
	ck_assert_str_eq(w.config.mode, "balanced");
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_PRESET);
	ck_assert_int_eq(resolve_text("[hakmem]\nmode = minimal\n"), 0);
	ck_assert_str_eq(w.config.mode, "minimal");
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_GLOBAL);
	ck_assert_int_eq(resolve_text("[program:prog]\nmode = learning\n[hakmem]\nmode = minimal\n"), 0);
	ck_assert_str_eq(w.config.mode, "learning");
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_PROGRAM);
	ck_assert_int_eq(resolve_text(all), 0);
	ck_assert_str_eq(w.config.mode, "research");
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_UNIT);
	expect(HK_KEY_THP, "on", HK_ORIGIN_PRESET);
	strcpy(w.env.mode, "FAST");
	ck_assert_int_eq(resolve(), 0);
	ck_assert_str_eq(w.config.mode, "fast");
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_ENV);
	strcpy(w.set.mode, "minimal");
	ck_assert_int_eq(resolve(), 0);
	ck_assert_str_eq(w.config.mode, "minimal");
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_SET);
}
END_TEST

START_TEST(global_key_holds_under_every_mode)
{
	put_main("[hakmem]\nthp = off\n");
	for (int m = 0; m < HK_MODE_COUNT; m++) {
		strcpy(w.env.mode, hk_mode_names[m]);
		ck_assert_int_eq(resolve(), 0);
		expect(HK_KEY_THP, "off", HK_ORIGIN_GLOBAL);
		ck_assert_uint_eq(w.config.base_mode, m);
	}
}
END_TEST

START_TEST(own_modes_inherit)
{
	ck_assert_int_eq(resolve_text("[hakmem]\nmode = Shop\n"
	                              "[shop]\ninherits = WEB\npurge_delay = 2s\n"
	                              "[web]\ninherits = fast\npurge_delay = 3s\nbigcache_limit = 1G\n"
	                              "[fast]\npurge_delay = 4s\nbigcache_limit = 2G\nbatch_max = 7\n"),
	                 0);
	ck_assert_str_eq(w.config.mode, "shop");
	ck_assert_uint_eq(w.config.base_mode, HK_MODE_FAST);
	expect(HK_KEY_PURGE_DELAY, "2s", HK_ORIGIN_MODE);
	expect(HK_KEY_BIGCACHE_LIMIT, "1G", HK_ORIGIN_MODE);
	expect(HK_KEY_BATCH_MAX, "7", HK_ORIGIN_MODE);
	expect(HK_KEY_ELO, "off", HK_ORIGIN_PRESET);
	ck_assert_uint_eq(w.config.line[HK_KEY_BATCH_MAX], 13);
	ck_assert_uint_eq(w.config.nfiles, 1);
	ck_assert_str_eq(w.config.files[w.config.file[HK_KEY_BATCH_MAX]], MAIN_PATH);
}
END_TEST

START_TEST(own_mode_on_a_built_in_without_section)
{
	strcpy(w.env.mode, "web");
	ck_assert_int_eq(resolve_text("[web]\ninherits = minimal\n"), 0);
	ck_assert_uint_eq(w.config.base_mode, HK_MODE_MINIMAL);
	expect(HK_KEY_TINYPOOL, "off", HK_ORIGIN_PRESET);
	ck_assert_int_eq(resolve_text("[web]\nbatch_max = 5\n[balanced]\nbatch_max = 9\nelo_k = 9\n"), 0);
	ck_assert_uint_eq(w.config.base_mode, HK_MODE_BALANCED);
	expect(HK_KEY_BATCH_MAX, "5", HK_ORIGIN_MODE);
	expect(HK_KEY_ELO_K, "9", HK_ORIGIN_MODE);
}
END_TEST

START_TEST(program_and_unit_globs)
{
	strcpy(w.identity.program, "python3.11");
	strcpy(w.identity.unit, "postgresql@14-main.service");
	ck_assert_int_eq(
	        resolve_text("[program:python3.[0-9]*]\nbatch_max = 2\n[program:Python*]\nbatch_max = 3\n"
	                     "[unit:postgresql@*.service]\nelo_k = 4\n[unit:nginx]\nelo_k = 5\n"),
	        0);
	expect(HK_KEY_BATCH_MAX, "2", HK_ORIGIN_PROGRAM);
	expect(HK_KEY_ELO_K, "4", HK_ORIGIN_UNIT);
	strcpy(w.identity.unit, "nginx.service");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_ELO_K, "5", HK_ORIGIN_UNIT);
	w.identity.unit[0] = '\0';
	ck_assert_int_eq(resolve_text("[unit:*]\nelo_k = 4\n"), 0);
	expect(HK_KEY_ELO_K, "32", HK_ORIGIN_PRESET);
}
END_TEST

START_TEST(later_matching_section_wins)
{
	ck_assert_int_eq(
	        resolve_text("[program:p*]\nbatch_max = 2\nelo_k = 2\nmode = fast\n"
	                     "[program:prog]\nbatch_max = 3\nmode = minimal\n[program:pro?]\nelo_k = 5\n"),
	        0);
	expect(HK_KEY_BATCH_MAX, "3", HK_ORIGIN_PROGRAM);
	expect(HK_KEY_ELO_K, "5", HK_ORIGIN_PROGRAM);
	ck_assert_str_eq(w.config.mode, "minimal");
}
END_TEST

START_TEST(drop_ins_follow_in_order)
{
	put_main("[hakmem]\nbatch_max = 1\nelo_k = 1\nmode = fast\n");
	put_drop_in("20-b.ini", "[hakmem]\nbatch_max = 20\nmode = web\n");
	put_drop_in("10-a.ini", "[hakmem]\nbatch_max = 10\nelo_k = 10\n[web]\ninherits = fast\nthp = on\n");
	put_drop_in("30-c.ini~", "[hakmem]\nbatch_max = 30\n");
	put_drop_in(".hidden.ini", "[hakmem]\nbatch_max = 40\n");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_BATCH_MAX, "20", HK_ORIGIN_GLOBAL);
	expect(HK_KEY_ELO_K, "10", HK_ORIGIN_GLOBAL);
	expect(HK_KEY_THP, "on", HK_ORIGIN_MODE);
	ck_assert_str_eq(w.config.mode, "web");
	ck_assert_uint_eq(w.config.nfiles, 3);
	ck_assert_str_eq(w.config.files[1], HK_SYSCONFDIR "/hakmem.d/10-a.ini");
	ck_assert_uint_eq(w.config.file[HK_KEY_BATCH_MAX], 2);
}
END_TEST

START_TEST(many_drop_ins)
{
	char name[32], text[64];

	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "%02d.ini", i);
		snprintf(text, sizeof(text), "[hakmem]\nbatch_max = %d\n", i + 1);
		put_drop_in(name, text);
	}
	ck_assert_int_gt(resolve(), 0);
	expect_told("more than 64");
	expect(HK_KEY_BATCH_MAX, "64", HK_ORIGIN_GLOBAL);
	ck_assert_uint_eq(w.config.nfiles, 8);
	ck_assert_uint_eq(w.config.file[HK_KEY_BATCH_MAX], 7);
	ck_assert_str_eq(w.config.files[7], HK_SYSCONFDIR "/hakmem.d");
	put_main("[hakmem]\n");
	ck_assert_int_eq(resolve(), 1); /* said once */
	expect(HK_KEY_BATCH_MAX, "63", HK_ORIGIN_GLOBAL);
}
END_TEST

/* What fits exactly, with a comment behind it, fits; one more does not. */
START_TEST(longest_line)
{
	int refused = 0;

	for (int n = 150; n < HK_DIAG_MAX; n++) {
		char text[2 * HK_DIAG_MAX];
		int errors;

		(void) snprintf(text, sizeof(text), "[hakmem]\npurge_delay =%*s5s\n", n, "");
		errors = resolve_text(text);
		refused += errors;
		(void) snprintf(text, sizeof(text), "[hakmem]\npurge_delay =%*s5s ; a comment\n", n, "");
		ck_assert_int_eq(resolve_text(text), errors);
	}
	ck_assert_int_gt(refused, 0);
	ck_assert_int_lt(refused, HK_DIAG_MAX - 150);
}
END_TEST

START_TEST(conf_replaces_both)
{
	put_main("[hakmem]\nbatch_max = 1\n");
	put_drop_in("10-a.ini", "[hakmem]\nelo_k = 10\n");
	put_bytes("/srv/my.ini", "[hakmem]\nelo_window = 9\n", 24);
	strcpy(w.identity.conf, "/srv/my.ini");
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_BATCH_MAX, "64", HK_ORIGIN_PRESET);
	expect(HK_KEY_ELO_K, "32", HK_ORIGIN_PRESET);
	expect(HK_KEY_ELO_WINDOW, "9", HK_ORIGIN_GLOBAL);
	strcpy(w.identity.conf, "/srv/none.ini");
	ck_assert_int_eq(resolve(), 0);
	expect_told("HAKMEM_CONF names a file that does not exist: /srv/none.ini");
	expect(HK_KEY_BATCH_MAX, "64", HK_ORIGIN_PRESET);
}
END_TEST

/* Text of the main file, and what its one error says behind "FILE:". */
static const struct {
	const char *text, *says;
} mistakes[] = {
        {"[hakmem]\nbigcahe = on\n", ":2: unknown key 'bigcahe': did you mean 'bigcache'?"},
        {"[hakmem]\n\n; c\nwibble = on\n", ":4: unknown key 'wibble'"},
        {"[hakmem]\nmoed = fast\n", ":2: unknown key 'moed': did you mean 'mode'?"},
        {"[web]\ninherit = fast\n", ":2: inherit must be on or off"},
        {"[hakmem]\nthp = sometimes\n", ":2: thp must be off, auto or on, not 'sometimes'"},
        {"[hakmem]\nthp = on # why\n",
         ":2: thp must be off, auto or on, not 'on # why' (a comment behind a value starts"},
        {"[hakmem]\npurge_delay = 500\n", ":2: purge_delay needs a unit"},
        {"[hakmem]\nthp\n", ":2: expected KEY = VALUE or [SECTION]"},
        {"[hakmem]\nthp", ":2: expected KEY = VALUE or [SECTION]"},
        {"[hakmem]\n= on\n", ":2: there is no key before the '='"},
        {"thp = on\n", ":1: 'thp' stands before the first section: put it below [hakmem]"},
        {"[hakmem]\nthp = on\nelo_k = 3\nTHP = on\n",
         ":4: duplicate 'thp': this section has it in line 2 already"},
        {"[hakmem]\nthp = on\n[fast]\n[hakmem]\nthp = on\n",
         ":5: duplicate 'thp': this section has it in line 2"},
        {"[program:x]\nthp = on\nthp = on\n", ":3: duplicate 'thp'"},
        {"[hakmem]\nmode = fast\nmode = fast\n", ":3: duplicate 'mode'"},
        {"[hakmem]\nmode = ballanced\n", ":2: unknown mode 'ballanced': did you mean 'balanced'?"},
        {"[program:other]\nmode = xyz\n", ":2: unknown mode 'xyz': no section defines it"},
        {"[web]\ninherits = fats\n", ":2: unknown mode 'fats': did you mean 'fast'?"},
        {"[web]\ninherits = web\n", ":2: [web] inherits from itself"},
        {"[a1]\ninherits = b1\n[b1]\ninherits = c1\n[c1]\ninherits = a1\n[d1]\ninherits = b1\n",
         ":2: [a1] inherits from itself through [b1]"},
        {"[fast]\ninherits = minimal\n", ":2: [fast] is built in and cannot inherit"},
        {"[hakmem]\ninherits = fast\n",
         ":2: 'inherits' belongs into the section of a mode of your own; here it is 'mode'"},
        {"[web]\nmode = fast\n", ":2: 'mode' belongs into [hakmem], [program:NAME] or [unit:NAME]"},
        {"[programm:x]\nthp = on\n", ":1: unknown section [programm:x]: did you mean [program:x]?"},
        {"[wibble:x]\n", ":1: unknown section [wibble:x]: only"},
        {"[program:]\n", ":1: [program:] names no program"},
        {"[unit]\n", ":1: [unit] names no unit"},
        {"[program:/usr/bin/x]\n", "name without directory"},
        {"[hakmen]\nthp = on\n", ":1: unknown section [hakmen]: did you mean [hakmem]?"},
        {"[ba lanced]\n", ":1: section [ba lanced] is no mode's name"},
        {"[]\n", ":1: section [] is no mode's name"},
        {"[hakmem\nthp = off\n", ":1: '[hakmem': a section is [NAME]"},
        {"[hakmem] thp = off\n", ":1: '[hakmem] thp = off': a section is [NAME]"},
        {"[hakmem]\ncontrol_dir = \"/a ; b\"\n", ":2: stray '\"'"},
        {"[hakmem]\nmode = a b\n", ":2: 'a b' is no mode's name"},
};

START_TEST(every_mistake_is_named)
{
	char says[HK_DIAG_MAX];

	ck_assert_msg(resolve_text(mistakes[_i].text) == 1, "%u errors: %s / %s", w.diags.errors,
	              w.diags.text[0], w.diags.text[1]);
	snprintf(says, sizeof(says), "%s%s", mistakes[_i].says[0] == ':' ? MAIN_PATH : "", mistakes[_i].says);
	expect_told(says);
}
END_TEST

START_TEST(an_error_costs_only_its_line)
{
	ck_assert_int_eq(
	        resolve_text("[hakmem]\nbatch_max = 3\nbatch_max = 4\nelo_k = none\nelo_k = 7\nnonsense\n"
	                     "mode = wrong\n[program:prog]\nmode = fast\n[prgram:x]\nthp = on\nbad = 1\n"),
	        6);
	expect(HK_KEY_BATCH_MAX, "3", HK_ORIGIN_GLOBAL);
	expect(HK_KEY_ELO_K, "7", HK_ORIGIN_GLOBAL);
	expect(HK_KEY_THP, "auto", HK_ORIGIN_PRESET);
	ck_assert_str_eq(w.config.mode, "fast");
}
END_TEST

START_TEST(a_bad_mode_leaves_the_next_rank)
{
	ck_assert_int_eq(resolve_text("[hakmem]\nmode = fast\n[unit:*]\nmode = wrong\n"), 1);
	ck_assert_str_eq(w.config.mode, "fast");
	strcpy(w.env.mode, "fats");
	ck_assert_int_eq(resolve(), 1);
	expect_told("HAKMEM_MODE: unknown mode 'fats': did you mean 'fast'?");
	ck_assert_str_eq(w.config.mode, "fast");
}
END_TEST

START_TEST(a_cut_cycle_still_resolves)
{
	strcpy(w.env.mode, "b1");
	ck_assert_int_eq(resolve_text("[a1]\ninherits = b1\nelo_k = 1\n[b1]\ninherits = a1\nbatch_max = 2\n"),
	                 1);
	expect(HK_KEY_ELO_K, "1", HK_ORIGIN_MODE);
	expect(HK_KEY_BATCH_MAX, "2", HK_ORIGIN_MODE);
	ck_assert_uint_eq(w.config.base_mode, HK_MODE_BALANCED);
}
END_TEST

START_TEST(unselected_modes_are_fine)
{
	ck_assert_int_eq(resolve_text("[web]\nbatch_max = 3\n[fast2]\ninherits = fast\n"), 0);
	strcpy(w.env.mode, "fast2");
	ck_assert_int_eq(resolve_text("[fast2]\nbatch_max = 3\n"), 0);
	expect(HK_KEY_BATCH_MAX, "3", HK_ORIGIN_MODE);
}
END_TEST

/* Whatever the host's daemon is told, no service minds; nor does it take anything from there. */
START_TEST(the_daemons_section_is_passed_over)
{
	ck_assert_int_eq(resolve_text("[hakmemd]\nmetrics_listen = 127.0.0.1:9477\nnonsense = 1\nthp = on\nthp = on\n"
	                              "mode = wrong\n[HakMemD]\nreload = never\n[hakmem]\nbatch_max = 3\n"),
	                 0);
	ck_assert_uint_eq(w.diags.count, 0);
	expect(HK_KEY_BATCH_MAX, "3", HK_ORIGIN_GLOBAL);
	expect(HK_KEY_THP, "auto", HK_ORIGIN_PRESET);
	ck_assert_int_eq(resolve_text("[hakmem]\nmode = hakmemd\n[hakmemd]\nbatch_max = 4\n"), 1);
	ck_assert_str_eq(w.config.mode, "balanced");
	ck_assert_int_eq(resolve_text("[hakmend]\nreload = auto\n"), 1);
	expect_told("did you mean [hakmemd]?");
}
END_TEST

START_TEST(the_contract_example)
{
	strcpy(w.identity.program, "redis-server");
	ck_assert_int_eq(
	        resolve_text(
	                "[hakmem]                    ; for every program\nmode = balanced\n"
	                "thp  = off                  ; a per-key override\n\n[balanced]   ; a mode\n"
	                "purge_delay = 500ms\n\n[web]                       ; own\ninherits = fast\n"
	                "bigcache_limit = 512M\n\n[program:redis-server]      ; glob allowed\nmode = web\n"
	                "control = on\n\n[unit:postgresql@*.service] ; unit\nmode = fast\n"),
	        0);
	ck_assert_str_eq(w.config.mode, "web");
	ck_assert_uint_eq(w.config.base_mode, HK_MODE_FAST);
	expect(HK_KEY_THP, "off", HK_ORIGIN_GLOBAL);
	expect(HK_KEY_CONTROL, "on", HK_ORIGIN_PROGRAM);
	expect(HK_KEY_BIGCACHE_LIMIT, "512M", HK_ORIGIN_MODE);
	expect(HK_KEY_PURGE_DELAY, "1s", HK_ORIGIN_PRESET);
	w.identity.program[0] = '\0';
	ck_assert_int_eq(resolve(), 0);
	expect(HK_KEY_PURGE_DELAY, "500ms", HK_ORIGIN_MODE);
}
END_TEST

/* A file and the warning it earns; NULL: none. */
static const struct {
	const char *text, *says;
} senseless[] = {
        {"[hakmem]\nelo = off\nevo_policy = learn\n",
         "evo_policy = learn has no effect with elo = off: set elo = on"},
        {"[hakmem]\nmode = fast\nevo_policy = learn-frozen\n",
         "evo_policy = learn-frozen has no effect with elo = off"},
        {"[hakmem]\nelo = off\n", NULL},
        {"[hakmem]\nelo = on\nevo_policy = off\n", "elo = on has no effect with evo_policy = off"},
        {"[hakmem]\nbigcache = off\nbigcache_limit = 1G\n",
         "bigcache_limit = 1G has no effect with bigcache = off"},
        {"[hakmem]\nbigcache = off\n", NULL},
        {"[hakmem]\nbatch = off\nbatch_max = 5\n", "batch_max = 5 has no effect with batch = off"},
        {"[hakmem]\nfree_policy = keep\npurge_delay = 5s\n",
         "set free_policy = adaptive, or take purge_delay out"},
        {"[hakmem]\nfree_policy = keep\nbatch_max = 5\n", "change free_policy = keep"},
        {"[hakmem]\nreload = auto\n", "reload = auto has no effect with control = off: set control = on"},
        {"[hakmem]\nreload = auto\ncontrol = on\n", NULL},
        {"[hakmem]\ncontrol_group = adm\n", "control_group = adm has no effect with control = off"},
        {"[hakmem]\ncontrol_group =\ncontrol_read_group =\n", NULL},
        {"[hakmem]\ncontrol_dir = /run/x\n", "control_dir = /run/x has no effect with control = off"},
        {"[hakmem]\ncontrol_dir = /run/x\n[unit:other]\ncontrol = on\n", NULL},
        {"[hakmem]\nsoft_limit = 2G\nhard_limit = 1G\n", "soft_limit = 2G is above hard_limit = 1G"},
        {"[hakmem]\nsoft_limit = 2G\n", NULL},
        {"[hakmem]\nbigcache_max_block = 8G\n", "bigcache_max_block = 8G is above bigcache_limit = 4G"},
        {"[hakmem]\nbigcache_limit = 64M\n", NULL},
        {"[hakmem]\nelo = on\nevo_policy = frozen\n", NULL},
        {"[hakmem]\nmode = research\nelo_budget = 99\n", "elo_budget = 99 has no effect with evo_policy = learn"},
        {"[hakmem]\nmode = learning\nelo_budget = 99\n", NULL},
        {"[hakmem]\nbigcache = on\nbigcache_limit = 0\n", "bigcache = on has no effect with bigcache_limit = 0"},
        {"[hakmem]\nbatch = on\nbatch_max = 1\n", "batch = on has no effect with batch_max = 1"},
        {"[hakmem]\nsecurity = full\ntinypool_limit = 2M\n", "tinypool_limit = 2M has no effect with security = full"},
        {"[hakmem]\ndebug = minimal\nlog = none\n", "/etc/hakmem.ini:2: debug has no effect with log = none"},
        {"[hakmem]\nlog = none\n", NULL},
        {"[hakmem]\n\nhard_limit = 512\n", "/etc/hakmem.ini:3: hard_limit = 512 is less than a program needs"},
        {"[hakmem]\nsoft_limit = 64\n", "/etc/hakmem.ini:2: soft_limit = 64 is in bytes, and next to nothing: write 64M"},
        {"[hakmem]\nhard_limit = 512M\nbigcache_max_block = 600M\n", "so no such block can exist"},
        {"[hakmem]\nsoft_limit = 512M\nbigcache_limit = 2G\n", "so the cache is trimmed before it is full"},
        {"[hakmem]\nsoft_limit = 512M\n", NULL},
        {"[hakmem]\nmode = learning\nthp = on\npurge_delay = 1s\nbatch_max = 9\nbigcache_limit = 1G\n"
         "bigcache_max_block = 9M\n", "every key that it could tune is given"},
        {"[hakmem]\nmode = learning\nthp = on\npurge_delay = 1s\nbatch_max = 9\nbigcache_limit = 1G\n", NULL},
        {"[hakmem]\nelo_k = 9\nthp = off\n[program:prog]\nmode = fast\n", NULL},
        {"[hakmem]\nthp = off\n[program:prog]\nmode = fast\nelo_k = 9\n",
         "/etc/hakmem.ini:5: elo_k = 9 has no effect with elo = off"},
        {"[hakmem]\nmode = minimal\n", NULL},
};

START_TEST(senseless_combinations_are_warned_of)
{
	ck_assert_int_eq(resolve_text(senseless[_i].text), 0);
	hk_config_warn(&w.config, &w.diags);
	ck_assert_uint_eq(w.diags.errors, 0);
	ck_assert_uint_eq(w.diags.count, senseless[_i].says != NULL);
	if (senseless[_i].says != NULL)
		expect_told(senseless[_i].says);
}
END_TEST

Suite *files_suite(void)
{
	Suite *suite = suite_create("config files");
	TCase *wins = tcase_create("what wins"), *wrong = tcase_create("mistakes");

	tcase_add_checked_fixture(wins, world_begin, world_end);
	tcase_add_checked_fixture(wrong, world_begin, world_end);
	tcase_add_test(wins, each_layer_beats_the_one_before);
	tcase_add_test(wins, learned_only_moves_tuned_keys);
	tcase_add_test(wins, mode_is_chosen_by_rank);
	tcase_add_test(wins, global_key_holds_under_every_mode);
	tcase_add_test(wins, own_modes_inherit);
	tcase_add_test(wins, own_mode_on_a_built_in_without_section);
	tcase_add_test(wins, program_and_unit_globs);
	tcase_add_test(wins, later_matching_section_wins);
	tcase_add_test(wins, drop_ins_follow_in_order);
	tcase_add_test(wins, many_drop_ins);
	tcase_add_test(wins, longest_line);
	tcase_add_test(wins, conf_replaces_both);
	tcase_add_test(wins, the_contract_example);
	tcase_add_test(wins, the_daemons_section_is_passed_over);
	tcase_add_loop_test(wrong, every_mistake_is_named, 0, (int) HK_COUNT(mistakes));
	tcase_add_test(wrong, an_error_costs_only_its_line);
	tcase_add_test(wrong, a_bad_mode_leaves_the_next_rank);
	tcase_add_test(wrong, a_cut_cycle_still_resolves);
	tcase_add_test(wrong, unselected_modes_are_fine);
	tcase_add_loop_test(wrong, senseless_combinations_are_warned_of, 0, (int) HK_COUNT(senseless));
	suite_add_tcase(suite, wins);
	suite_add_tcase(suite, wrong);
	return suite;
}
