/* SPDX-License-Identifier: MIT
 *
 * Blocks that somebody else wrote: whole by their checksum, with contents at random. Nothing that reads one
 * may leave its bounds (which the sanitizers see), trap, hang, or hand on a value that text could not have given.
 */
#include "test_control.h"

#include "base/log.h"
#include "base/sys.h"
#include "control/process.h"
#include "control/slots.h"
#include "core/knobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 800

static uint64_t seed;

static uint64_t dice(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void scribble(void *object, size_t size)
{
	unsigned char *bytes = object;
	unsigned char same = (unsigned char) dice(256);
	bool alike = dice(3) == 0;

	for (size_t i = 0; i < size; i++)
		bytes[i] = alike ? same : (unsigned char) dice(256);
}

/* Some bytes somewhere in it, or all of them. */
static void corrupt(void *object, size_t size)
{
	size_t at = dice(size), n = 1 + dice(dice(2) != 0 ? 8 : size);

	if (dice(8) == 0)
		scribble(object, size);
	else
		scribble((unsigned char *) object + at, hk_min(n, size - at));
}

/* One field that decides something, just out of bounds or far out. */
static void overstep(struct hk_block_values *values)
{
	static const uint64_t far[] = {0, 1, 255, 65536, UINT32_MAX, UINT64_MAX};
	unsigned key = (unsigned) dice(HK_KEY_COUNT);
	uint64_t wild = dice(2) != 0 ? hk_keys[key].max + 1 : far[dice(HK_COUNT(far))];

	switch (dice(8)) {
	case 0:
		values->set.mask = wild;
		break;
	case 1:
		values->pending.mask = (uint64_t) 1 << dice(64);
		break;
	case 2:
		values->config.origin[key] = values->config.file[key] = (uint8_t) wild;
		values->config.line[key] = 1;
		break;
	case 3:
		memset(values->config.mode, 'm', sizeof(values->config.mode));
		break;
	case 4:
		values->phase_request = (uint32_t) dice(6);
		values->phase_seq = (uint32_t) wild;
		break;
	case 5:
		memset(values->config.values.text[key % HK_TEXT_COUNT], '/', HK_TEXT_MAX);
		break;
	default:
		values->config.values.num[key] = wild;
	}
}

static void forge_values(struct hk_block *block, const struct hk_block_values *good)
{
	static struct hk_block_values values;
	uint64_t generation = dice(16) == 0 ? dice(UINT64_MAX) : atomic_load(&block->pulse[0]) + 1;

	values = *good;
	if (dice(3) != 0)
		overstep(&values);
	else
		corrupt(&values, sizeof(values));
	values.trim_seq = (uint32_t) dice(2);
	if (dice(2) != 0)
		scribble(values.what, sizeof(values.what));
	hk_block_seal(&values, generation);
	block->values[generation & 1] = values;
	atomic_store(&block->pulse[0], generation);
}

static void forge_rest(struct hk_block *block)
{
	scribble(block->version, sizeof(block->version));
	scribble(block->socket, sizeof(block->socket));
	corrupt(&block->env_diags, sizeof(block->env_diags));
	corrupt(&block->reload_diags, sizeof(block->reload_diags));
	corrupt(&block->elo, sizeof(block->elo));
	if (dice(2) != 0)
		atomic_store(&block->elo.phase, (uint32_t) dice(5));
	if (dice(4) == 0) /* held, and fresh */
		atomic_store(&block->elo.lock, (uint64_t) 1 << 32 | (uint32_t) (hk_sys_precise_ns() / 1000000));
	corrupt(&block->slot[0].counters, sizeof(block->slot[0].counters));
	corrupt(&block->slot[1], sizeof(block->slot[1]));
	atomic_store(&block->slots_high, (uint32_t) dice(dice(2) != 0 ? 4 : UINT32_MAX));
	atomic_store(&block->thread_state, (uint32_t) dice(UINT32_MAX));
	atomic_store(&block->thread_error, (int32_t) dice(300));
	atomic_store(&block->said, dice(UINT64_MAX));
	atomic_store(&block->elo_said, (uint32_t) dice(UINT32_MAX));
	atomic_store(&block->reload_failed_seq, (uint32_t) dice(3));
	block->started_ns = dice(UINT64_MAX);
}

static void check_text(const char *text, size_t size)
{
	ck_assert_ptr_nonnull(memchr(text, '\0', size));
	for (; *text != '\0'; text++)
		ck_assert((unsigned char) *text >= 0x20 && *text != 0x7f);
}

/* What was let through is what text could have given. */
static void check_values(const struct hk_block_values *values)
{
	const struct hk_config *config = &values->config;

	check_text(config->mode, sizeof(config->mode));
	check_text(values->what, sizeof(values->what));
	check_text(values->set.mode, sizeof(values->set.mode));
	ck_assert_uint_eq((values->set.mask | values->pending.mask) >> HK_KEY_COUNT, 0);
	ck_assert_uint_le(values->phase_request, HK_PHASE_CANARY);
	ck_assert_uint_le(config->nfiles, HK_COUNT(config->files));
	for (unsigned i = 0; i < HK_COUNT(config->files); i++)
		check_text(config->files[i], sizeof(config->files[i]));
	for (unsigned i = 0; i < HK_DIAGS; i++)
		check_text(values->diags.text[i], sizeof(values->diags.text[i]));
	for (unsigned i = 0; i < HK_TEXT_COUNT; i++)
		check_text(config->values.text[i], HK_TEXT_MAX);
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		ck_assert_uint_lt(config->origin[k], HK_ORIGIN_COUNT);
		ck_assert_uint_lt(config->file[k], HK_COUNT(config->files));
		if (hk_keys[k].type == HK_TYPE_TEXT)
			continue;
		ck_assert_uint_ge(config->values.num[k], hk_keys[k].min);
		ck_assert_uint_le(config->values.num[k], hk_keys[k].max);
	}
}

static void run_verbs(struct hk_block *block)
{
	static const char *const more[] = {"set thp=on", "set mode=fast", "set mode=-", "set batch_max=-", "get thp"};

	for (const struct hk_verb *verb = hk_verbs; verb->name != NULL; verb++)
		json_decref(ask(block, verb->name));
	for (size_t i = 0; i < HK_COUNT(more); i++)
		json_decref(ask(block, more[i]));
}

static void live_by(struct hk_block *block)
{
	hk_self.torn_ns = 0;
	hk_pulse_visit(false);
	for (unsigned i = 0; i < 8; i++)
		hk_hooks.on_window();
	ck_assert_uint_ge(HK_KNOB(batch_max), 1);
	ck_assert_uint_le(HK_KNOB(batch_max), 1024);
	ck_assert_uint_eq(HK_KNOB(security), HK_SECURITY_BASIC);
	ck_assert_uint_eq(atomic_load(&hk_self.busy), 0);
	(void) hk_slot_claim(block, 1);
}

/* Two slots, and none of those that were claimed meanwhile: each alive costs every report a look at /proc. */
#define HEAD (offsetof(struct hk_block, slot) + 2 * sizeof(struct hk_slot))

static void restore(struct hk_block *block, const struct hk_block *kept)
{
	for (unsigned i = 2; i < hk_slot_count(block); i++)
		atomic_store(&block->slot[i].pid, 0);
	memcpy(block, kept, HEAD);
}

START_TEST(forged_at_random)
{
	struct hk_block *block = block_make(_i % 2 == 0 ? "" : "[hakmem]\nmode = learning\n");
	struct hk_block_values *good = malloc(sizeof(*good)), *values = malloc(sizeof(*values));
	struct hk_block *kept = malloc(HEAD);
	unsigned taken = 0;

	seed = 88172645463325252U + (unsigned) _i;
	ck_assert_int_eq(hk_block_read(block, good), 0);
	hk_self.founder.startup = good->config.values;
	strcpy(hk_self.founder.startup.text[HK_TEXT_LOG], "none");
	hk_log_target("none");
	hk_self.slot = &block->slot[0];
	hk_stats_place(&block->slot[0].counters);
	hakmem_control_block = block;
	memcpy(kept, block, HEAD);
	for (unsigned i = 0; i < ROUNDS; i++) {
		forge_rest(block);
		forge_values(block, good);
		if (hk_block_read(block, values) == 0) {
			check_values(values);
			taken++;
		}
		live_by(block);
		if (i % 4 == 0)
			run_verbs(block);
		if (i % 8 == 0)
			restore(block, kept);
	}
	/* The test would be none if everything were refused, or nothing. */
	ck_assert_uint_gt(taken, ROUNDS / 20);
	ck_assert_uint_lt(taken, ROUNDS * 19 / 20);
	free(kept);
	free(good);
	free(values);
	block_drop(block);
}
END_TEST

/* A log line is one line, whatever it is about. */
START_TEST(forged_line)
{
	struct hk_block *block = block_make("");
	struct hk_block_values *values = malloc(sizeof(*values));

	ck_assert_int_eq(hk_block_read(block, values), 0);
	memset(values->what, '\n', sizeof(values->what));
	strcpy(values->diags.text[0], "\x1b[31mred");
	ck_assert_int_eq(hk_block_publish(block, values), 0);
	ck_assert_int_eq(hk_block_read(block, values), 0);
	ck_assert_ptr_null(strchr(values->what, '\n'));
	ck_assert_uint_eq(strlen(values->what), HK_WHAT_MAX - 1);
	ck_assert_str_eq(values->diags.text[0], "?[31mred");
	free(values);
	block_drop(block);
}
END_TEST

TCase *case_forged(void)
{
	TCase *tcase = tcase_create("forged");

	tcase_set_timeout(tcase, 200);
	tcase_add_loop_test(tcase, forged_at_random, 1, 5);
	tcase_add_test(tcase, forged_line);
	return tcase;
}
