/* SPDX-License-Identifier: MIT
 *
 * The control block: one shared anonymous mapping per service, made at start-up by its first
 * process and inherited by fork. Everything an operator can see or change is in it, as plain data,
 * so that both doors (the control thread; hakmemctl through process_vm_readv/writev) do the same.
 *
 * Nobody ever waits on it. Operators publish by filling the spare of two value buffers and then
 * storing the new generation; the generation's lowest bit names the buffer, a checksum proves that
 * it is whole. A process that finds a bad checksum (two operators at once, one killed half-way)
 * keeps what it has and looks again on a later visit.
 *
 *   pulse[0] = generation ──lowest bit──► values[0 | 1]  (config, set, pending, phase and trim requests)
 *   pulse[1] ◄── the engine: elo.strategy or elo.phase changed
 *   slot[i]  ◄── one process each: what it has applied, its counters
 */
#ifndef HK_CONTROL_BLOCK_H
#define HK_CONTROL_BLOCK_H

#include "config/config.h"
#include "core/stats.h"
#include "elo/elo.h"

#include <stdatomic.h>

#define HK_BLOCK_MAGIC 0x6b636c626d6b6168U /* "hakmblck" in memory */
#define HK_BLOCK_LAYOUT 1U                 /* any change of these structs raises it */
#define HK_SLOTS 256                       /* processes of one service that are seen one by one */

/* What operators set; never changed in place while it is the published one. */
struct hk_block_values {
	uint64_t generation;       /* must equal pulse[0] to be valid */
	struct hk_config config;   /* resolved: what is to be in force (no learned values in it) */
	struct hk_overlay set;     /* hakmemctl set, kept over reloads */
	struct hk_overlay pending; /* start-up keys whose file or set value needs a restart */
	struct hk_diags diags;     /* of the last successful load */
	uint32_t phase_request;    /* enum hk_phase wanted by the last freeze/learn/canary */
	uint32_t phase_seq;        /* grows with each such command */
	uint32_t trim_seq;         /* grows with each trim */
	uint32_t reserved;
	uint64_t checksum;         /* of all bytes above */
};

enum hk_thread_state { HK_THREAD_OFF, HK_THREAD_RUNNING, HK_THREAD_FAILED, HK_THREAD_GONE };

/* One process. Claimed by compare-and-swap on pid; a dead process's slot is claimed again. */
struct hk_slot {
	_Atomic uint32_t pid; /* 0: free */
	_Atomic uint32_t parent;
	_Atomic uint64_t start_time;   /* field 22 of /proc/PID/stat, clock ticks */
	_Atomic uint64_t applied;      /* generation in force */
	_Atomic uint32_t phase_done, trim_done; /* phase_seq, trim_seq carried out */
	_Atomic uint64_t trimmed_bytes;         /* by the last trim */
	struct hk_counters counters;
};

struct hk_block {
	uint64_t magic;
	uint32_t layout, size; /* size: bytes of the whole block */
	char version[32];
	uint32_t pid, uid, gid, nslots; /* of the first process */
	uint64_t start_time;            /* its field 22 of /proc/PID/stat */
	uint64_t started_ns;            /* CLOCK_BOOTTIME at start */
	struct hk_identity identity;
	struct hk_overlay env;          /* the environment's word, kept for reloads */
	struct hk_diags env_diags;
	_Atomic uint64_t pulse[2] HK_ALIGNED(HK_CACHE_LINE);
	struct hk_block_values values[2] HK_ALIGNED(HK_CACHE_LINE);
	/* Door 1 */
	_Atomic uint32_t thread_state;  /* enum hk_thread_state */
	_Atomic int32_t thread_error;   /* errno of what kept it from running or binding */
	char socket[HK_PATH_MAX];       /* bound path, or the one that failed */
	/* The last reload that failed, for status; text[0] == 0 when the last one was good. */
	struct hk_diags reload_diags;
	struct hk_elo_state elo HK_ALIGNED(HK_CACHE_LINE);
	struct hk_slot slot[HK_SLOTS] HK_ALIGNED(HK_CACHE_LINE);
};

/* Exported from libhakmem.so (and from a program that links it statically): where the block is. */
extern struct hk_block *hakmem_control_block;

/* ---- block.c ---- */

/* Valid published values of a block (live or copied), or NULL while they are torn. */
const struct hk_block_values *hk_block_values(const struct hk_block *block);
/* The generation that a change must carry, and the buffer index it goes to. */
uint64_t hk_block_next(const struct hk_block *block, unsigned *ret_index);
/* Stamp generation and checksum, so that values can be copied into a block. */
void hk_block_seal(struct hk_block_values *values, uint64_t generation);
/* In the process itself: seal, copy, publish. */
void hk_block_publish(struct hk_block *block, struct hk_block_values *values);

/* ---- process.c: this process's side ---- */

/* At start-up, once, from the constructor: make the block, resolve the configuration, publish it as
   generation 2, claim a slot, apply, hook the core. Silent on failure: defaults then hold. */
void hk_process_start(bool secure, char *const *envp);
void hk_process_fork_child(void); /* claim a slot of one's own, carrying the counters over */
void hk_process_exit(void);       /* give the slot back */

/* ---- verbs.c: the same request, whichever door it came through ---- */

struct hk_request {
	const struct hk_block *block; /* live, or a copy taken from outside */
	const char *root;             /* prefix for files when asked from outside: "/proc/PID/root", else "" */
	uint32_t peer_uid, peer_pid;  /* who asks, for the log */
	bool may_change;              /* false: only verbs that read */
};

/*
 * Carry out one request line ("set purge_delay=2s batch_max=8", no newline): write one JSON object (no newline)
 * to reply (at most size bytes, always terminated). When the verb changes something, *ret_values is filled and
 * *ret_changed true: the caller seals, publishes, and may then complete the reply with hk_verb_applied.
 * Returns 0 when the reply has "ok":true. scratch for hk_config_resolve is internal.
 */
int hk_verb_run(const struct hk_request *request, const char *line, struct hk_block_values *ret_values,
                bool *ret_changed, char *reply, size_t size);
/* How many of the live processes have applied the newest generation; both counts by value. */
void hk_verb_applied(const struct hk_block *block, unsigned *ret_applied, unsigned *ret_processes);

/* ---- thread.c: door 1 ---- */
void hk_thread_start(struct hk_block *block); /* from the constructor, when control = on */

#endif
