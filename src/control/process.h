/* SPDX-License-Identifier: MIT
 *
 * This process's side of the control block, private memory: its slot and what it has applied. Shared
 * by process.c, pulse.c and the control thread; everything but `founder` and `busy` belongs to whoever
 * holds `busy`.
 */
#ifndef HK_CONTROL_PROCESS_H
#define HK_CONTROL_PROCESS_H

#include "control/block.h"

/*
 * What names a file or an identity, and what holds until a restart: found out at start by the first process of the
 * service and inherited by fork. The block has copies of some of it, for outsiders to read; the processes
 * themselves go by this one, which the others cannot write. Constant after hk_process_start.
 */
struct hk_founder {
	uint32_t pid, uid;
	uint64_t start_time; /* field 22 of /proc/PID/stat */
	struct hk_identity identity;
	struct hk_overlay env;
	struct hk_values startup; /* only those of the start-up keys count */
};

struct hk_self {
	struct hk_founder founder;
	struct hk_overlay learned;
	_Atomic uint32_t busy;         /* a try-lock: who finds it taken goes on */
	struct hk_slot *slot;          /* NULL when there was none left */
	uint32_t trim_done;            /* trim_seq carried out, slot or not */
	uint64_t torn_ns;              /* when torn values were last looked at */
	struct hk_block_values values; /* the newest whole ones; generation 0: none */
	struct hk_config effective;    /* values.config with what the engine learned on top */
};
extern struct hk_self hk_self;

/* Apply what the block says and the process has not yet applied. from_control: called by the control
   thread, whose stderr is not the program's. */
void hk_pulse_visit(bool from_control);
/* What the core's hook calls. */
void hk_pulse_run(void);

/* "NAME=value" in envp: the value, or NULL. */
const char *hk_process_variable(char *const *envp, const char *name);

/* In a fork child: the control thread and its socket belong to the parent. */
void hk_thread_forget(void);
/* At exit: remove the socket if it is ours. */
void hk_thread_stop(void);

/* say.c: log what is new in the block, where debug is not off. True if a thread of the program has to do it, because the control thread cannot. */
bool hk_say(struct hk_block *block, bool from_control);

#endif
