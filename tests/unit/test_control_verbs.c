/* SPDX-License-Identifier: MIT
 *
 * Verbs on a block in memory: replies are valid JSON with the promised names, changes are all or nothing.
 */
#include "test_control.h"

#include <errno.h>
#include <string.h>

static uint64_t generation(struct hk_block *block)
{
	return atomic_load(&block->pulse[0]);
}

static size_t count(const json_t *json, const char *name)
{
	return json_array_size(json_object_get(json, name));
}

START_TEST(read_verbs)
{
	static const char *const lines[] = {"list", "status", "stats", "get", "log", "export", "version", "help", " STATUS \t"};
	static const char *const names[] = {"pid", "program", "unit", "mode", "phase", "processes", "applied", "rss_bytes",
	                                    "live_bytes", "cached_bytes", "metadata_bytes", "tinypool_hit_rate",
	                                    "bigcache_hit_rate", "warnings"};
	struct hk_block *block = block_make("[hakmem]\nmode = learning\n");
	json_t *json;

	for (size_t i = 0; i < HK_COUNT(lines); i++)
		json_decref(ask_ok(block, lines[i]));
	json = ask_ok(block, "status");
	for (size_t i = 0; i < HK_COUNT(names); i++)
		ck_assert_msg(json_object_get(json, names[i]) != NULL, "%s", names[i]);
	ck_assert_str_eq(json_string_value(json_object_get(json, "program")), "tester");
	ck_assert_str_eq(json_string_value(json_object_get(json, "phase")), "LEARN");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "processes")), 1);
	ck_assert_int_gt(json_integer_value(json_object_get(json, "rss_bytes")), 100000);
	json_decref(json);
	ck_assert_uint_eq(generation(block), 2);
	block_drop(block);
}
END_TEST

START_TEST(nonsense)
{
	struct hk_block *block = block_make("");
	char line[2 * HK_LINE_MAX];

	ask_refused(block, "", "empty request");
	ask_refused(block, "  \t ", "empty request");
	ask_refused(block, "stauts", "unknown verb");
	ask_refused(block, "status now", "takes no argument");
	ask_refused(block, "get bigcahe", "did you mean 'bigcache'?");
	ask_refused(block, "\x01\x02\xff\"\\", "unknown verb");
	memset(line, 'a', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	ask_refused(block, line, "longer than");
	for (size_t i = 0; i < 200; i++)
		memcpy(line + 2 * i, "a ", 3);
	ask_refused(block, line, "words");
	ck_assert_uint_eq(generation(block), 2);
	block_drop(block);
}
END_TEST

START_TEST(set_all_or_nothing)
{
	struct hk_block *block = block_make("[hakmem]\npurge_delay = 5s\n");
	json_t *json;

	ck_assert_str_eq(get(block, "purge_delay", "value"), "5s");
	ck_assert_ptr_nonnull(strstr(get(block, "purge_delay", "origin"), ".ini:2"));
	ask_refused(block, "set", "KEY=VALUE");
	ask_refused(block, "set purge_delay", "not KEY=VALUE");
	ask_refused(block, "set purge_delay=2s batch_max=lots", "batch_max");
	ask_refused(block, "set purge_delay=2s bigcahe=on", "did you mean 'bigcache'?");
	ask_refused(block, "set thp=on THP=off", "given twice");
	ck_assert_str_eq(get(block, "purge_delay", "value"), "5s");
	ck_assert_uint_eq(generation(block), 2);
	json = ask_ok(block, "set purge_delay=2s batch_max=8");
	ck_assert_uint_eq(count(json, "changed"), 2);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "generation")), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "processes")), 1);
	json_decref(json);
	ck_assert_str_eq(get(block, "purge_delay", "value"), "2s");
	ck_assert_str_eq(get(block, "purge_delay", "origin"), "set");
	ck_assert_str_eq(get(block, "batch_max", "value"), "8");
	json_decref(ask_ok(block, "set purge_delay=-"));
	ck_assert_str_eq(get(block, "purge_delay", "value"), "5s");
	ck_assert_str_eq(get(block, "batch_max", "value"), "8");
	block_drop(block);
}
END_TEST

START_TEST(set_startup_pending)
{
	struct hk_block *block = block_make("");
	json_t *json = ask_ok(block, "set security=full thp=off");

	ck_assert_uint_eq(count(json, "changed"), 1);
	ck_assert_uint_eq(count(json, "pending"), 1);
	json_decref(json);
	ck_assert_str_eq(get(block, "security", "value"), "basic");
	ck_assert_str_eq(get(block, "security", "pending"), "full");
	ck_assert_str_eq(get(block, "security", "context"), "startup");
	ck_assert_str_eq(get(block, "thp", "value"), "off");
	ck_assert_str_eq(get(block, "thp", "pending"), "null");
	/* An unrelated change leaves it pending; taking it back does not. */
	json_decref(ask_ok(block, "set batch_max=9"));
	ck_assert_str_eq(get(block, "security", "pending"), "full");
	json_decref(ask_ok(block, "reload"));
	ck_assert_str_eq(get(block, "security", "pending"), "full");
	json_decref(ask_ok(block, "set security=-"));
	ck_assert_str_eq(get(block, "security", "pending"), "null");
	block_drop(block);
}
END_TEST

START_TEST(set_mode)
{
	struct hk_block *block = block_make("[hakmem]\nthp = off\n[web]\ninherits = fast\nbatch_max = 11\n");

	json_decref(ask_ok(block, "set mode=minimal"));
	ck_assert_str_eq(get(block, "mode", "value"), "minimal");
	ck_assert_str_eq(get(block, "tinypool", "value"), "off");
	json_decref(ask_ok(block, "set mode=web bigcache_limit=1M"));
	ck_assert_str_eq(get(block, "tinypool", "value"), "on");
	ck_assert_str_eq(get(block, "batch_max", "value"), "11");
	ck_assert_str_eq(get(block, "bigcache_limit", "value"), "1M");
	ask_refused(block, "set mode=nosuch", "does not exist");
	ask_refused(block, "set mode=", "needs a name");
	ck_assert_str_eq(get(block, "mode", "value"), "web");
	json_decref(ask_ok(block, "set mode=-"));
	ck_assert_str_eq(get(block, "mode", "value"), "balanced");
	block_drop(block);
}
END_TEST

START_TEST(reload)
{
	struct hk_block *block = block_make("[hakmem]\npurge_delay = 5s\n");
	json_t *json;

	json_decref(ask_ok(block, "set batch_max=33"));
	block_write_ini("[hakmem]\npurge_delay = 7s\ncontrol = on\nbatch_max = 1\n");
	json = ask_ok(block, "reload");
	ck_assert_uint_eq(count(json, "changed"), 1);
	ck_assert_uint_eq(count(json, "pending"), 1);
	json_decref(json);
	ck_assert_str_eq(get(block, "purge_delay", "value"), "7s");
	ck_assert_str_eq(get(block, "batch_max", "value"), "33");
	ck_assert_str_eq(get(block, "control", "pending"), "on");
	block_write_ini("[hakmem]\npurge_delay = 9s\nbigcahe = on\nbatch_max = no\n");
	json = ask(block, "reload");
	ck_assert(json_is_false(json_object_get(json, "ok")));
	ck_assert_uint_eq(count(json, "errors"), 2);
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(json_object_get(json, "errors"), 0)), ".ini:3"));
	json_decref(json);
	ck_assert_str_eq(get(block, "purge_delay", "value"), "7s");
	block_drop(block);
}
END_TEST

START_TEST(phases)
{
	struct hk_block *block = block_make("[hakmem]\nmode = balanced\n");
	json_t *json = ask_ok(block, "learn");

	ck_assert_str_eq(json_string_value(json_object_get(json, "phase")), "LEARN");
	json_decref(json);
	ck_assert_uint_eq(hk_block_values(block)->phase_seq, 1);
	ck_assert_uint_eq(hk_block_values(block)->phase_request, HK_PHASE_LEARN);
	ck_assert_str_eq(hk_block_values(block)->what, "learn");
	ck_assert_uint_eq(hk_block_values(block)->by_pid, 4711);
	json_decref(ask_ok(block, "set elo=off"));
	ask_refused(block, "learn", "elo");
	ck_assert_uint_eq(hk_block_values(block)->phase_seq, 1);
	block_drop(block);
}
END_TEST

/* While others are tried on the service, what was learned is the leader. */
START_TEST(export_is_the_leader)
{
	struct hk_block *block = block_make("[hakmem]\nmode = research\n");
	json_t *json;

	block->elo.leader = 6;
	atomic_store(&block->elo.strategy, 9);
	ck_assert_str_eq(hk_strategies[6].name, "hoard");
	json = ask_ok(block, "export");
	ck_assert_str_eq(json_string_value(json_object_get(json, "strategy")), "hoard");
	ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(json, "ini")), "bigcache_limit = 16G\n"));
	ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(json, "ini")), "thp = auto\n"));
	json_decref(json);
	block_drop(block);
}
END_TEST

START_TEST(trim)
{
	static const char *const lines[] = {"trim", " \tTRIM "};
	struct hk_block *block = block_make("");

	for (size_t i = 0; i < HK_COUNT(lines); i++) {
		json_t *json = ask_ok(block, lines[i]);

		ck_assert_ptr_nonnull(json_object_get(json, "trimmed_bytes"));
		json_decref(json);
	}
	block_drop(block);
}
END_TEST

/* A group that is not there keeps nobody else out: it is no missing socket. */
START_TEST(group_not_found)
{
	struct hk_block *block = block_make("[hakmem]\ncontrol = on\ncontrol_group = nosuch\n");
	json_t *json, *warnings;

	atomic_store(&block->thread_state, HK_THREAD_RUNNING);
	atomic_store(&block->group_error[0], ENOENT);
	json = ask_ok(block, "status");
	warnings = json_object_get(json, "warnings");
	ck_assert_uint_eq(json_array_size(warnings), 1);
	ck_assert_str_eq(json_string_value(json_array_get(warnings, 0)),
	                 "control_group = nosuch: there is no such group: its members cannot use the socket");
	ck_assert_ptr_null(json_object_get(json_object_get(json, "control"), "error"));
	json_decref(json);
	block_drop(block);
}
END_TEST

START_TEST(not_permitted)
{
	static struct hk_block_values values;
	struct hk_block *block = block_make("");
	const struct hk_request request = {
		.block = block, .identity = &block->identity, .env = &block->env, .root = "", .peer_uid = 7};
	char reply[256];
	bool changed;

	ck_assert_int_ne(hk_verb_run(&request, "set thp=on", &values, &changed, reply, sizeof(reply)), 0);
	ck_assert(!changed);
	ck_assert_ptr_nonnull(strstr(reply, "not permitted"));
	/* A reply that does not fit is an error, and whole. */
	ck_assert_int_ne(hk_verb_run(&request, "status", &values, &changed, reply, sizeof(reply)), 0);
	ck_assert_ptr_nonnull(strstr(reply, "longer than"));
	block_drop(block);
}
END_TEST

TCase *case_verbs(void)
{
	TCase *tcase = tcase_create("verbs");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, read_verbs);
	tcase_add_test(tcase, nonsense);
	tcase_add_test(tcase, set_all_or_nothing);
	tcase_add_test(tcase, set_startup_pending);
	tcase_add_test(tcase, set_mode);
	tcase_add_test(tcase, reload);
	tcase_add_test(tcase, phases);
	tcase_add_test(tcase, export_is_the_leader);
	tcase_add_test(tcase, trim);
	tcase_add_test(tcase, group_not_found);
	tcase_add_test(tcase, not_permitted);
	return tcase;
}
