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
 * Every process of the service can write here, also one that has given up its user's rights: nothing
 * that names a file or an identity is taken from the block by a process of the service (struct hk_founder
 * in process.h has these), and hk_block_read checks all else. Only hakmemctl, from outside, has no other source.
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

#include <pthread.h>
#include <stdatomic.h>

#define HK_BLOCK_MAGIC 0x6b636c626d6b6168U /* "hakmblck" in memory */
#define HK_BLOCK_LAYOUT 12U                /* any change of these structs raises it */
#define HK_SLOTS 256                       /* processes of one service that are seen one by one */
#define HK_CHANGES 15                      /* kept, besides the last one */
#define HK_WHAT_MAX 128                    /* a request line as kept for the log, with its NUL */
#define HK_LINE_MAX 4096                   /* a request line, with its newline */
#define HK_REPLY_MAX 32768                 /* a reply, with its NUL: enough for every verb */

/* A change before the last one. */
struct hk_change {
	uint64_t generation, time_s; /* CLOCK_REALTIME */
	uint32_t by_uid, by_pid;
	char what[HK_WHAT_MAX];
};

/* What operators set; never changed in place while it is the published one. What is zero in most services stands
   last (config.files too is at the end of its struct), so that the rest is on one page. */
struct hk_block_values {
	uint64_t generation;       /* must equal pulse[0] to be valid */
	uint64_t checksum;         /* of all other bytes */
	uint32_t phase_request;    /* enum hk_phase wanted by the last freeze/learn/canary */
	uint32_t phase_seq;        /* grows with each such command */
	uint32_t trim_seq;         /* grows with each trim */
	uint32_t reload_seq;       /* grows with each reload that succeeded */
	uint32_t by_uid, by_pid;   /* who asked for this generation */
	uint64_t time_s;           /* … when … */
	char what[HK_WHAT_MAX];    /* … and what for: the request line, shortened */
	struct hk_change earlier[HK_CHANGES]; /* by generation, modulo their number */
	struct hk_config config;   /* resolved: what is to be in force (no learned values in it) */
	struct hk_overlay set;     /* hakmemctl set, kept over reloads */
	struct hk_overlay pending; /* start-up keys whose file or set value needs a restart */
	struct hk_diags diags;     /* of the last successful load */
};

enum hk_thread_state { HK_THREAD_OFF, HK_THREAD_RUNNING, HK_THREAD_FAILED, HK_THREAD_GONE };

/* One process. Claimed by compare-and-swap on pid; a dead process's slot is claimed again. */
struct hk_slot {
	_Atomic uint32_t pid; /* 0: free */
	_Atomic uint32_t parent;
	/* CLOCK_BOOTTIME in clock ticks when the slot was claimed. The claimer's own field 22 of
	   /proc/PID/stat is not later; that of a new process which got the same pid is. */
	_Atomic uint64_t start_time;
	_Atomic uint64_t applied;      /* generation in force */
	_Atomic uint32_t phase_done, trim_done; /* phase_seq, trim_seq carried out */
	_Atomic uint64_t trimmed_bytes;         /* by the last trim */
	/* Held by the thread that claimed the slot, mostly the main one, as long as it runs the program that did: a robust mutex, in
	   which the kernel notes the end, also that by exec, after which the pid lives on. */
	union {
		pthread_mutex_t mutex;
		_Atomic uint32_t word; /* where glibc has the futex */
	} hold;
	_Atomic uint32_t folding; /* its counters are on their way to departed */
	struct hk_counters counters HK_ALIGNED(HK_CACHE_LINE);
};

/* In this order the first page is about all that a service without configuration touches before the engine. */
struct hk_block {
	uint64_t magic;
	uint32_t layout, size; /* size: bytes of the whole block */
	char version[32];
	uint32_t pid;                   /* of the first process */
	uint64_t start_time;            /* its field 22 of /proc/PID/stat */
	uint64_t started_ns;            /* CLOCK_BOOTTIME at start */
	struct hk_identity identity;
	_Atomic uint32_t slots_high;    /* slots from here on were never used: do not touch (or copy) their pages */
	_Atomic uint64_t said;          /* generation that some process has logged */
	_Atomic uint32_t elo_said;      /* entries of elo.log that some process has logged */
	/* Door 1 */
	_Atomic uint32_t thread_state;  /* enum hk_thread_state */
	_Atomic int32_t thread_error;   /* errno of what kept it from running or binding */
	_Atomic int32_t group_error[2]; /* errno of what keeps control_group, control_read_group out, though it is bound */
	/* The last reload that failed, for status: holds while no later one was good, that is while
	   reload_failed_seq == values.reload_seq + 1. */
	_Atomic uint32_t reload_failed_seq;
	_Atomic uint64_t turn;          /* whose it is to publish: hk_sys_now_ns() when it began; 0: nobody's */
	_Atomic uint64_t pulse[2] HK_ALIGNED(HK_CACHE_LINE);
	struct hk_block_values values[2] HK_ALIGNED(HK_CACHE_LINE);
	struct hk_overlay env;          /* the environment's word, kept for reloads */
	struct hk_diags env_diags, reload_diags;
	char socket[HK_PATH_MAX];       /* bound path, or the one that failed */
	struct hk_elo_state elo HK_ALIGNED(HK_CACHE_LINE);
	_Atomic uint32_t folds_begun, folds_ended; /* moves of counters from a slot to departed; a killed process may not end one */
	struct hk_counters departed HK_ALIGNED(HK_CACHE_LINE); /* what processes did whose slots others have now */
	struct hk_slot slot[HK_SLOTS] HK_ALIGNED(HK_CACHE_LINE);
};

/* Exported from libhakmem.so (and from a program that links it statically): where the block is. */
extern struct hk_block *hakmem_control_block;

/* ---- block.c ---- */

/* Bytes of a block that are in use: what a copy from outside has to read. The copy must be HK_BLOCK_SIZE
   bytes of address space, zero behind that. */
#define HK_BLOCK_SIZE sizeof(struct hk_block)
size_t hk_block_used(const struct hk_block *block);

/* The published values of a copied block, whole but not checked, or NULL while they are torn. */
const struct hk_block_values *hk_block_values(const struct hk_block *block);
/* A private copy of the published values, fit for a live block, each value checked as if it were text: 0, or
   −EAGAIN while they are torn (or not in order, which is the same); *ret is then the previous generation if that is whole (ret->checksum != 0), so that an operator can repair. */
int hk_block_read(const struct hk_block *block, struct hk_block_values *ret);
/* Is a private copy whole, of that generation, and in order? Makes its texts terminated. */
bool hk_block_usable(struct hk_block_values *values, uint64_t generation);
/* publish.c: where hk_block_read found neither buffer to be of its generation: the newest that is whole, or −EAGAIN. */
int hk_block_salvage(const struct hk_block *block, struct hk_block_values *ret);
/* The generation that a change must carry, and the buffer index it goes to. */
uint64_t hk_block_next(const struct hk_block *block, unsigned *ret_index);
/* Stamp generation and checksum, so that values can be copied into a block. */
void hk_block_seal(struct hk_block_values *values, uint64_t generation);
/*
 * publish.c, in the process itself: seal, copy, publish what was derived from generation values->generation.
 * −EAGAIN when another operator has published meanwhile: start over from hk_block_read. Waits for who is at it, at most HK_TURN_WAIT_NS.
 */
#define HK_TURN_MAX_NS 300000000U /* a turn takes microseconds (of hakmemctl, milliseconds), but who has it may not run for a while */
#define HK_TURN_WAIT_NS (2 * (uint64_t) HK_TURN_MAX_NS) /* with all else less than hakmemctl waits for an answer */
HK_INLINE bool hk_turn_void(uint64_t turn, uint64_t now_ns)
{
	return turn == 0 || turn > now_ns || now_ns - turn > HK_TURN_MAX_NS;
}
int hk_block_publish(struct hk_block *block, struct hk_block_values *values);

/* The first publication, into a block of zeros that nobody else knows yet: makes no pages for what is zero. */
#define HK_BLOCK_FIRST 2 /* its generation */
void hk_block_publish_first(struct hk_block *block, struct hk_block_values *values);

/* ---- process.c: this process's side ---- */

/* At start-up, once, from the constructor: make the block, resolve the configuration, publish it as
   generation 2, claim a slot, apply, hook the core. Silent on failure: defaults then hold. */
void hk_process_start(bool secure, char *const *envp);
/* Hooked in by hk_process_start: the counters as they are at the fork; then, in the child, a slot of its own. */
void hk_process_fork_prepare(void);
void hk_process_fork_child(void);
/* From the destructor: remove the socket. The slot stays, because threads may still count in it; a dead
   process's slot is claimed again. */
void hk_process_exit(void);

/* ---- verbs.c: the same request, whichever door it came through ---- */

/* Configuration files that were read. */
struct hk_files {
	unsigned reads; /* grows with each time that they were read */
	unsigned n;
	char path[HK_COUNT(((struct hk_config *) 0)->files)][HK_PATH_MAX];
};

struct hk_request {
	const struct hk_block *block; /* live, or a copy taken from outside */
	/* Whose files, and what the environment said: in the process itself its private copies, not the block's. */
	const struct hk_identity *identity;
	const struct hk_overlay *env;
	struct hk_files *files;       /* NULL, or where a verb that reads the files names them */
	const char *root;             /* prefix for files when asked from outside: "/proc/PID/root", else "" */
	uint32_t peer_uid, peer_pid;  /* who asks, for the log */
	bool may_change;              /* false: only verbs that read */
};

struct hk_verb {
	const char *name, *arguments, *doc;
	bool changes;
};
extern const struct hk_verb hk_verbs[]; /* ends with name == NULL */

/*
 * Carry out one request line ("set purge_delay=2s batch_max=8", no newline): write one JSON object (no newline)
 * to reply (at most size bytes, always terminated). *ret_values is always written (it serves as the working
 * copy). When the verb changes something, *ret_changed is true and *ret_values, with the generation it was
 * derived from, is what to seal and publish; after that hk_verb_complete finishes the reply.
 * After a reload that failed, ret_values->diags holds its messages. Returns 0 when the reply has "ok":true; else −EINVAL
 * for what will never do, and for what may do later −EAGAIN (the values are torn) or −ENOMEM (to read the files).
 * Reentrant: what it writes is the caller's. Stack: 32 KiB.
 */
int hk_verb_run(const struct hk_request *request, const char *line, struct hk_block_values *ret_values,
                bool *ret_changed, char *reply, size_t size);
/* Door 2 cannot compare and swap: has it put other values under the generation of these in the moment in which they were published? */
bool hk_verb_overwritten(const struct hk_block *block, const struct hk_block_values *published);
/* How many of the live processes have applied the newest generation; of request only block and root count. */
void hk_verb_applied(const struct hk_request *request, unsigned *ret_applied, unsigned *ret_processes);
/* Insert what is known only after publishing into the reply of a change: "applied", "processes", and
   "trimmed_bytes" and "rss_bytes" after trim. Of request only block (live, or a copy taken after publishing) and root count. */
void hk_verb_complete(const struct hk_request *request, const struct hk_block_values *values, char *reply,
                      size_t size);

/* ---- thread.c: door 1 ---- */

/* From the constructor, when control = on. envp: for $XDG_RUNTIME_DIR and $SYSTEMD_EXEC_PID. Returns when the
   socket is bound or has failed, at the latest after some milliseconds. */
void hk_thread_start(struct hk_block *block, char *const *envp);
/*
 * To be called at the head of a wrapped pthread_exit, and where the kernel wants a process of one thread: when the main thread is about to end, end the control
 * thread first and wait for it. Otherwise it would be the last one, and glibc's exit(0) in it would flush the
 * program's streams into its own, empty descriptor table. In any other thread: does nothing.
 */
void hk_thread_leave(void);
/* Does this process have one, and is the caller the main thread, which could make it leave? */
bool hk_thread_is_here(void);

#endif
