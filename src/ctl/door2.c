/* SPDX-License-Identifier: MIT
 *
 * A change goes: take the turn, copy the block, run the verb on the copy, seal the new values with the next
 * generation, write them into the spare buffer, then the 8-byte generation word. Without a turn two operators at
 * once may fill the same spare; the one whose values are not there afterwards tries again on a
 * fresh copy. The block is a stranger's memory: the copy is made harmless before any code of ours
 * reads it. Only used slots are copied: reading pages that no process has touched would make them
 * (2 MiB of the service's memory for a look). No lock is held meanwhile, and a turn is void
 * after HK_TURN_MAX_NS: the files of a service may be on a file system that never answers, and others are to be served then.
 */
#include "base/sys.h"
#include "ctl/door2.h"
#include "ctl/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ATTEMPTS 3
#define COPIES 4
#define TURN_PAUSE_US 2000
#define ACK_MS 64 /* the last of the waits 1, 2, 4 … ms: about 0.1 s in all */

#define TAME(text) hk_text_tame(text, sizeof(text))

static void tame_engine(struct hk_elo_state *elo)
{
	if (elo->phase > HK_PHASE_CANARY)
		elo->phase = HK_PHASE_OFF;
	if (elo->strategy >= HK_ELO_STRATEGIES)
		elo->strategy = 0;
	elo->leader %= HK_ELO_STRATEGIES;
	elo->challenger %= HK_ELO_STRATEGIES;
	for (unsigned i = 0; i < HK_ELO_LOG; i++) {
		elo->log[i].a %= HK_ELO_STRATEGIES;
		elo->log[i].b %= HK_ELO_STRATEGIES;
		if (elo->log[i].event >= HK_ELO_EVENTS)
			elo->log[i].event = HK_ELO_OFF;
	}
}

/* Whatever the bytes are, reading them afterwards stays within bounds. The values are hk_block_read's business. */
static void tame(struct hk_block *copy)
{
	TAME(copy->version);
	TAME(copy->identity.program);
	TAME(copy->identity.unit);
	TAME(copy->identity.conf);
	TAME(copy->identity.root);
	TAME(copy->socket);
	copy->size = sizeof *copy;
	if (copy->thread_state > HK_THREAD_GONE)
		copy->thread_state = HK_THREAD_GONE;
	if (!hk_overlay_valid(&copy->env))
		memset(&copy->env, 0, sizeof copy->env);
	hk_diags_tame(&copy->env_diags);
	hk_diags_tame(&copy->reload_diags);
	tame_engine(&copy->elo);
}

static int copy_once(const struct hk_door2 *job, struct hk_block *ret)
{
	const size_t head = offsetof(struct hk_block, slot);
	int r = hk_remote_read(job->pid, job->block, ret, head);

	if (r < 0)
		return r;
	if (ret->magic != HK_BLOCK_MAGIC || ret->layout != HK_BLOCK_LAYOUT)
		return -EPROTO;
	if (ret->slots_high > HK_SLOTS)
		ret->slots_high = HK_SLOTS;
	memset(ret->slot, 0, sizeof ret->slot);
	r = hk_remote_read(job->pid, job->block + head, ret->slot, hk_block_used(ret) - head);
	if (r < 0)
		return r;
	tame(ret);
	snprintf(ret->identity.root, sizeof ret->identity.root, "/proc/%d/root", (int) job->pid);
	return 0;
}

/* Once more when a slot's counters went to another place between the two reads. */
static int copy_block(const struct hk_door2 *job, struct hk_block *ret)
{
	const uint64_t at = job->block + offsetof(struct hk_block, folds_begun);
	uint32_t begun;
	int r = -EAGAIN;

	for (int i = 0; i < COPIES && r == -EAGAIN; i++) {
		r = copy_once(job, ret);
		if (r == 0 && hk_remote_read(job->pid, at, &begun, sizeof begun) == 0 && begun != ret->folds_begun)
			r = -EAGAIN;
	}
	return r == -EAGAIN ? 0 : r; /* workers come and go all the time: then the sums are off a little */
}

static int read_pulse(const struct hk_door2 *job, uint64_t *ret)
{
	return hk_remote_read(job->pid, job->block + offsetof(struct hk_block, pulse), ret, sizeof *ret);
}

/* 0, −EAGAIN when another operator was there at the same time, or −errno. */
static int publish(const struct hk_door2 *job, const struct hk_block *copy, struct hk_block_values *values)
{
	unsigned index;
	uint64_t next = hk_block_next(copy, &index), now, sum;
	uint64_t at = job->block + offsetof(struct hk_block, values) + index * sizeof *values;
	int r = read_pulse(job, &now);

	if (r == 0 && now != copy->pulse[0])
		return -EAGAIN;
	hk_block_seal(values, next);
	if (r == 0)
		r = hk_remote_write(job->pid, at, values, sizeof *values);
	if (r == 0)
		r = hk_remote_write(job->pid, job->block + offsetof(struct hk_block, pulse), &next, sizeof next);
	if (r == 0)
		r = read_pulse(job, &now);
	if (r == 0)
		r = hk_remote_read(job->pid, at + offsetof(struct hk_block_values, checksum), &sum, sizeof sum);
	if (r < 0)
		return r;
	return now == next && sum == values->checksum ? 0 : -EAGAIN;
}

static bool changes(const char *line)
{
	size_t n = strcspn(line, " ");

	for (const struct hk_verb *verb = hk_verbs; verb->name != NULL; verb++)
		if (strlen(verb->name) == n && strncasecmp(verb->name, line, n) == 0)
			return verb->changes;
	return false;
}

/*
 * The turn to publish, as publish.c in the service takes it: our moment where there is none, and is it still there after a
 * time that is long for those who came just before? 0 if somebody keeps it for himself (or the service has a clock of its own, and
 * takes ours to be void): then what is published is looked at afterwards, which has to do.
 */
static uint64_t take_turn(const struct hk_door2 *job)
{
	const uint64_t at = job->block + offsetof(struct hk_block, turn), start = hk_sys_now_ns();
	uint64_t turn, mine;

	for (uint64_t now = start; now - start <= HK_TURN_WAIT_NS; now = hk_sys_now_ns()) {
		if (hk_remote_read(job->pid, at, &turn, sizeof turn) < 0)
			return 0;
		mine = now;
		if (hk_turn_void(turn, now) && hk_remote_write(job->pid, at, &mine, sizeof mine) == 0) {
			usleep(TURN_PAUSE_US);
			if (hk_remote_read(job->pid, at, &turn, sizeof turn) == 0 && turn == mine)
				return mine;
		}
		usleep(TURN_PAUSE_US / 2);
	}
	return 0;
}

static void end_turn(const struct hk_door2 *job, uint64_t mine)
{
	const uint64_t at = job->block + offsetof(struct hk_block, turn);
	uint64_t turn;

	if (mine != 0 && hk_remote_read(job->pid, at, &turn, sizeof turn) == 0 && turn == mine) {
		turn = 0;
		(void) hk_remote_write(job->pid, at, &turn, sizeof turn);
	}
}

static bool has_turn(const struct hk_door2 *job, uint64_t mine)
{
	uint64_t turn;

	return mine == 0 || (hk_remote_read(job->pid, job->block + offsetof(struct hk_block, turn), &turn, sizeof turn) == 0 &&
	                     turn == mine);
}

static bool reads_files(const char *line)
{
	return strncmp(line, "reload", 6) == 0 || strncmp(line, "diff", 4) == 0;
}

/*
 * Files of the service are read with its user's rights, never with root's: a program may name any
 * path as its configuration and must not see it through an operator's hands. All of it concerns
 * this worker thread alone (hence the raw system call), which is left without supplementary groups: root needs none.
 * False when the file is closed to that user.
 */
static bool step_down(struct hk_door2 *job, const struct hk_block *copy)
{
	const char *root = copy->identity.root;
	char path[HK_PATH_MAX + 64];
	bool there;

	if (geteuid() != 0 || job->uid == 0)
		return true;
	snprintf(path, sizeof path, "%s%s", root,
	         copy->identity.conf[0] != '\0' ? copy->identity.conf : HK_SYSCONFDIR "/hakmem.ini");
	there = faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
	syscall(SYS_setgroups, 0, NULL);
	setfsgid(job->gid);
	setfsuid(job->uid);
	if (!there || !reads_files(job->line) || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
		return true;
	snprintf(job->error, sizeof job->error, "%s is not readable by the user of process %d (uid %u), so it was not read",
	         path + strlen(root), (int) job->pid, job->uid);
	return false;
}

static void step_up(void)
{
	setfsuid(geteuid());
	setfsgid(getegid());
}

static int run_on_copy(struct hk_door2 *job, const struct hk_block *copy, struct hk_block_values *values,
                       bool *ret_changed)
{
	struct hk_request request = {.block = copy,
	                             .identity = &copy->identity,
	                             .env = &copy->env,
	                             .root = copy->identity.root,
	                             .peer_uid = getuid(),
	                             .peer_pid = (uint32_t) getpid(),
	                             .may_change = true};
	bool may = step_down(job, copy);

	*ret_changed = false;
	if (may)
		hk_verb_run(&request, job->line, values, ret_changed, job->reply, sizeof job->reply);
	step_up();
	return may ? 0 : -EACCES;
}

/* Give the processes a moment to take the change up, so that the reply can say how many did. */
static void await_applied(struct hk_door2 *job, struct hk_block *copy, const struct hk_block_values *values)
{
	const struct hk_request request = {.block = copy, .root = copy->identity.root};

	for (unsigned ms = 1; ms <= ACK_MS; ms *= 2) {
		unsigned applied = 0, processes = 0;
		if (copy_block(job, copy) < 0)
			return; /* the copy is not tame; that it was published is known, who took it up is not */
		hk_verb_applied(&request, &applied, &processes);
		if (applied >= processes)
			break;
		usleep(ms * 1000);
	}
	hk_verb_complete(&request, values, job->reply, sizeof job->reply);
}

static void explain(struct hk_door2 *job, int error)
{
	if (job->error[0] != '\0')
		return;
	if (error == -EPERM)
		snprintf(job->error, sizeof job->error, "%s", HK_DOOR2_REFUSED);
	else if (error == -ESRCH || error == -EFAULT)
		snprintf(job->error, sizeof job->error, "the process ended during the request");
	else if (error == -EAGAIN)
		snprintf(job->error, sizeof job->error,
		         "another operator changes it at the same time; nothing of this request holds: try again");
	else
		snprintf(job->error, sizeof job->error, "its control block cannot be used: %s", strerror(-error));
}

void hk_door2_run(struct hk_door2 *job)
{
	struct hk_block *copy = calloc(1, sizeof *copy);
	struct hk_block_values *values = calloc(1, sizeof *values);
	bool changed = false, waits = changes(job->line); /* no second time where it was in vain */
	int r = copy != NULL && values != NULL ? -EAGAIN : -ENOMEM;

	for (int i = 0; r == -EAGAIN && i < ATTEMPTS; i++) {
		uint64_t turn = waits ? take_turn(job) : 0;

		waits = turn != 0;
		job->raced = i;
		r = copy_block(job, copy);
		if (r == 0)
			r = run_on_copy(job, copy, values, &changed);
		if (r == 0 && changed)
			r = has_turn(job, turn) ? publish(job, copy, values) : -EAGAIN;
		end_turn(job, turn);
	}
	if (r == 0 && changed)
		await_applied(job, copy, values);
	if (r < 0)
		explain(job, r);
	free(copy);
	free(values);
}
