/* SPDX-License-Identifier: MIT
 *
 * The control block, its verbs, and what comes of one that was forged: what the cases share. Each test runs in a process
 * of its own, with a block of its own.
 */
#include "test_control.h"

#include "base/sys.h"
#include "control/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char block_ini[64];
static char reply[HK_REPLY_MAX];

void block_write_ini(const char *text)
{
	FILE *file = fopen(block_ini, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

struct hk_block *block_make(const char *ini)
{
	static struct hk_block_values values;
	struct hk_block *block = hk_sys_map_shared(HK_BLOCK_SIZE);

	ck_assert_ptr_nonnull(block);
	(void) snprintf(block_ini, sizeof(block_ini), "/tmp/test_control.%d.ini", (int) getpid());
	block_write_ini(ini);
	memset(&values, 0, sizeof(values));
	block->magic = HK_BLOCK_MAGIC;
	block->layout = HK_BLOCK_LAYOUT;
	block->size = (uint32_t) HK_BLOCK_SIZE;
	block->pid = (uint32_t) getpid();
	block->start_time = hk_proc_start_time("", block->pid);
	block->started_ns = hk_sys_boottime_ns();
	strcpy(block->version, "9.9.9");
	strcpy(block->identity.program, "tester");
	strcpy(block->identity.unit, "tester.service");
	strcpy(block->identity.conf, block_ini);
	(void) hk_config_resolve(&block->identity, &block->env, NULL, NULL, &values.config, &values.diags);
	values.generation = 1;
	atomic_store(&block->pulse[0], 1);
	ck_assert_int_eq(hk_block_publish(block, &values), 0);
	ck_assert_ptr_nonnull(hk_slot_claim(block, (uint32_t) getppid()));
	hk_engine_start(&block->elo, &values.config);
	return block;
}

void block_drop(struct hk_block *block)
{
	(void) unlink(block_ini);
	hk_sys_unmap(block, HK_BLOCK_SIZE);
}

json_t *ask(struct hk_block *block, const char *line)
{
	static struct hk_block_values values;
	const struct hk_request request = {
		.block = block, .identity = &block->identity, .env = &block->env, .root = "", .peer_uid = 7, .peer_pid = 4711, .may_change = true};
	json_error_t error;
	bool changed;
	int r = hk_verb_run(&request, line, &values, &changed, reply, sizeof(reply));
	json_t *json;

	if (changed) {
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(hk_block_publish(block, &values), 0);
		hk_verb_complete(&request, &values, reply, sizeof(reply));
	}
	json = json_loads(reply, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(json != NULL, "%s: %s at %d: %.1000s", line, error.text, error.position, reply);
	ck_assert_int_eq(json_is_true(json_object_get(json, "ok")), r == 0);
	return json;
}

json_t *ask_ok(struct hk_block *block, const char *line)
{
	json_t *json = ask(block, line);

	ck_assert_msg(json_is_true(json_object_get(json, "ok")), "%s: %s", line, reply);
	return json;
}

void ask_refused(struct hk_block *block, const char *line, const char *text)
{
	json_t *json = ask(block, line);
	const char *error = json_string_value(json_object_get(json, "error"));

	ck_assert_msg(error != NULL && strstr(error, text) != NULL, "%s: %s", line, reply);
	json_decref(json);
}

const char *get(struct hk_block *block, const char *key, const char *field)
{
	static char text[512];
	char line[64];
	json_t *json, *value;

	(void) snprintf(line, sizeof(line), "get %s", key);
	json = ask_ok(block, line);
	value = json_object_get(json_array_get(json_object_get(json, "values"), 0), field);
	ck_assert_ptr_nonnull(value);
	(void) snprintf(text, sizeof(text), "%s", json_is_null(value) ? "null" : json_string_value(value));
	json_decref(json);
	return text;
}

int main(void)
{
	Suite *suite = suite_create("control");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, case_json());
	suite_add_tcase(suite, case_block());
	suite_add_tcase(suite, case_slots());
	suite_add_tcase(suite, case_verbs());
	suite_add_tcase(suite, case_live());
	suite_add_tcase(suite, case_forged());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
