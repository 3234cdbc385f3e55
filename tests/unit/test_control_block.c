/* SPDX-License-Identifier: MIT
 *
 * The JSON writer, the generation protocol and the slots.
 */
#include "test_control.h"

#include "base/sys.h"
#include "control/json.h"
#include "control/slots.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- JSON ---- */

START_TEST(json_escapes)
{
	char buf[256];
	struct hk_json json;
	json_t *parsed;

	hk_json_begin(&json, buf, sizeof(buf));
	hk_json_open(&json, NULL, '{');
	hk_json_text(&json, "a\"\\\n", "tab\t nul-free \x7f ü \xff \xc3");
	hk_json_real(&json, "r", 0.98765, 4);
	hk_json_real(&json, "n", -2.5, 1);
	hk_json_real(&json, "i", 3.0, 4);
	hk_json_real(&json, "nan", 0.0 / 0.0, 4);
	hk_json_uint(&json, "u", UINT64_C(9007199254740993));
	hk_json_close(&json, '}');
	parsed = json_loads(buf, 0, NULL);
	ck_assert_msg(parsed != NULL, "%s", buf);
	ck_assert_str_eq(json_string_value(json_object_get(parsed, "a\"\\\n")),
	                 "tab\t nul-free \x7f ü \xef\xbf\xbd \xef\xbf\xbd");
	ck_assert_ptr_nonnull(strstr(buf, "\"r\":0.9877,\"n\":-2.5,\"i\":3,\"nan\":null,\"u\":9007199254740993"));
	json_decref(parsed);
}
END_TEST

START_TEST(json_overflow)
{
	char buf[16];
	struct hk_json json;

	hk_json_begin(&json, buf, sizeof(buf));
	hk_json_text(&json, NULL, "much too long for this");
	ck_assert(json.overflow);
	ck_assert_uint_lt(strlen(buf), sizeof(buf));
}
END_TEST

/* ---- the protocol ---- */

static struct hk_block_values values;

START_TEST(block_roundtrip)
{
	struct hk_block *block = block_make("[hakmem]\nmode = fast\n");
	unsigned index;

	ck_assert_uint_eq(hk_block_next(block, &index), 3);
	ck_assert_uint_eq(index, 1);
	ck_assert_ptr_eq(hk_block_values(block), &block->values[0]);
	ck_assert_int_eq(hk_block_read(block, &values), 0);
	ck_assert_uint_eq(values.generation, 2);
	ck_assert_str_eq(values.config.mode, "fast");
	values.trim_seq = 5;
	ck_assert_int_eq(hk_block_publish(block, &values), 0);
	ck_assert_uint_eq(atomic_load(&block->pulse[0]), 3);
	ck_assert_ptr_eq(hk_block_values(block), &block->values[1]);
	block_drop(block);
}
END_TEST

static int run(struct hk_block *block, const char *line)
{
	static char reply[HK_REPLY_MAX];
	const struct hk_request request = {.block = block, .identity = &block->identity, .env = &block->env, .root = ""};
	bool changed;

	return hk_verb_run(&request, line, &values, &changed, reply, sizeof(reply));
}

/* Any flipped bit is noticed; the generation before it can still be read. */
START_TEST(block_torn)
{
	struct hk_block *block = block_make("");
	unsigned char *bytes = (unsigned char *) &block->values[1];

	ck_assert_int_eq(hk_block_read(block, &values), 0);
	values.trim_seq = 1;
	ck_assert_int_eq(hk_block_publish(block, &values), 0);
	for (size_t i = 0; i < sizeof(values); i += 7) {
		bytes[i] ^= 0x10;
		ck_assert_ptr_null(hk_block_values(block));
		ck_assert_int_eq(hk_block_read(block, &values), -EAGAIN);
		ck_assert_uint_eq(values.generation, 2);
		ck_assert_uint_ne(values.checksum, 0);
		bytes[i] ^= 0x10;
	}
	ck_assert_ptr_nonnull(hk_block_values(block));
	/* Both torn: no values, and no operator can work from them. */
	bytes[100] ^= 1;
	((unsigned char *) &block->values[0])[100] ^= 1;
	ck_assert_int_eq(hk_block_read(block, &values), -EAGAIN);
	ck_assert_uint_eq(values.checksum, 0);
	ask_refused(block, "status", "being written");
	ck_assert_int_eq(run(block, "status"), -EAGAIN);
	ck_assert_int_eq(run(block, "stauts"), -EINVAL);
	json_decref(ask_ok(block, "reload"));
	ck_assert_ptr_nonnull(hk_block_values(block));
	json_decref(ask_ok(block, "trim"));
	/* One torn: the next change repairs. */
	((unsigned char *) hk_block_values(block))[100] ^= 1;
	json_decref(ask_ok(block, "set purge_delay=3s"));
	ck_assert_ptr_nonnull(hk_block_values(block));
	ck_assert_str_eq(get(block, "purge_delay", "value"), "3s");
	block_drop(block);
}
END_TEST

START_TEST(block_stale_publisher)
{
	struct hk_block *block = block_make("");

	ck_assert_int_eq(hk_block_read(block, &values), 0);
	json_decref(ask_ok(block, "trim"));
	ck_assert_int_eq(hk_block_publish(block, &values), -EAGAIN);
	ck_assert_int_eq(hk_block_read(block, &values), 0);
	ck_assert_uint_eq(values.trim_seq, 1);
	block_drop(block);
}
END_TEST

/* The generation of neither buffer, as after two writers without turns: the next change works on from the newest. */
START_TEST(block_salvage)
{
	struct hk_block *block = block_make("");

	json_decref(ask_ok(block, "set purge_delay=3s"));
	json_decref(ask_ok(block, "set batch_max=7"));
	atomic_fetch_add(&block->pulse[0], 2);
	ck_assert_int_eq(hk_block_read(block, &values), -EAGAIN);
	ck_assert_int_eq(hk_block_salvage(block, &values), 0);
	ck_assert_uint_eq(values.generation, atomic_load(&block->pulse[0]) - 2);
	ck_assert_str_eq(get(block, "batch_max", "value"), "7");
	json_decref(ask_ok(block, "set thp=off"));
	ck_assert_int_eq(hk_block_read(block, &values), 0);
	ck_assert_str_eq(get(block, "purge_delay", "value"), "3s");
	ck_assert_str_eq(get(block, "batch_max", "value"), "7");
	ck_assert_str_eq(get(block, "thp", "value"), "off");
	/* The newer one torn, too: then what is left. */
	atomic_fetch_add(&block->pulse[0], 2);
	((unsigned char *) &block->values[atomic_load(&block->pulse[0]) & 1])[100] ^= 1;
	ck_assert_str_eq(get(block, "batch_max", "value"), "7");
	((unsigned char *) &block->values[(atomic_load(&block->pulse[0]) + 1) & 1])[100] ^= 1;
	ck_assert_int_eq(hk_block_salvage(block, &values), -EAGAIN);
	block_drop(block);
}
END_TEST

/* Who was killed in the middle of publishing holds nobody up for long. */
START_TEST(block_turn_of_the_dead)
{
	struct hk_block *block = block_make("");
	uint64_t now = hk_sys_now_ns();

	ck_assert_int_eq(hk_block_read(block, &values), 0);
	atomic_store(&block->turn, UINT64_MAX); /* a time that has not been yet */
	ck_assert_int_eq(hk_block_publish(block, &values), 0);
	ck_assert_uint_eq(atomic_load(&block->turn), 0);
	atomic_store(&block->turn, now);
	ck_assert_int_eq(hk_block_publish(block, &values), 0);
	ck_assert_uint_ge(hk_sys_now_ns() - now, HK_TURN_MAX_NS); /* he might have been alive */
	ck_assert_uint_eq(atomic_load(&block->turn), 0);
	block_drop(block);
}
END_TEST

#define ROUNDS 2000

static void *publisher(void *arg)
{
	struct hk_block *block = arg;
	struct hk_block_values *mine = malloc(sizeof(*mine));
	unsigned done = 0;

	while (done < ROUNDS) {
		if (hk_block_read(block, mine) != 0)
			continue; /* the other one published twice while we read */
		mine->trim_seq++;
		mine->reload_seq = mine->trim_seq;
		done += hk_block_publish(block, mine) == 0;
	}
	free(mine);
	return NULL;
}

/* Two at once: whoever reads sees whole values or none, generations only grow, and in the end each change is there. */
START_TEST(block_two_publishers)
{
	struct hk_block *block = block_make("");
	pthread_t thread[2];
	uint64_t last = 0, whole = 0;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, publisher, block), 0);
	while (atomic_load(&block->pulse[0]) < 2 + 2 * ROUNDS) {
		if (hk_block_read(block, &values) != 0)
			continue;
		ck_assert_uint_eq(values.trim_seq, values.reload_seq);
		ck_assert_uint_ge(values.generation, last);
		last = values.generation;
		whole++;
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	ck_assert_uint_gt(whole, 0);
	ck_assert_int_eq(hk_block_read(block, &values), 0);
	ck_assert_uint_eq(values.trim_seq, 2 * ROUNDS);
	json_decref(ask_ok(block, "reload"));
	json_decref(ask_ok(block, "set batch_max=7"));
	ck_assert_int_eq(hk_block_read(block, &values), 0);
	block_drop(block);
}
END_TEST

/* ---- slots ---- */

START_TEST(slot_of_child)
{
	struct hk_block *block = block_make("");
	int go[2], status;
	pid_t child;
	char c = 0;

	ck_assert_int_eq(pipe(go), 0);
	ck_assert_uint_eq(hk_slot_count(block), 1);
	ck_assert_ptr_nonnull(hk_slot_live(block, "", 0));
	child = fork();
	if (child == 0) {
		(void) hk_slot_claim(block, (uint32_t) getppid());
		(void) !write(go[1], "x", 1);
		for (;;)
			(void) pause();
	}
	ck_assert_int_eq(read(go[0], &c, 1), 1);
	ck_assert_uint_eq(hk_slot_count(block), 2);
	ck_assert_ptr_nonnull(hk_slot_live(block, "", 1));
	ck_assert_uint_eq(atomic_load(&block->slot[1].pid), (uint32_t) child);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	while (hk_slot_live(block, "", 1) != NULL) /* a zombie is dead, too */
		(void) usleep(1000);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_ptr_null(hk_slot_live(block, "", 1));
	/* Taken again from the dead once slots become many. */
	for (unsigned i = 0; i < 40; i++)
		(void) hk_slot_claim(block, 1);
	ck_assert_uint_lt(hk_slot_count(block), 42);
	ck_assert_uint_eq(atomic_load(&block->slot[1].pid), (uint32_t) getpid());
	block_drop(block);
}
END_TEST

START_TEST(slot_pid_reused)
{
	struct hk_block *block = block_make("");

	(void) hk_slot_claim(block, 1); /* of its own slot a process knows that it lives */
	/* The process of that pid started after the slot was claimed: it is another one. */
	atomic_store(&block->slot[0].start_time, block->start_time - 10);
	ck_assert_ptr_null(hk_slot_live(block, "", 0));
	block_drop(block);
}
END_TEST

static void *claim(void *block)
{
	return hk_slot_claim(block, 1);
}

/* The library came with a plugin, in a thread that has ended since: the process has not. */
START_TEST(slot_outlives_its_thread)
{
	struct hk_block *block = block_make("");
	pthread_t thread;
	void *slot;

	ck_assert_int_eq(pthread_create(&thread, NULL, claim, block), 0);
	ck_assert_int_eq(pthread_join(thread, &slot), 0);
	ck_assert_ptr_eq(slot, &block->slot[1]);
	ck_assert_ptr_eq(hk_slot_live(block, "", 1), slot);
	block_drop(block);
}
END_TEST

START_TEST(slot_all_taken)
{
	struct hk_block *block = block_make("");

	for (unsigned i = 1; i < HK_SLOTS; i++)
		ck_assert_ptr_eq(hk_slot_claim(block, 1), &block->slot[i]);
	ck_assert_ptr_null(hk_slot_claim(block, 1));
	ck_assert_uint_eq(hk_block_used(block), HK_BLOCK_SIZE);
	block_drop(block);
}
END_TEST

TCase *case_json(void)
{
	TCase *tcase = tcase_create("json");

	tcase_add_test(tcase, json_escapes);
	tcase_add_test(tcase, json_overflow);
	return tcase;
}

TCase *case_block(void)
{
	TCase *tcase = tcase_create("block");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, block_roundtrip);
	tcase_add_test(tcase, block_torn);
	tcase_add_test(tcase, block_stale_publisher);
	tcase_add_test(tcase, block_salvage);
	tcase_add_test(tcase, block_turn_of_the_dead);
	tcase_add_test(tcase, block_two_publishers);
	return tcase;
}

TCase *case_slots(void)
{
	TCase *tcase = tcase_create("slots");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, slot_of_child);
	tcase_add_test(tcase, slot_pid_reused);
	tcase_add_test(tcase, slot_outlives_its_thread);
	tcase_add_test(tcase, slot_all_taken);
	return tcase;
}
