/* SPDX-License-Identifier: MIT
 *
 * Claiming slots without locks, and telling the living from the dead. A slot is freed by nobody: a
 * process that was killed cannot, and one that exits still counts in it. So it is claimed again from
 * a dead process, by compare-and-swap on its pid.
 */
#include "control/slots.h"

#include "base/sys.h"
#include "base/text.h"
#include "base/words.h"
#include "control/tally.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define HK_PROBES 4     /* used slots that one claim tests before it takes a fresh one, … */
#define HK_PROBES_FROM 8 /* … once there are so many: a small service makes no system call for it */
#define HK_TICK_NS (1000000000U / 100) /* USER_HZ is 100 on every Linux */

/* Cheap, for the fork path: a pid that somebody else got meanwhile counts as alive. */
static bool pid_exists(uint32_t pid)
{
	return kill((pid_t) pid, 0) == 0 || errno != ESRCH;
}

/* What the dead process did goes to the service's account. */
static void fold(struct hk_block *block, struct hk_slot *slot)
{
	if (atomic_exchange_explicit(&slot->folding, 1, memory_order_acq_rel) == 0) {
		atomic_fetch_add_explicit(&block->folds_begun, 1, memory_order_acq_rel);
		hk_tally_outlive(&block->departed, &slot->counters);
	} /* else who was at it was killed: what is in the slot may be counted already */
	hk_words_clear(&slot->counters, sizeof(slot->counters));
	atomic_store_explicit(&slot->folding, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&block->folds_ended, 1, memory_order_release);
}

#define HK_OWNER_DIED 0x40000000U /* FUTEX_OWNER_DIED */

static void hold(struct hk_slot *slot)
{
#ifdef __SANITIZE_THREAD__ /* it follows 64 locks of a thread, and a test claims all slots */
	memset(&slot->hold, 0, sizeof(slot->hold));
#else
	pthread_mutexattr_t attr;

	memset(&slot->hold, 0, sizeof(slot->hold));
	if (pthread_mutexattr_init(&attr) == 0 && pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0 &&
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0 && pthread_mutex_init(&slot->hold.mutex, &attr) == 0)
		(void) pthread_mutex_lock(&slot->hold.mutex); /* nobody else ever does */
#endif
}

/* The thread that claimed it has ended, which is the process mostly, or executes another program. */
static bool let_go(const struct hk_slot *slot)
{
	return (atomic_load_explicit(&slot->hold.word, memory_order_acquire) & HK_OWNER_DIED) != 0;
}

static bool take(struct hk_block *block, struct hk_slot *slot, uint32_t expected, uint32_t parent)
{
	if (!atomic_compare_exchange_strong_explicit(&slot->pid, &expected, (uint32_t) getpid(),
	                                             memory_order_acq_rel, memory_order_relaxed))
		return false;
	atomic_store_explicit(&slot->start_time, hk_sys_boottime_ns() / HK_TICK_NS, memory_order_relaxed);
	atomic_store_explicit(&slot->parent, parent, memory_order_relaxed);
	atomic_store_explicit(&slot->trimmed_bytes, 0, memory_order_relaxed);
	if (expected != 0)
		fold(block, slot);
	hold(slot);
	return true;
}

/* This process's: it need not ask whether it lives. What tells others is a thread's, and that may have ended. */
static const struct hk_slot *own;

static struct hk_slot *retake(struct hk_block *block, unsigned from, unsigned probes, unsigned high, uint32_t parent)
{
	for (unsigned i = 0; i < probes; i++) {
		struct hk_slot *slot = &block->slot[(from + i) % high];
		uint32_t pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);

		if ((pid == 0 || !pid_exists(pid)) && take(block, slot, pid, parent))
			return slot;
	}
	return NULL;
}

static struct hk_slot *claim(struct hk_block *block, uint32_t parent)
{
	uint32_t high = hk_slot_count(block);
	struct hk_slot *slot = NULL;

	if (high >= HK_PROBES_FROM)
		slot = retake(block, (unsigned) getpid(), HK_PROBES, high, parent);
	/* The number of tries is bounded: others may write what they like into the block. */
	for (unsigned tries = 0; slot == NULL && high < HK_SLOTS && tries < 2 * HK_SLOTS; tries++) {
		if (!atomic_compare_exchange_weak_explicit(&block->slots_high, &high, high + 1,
		                                           memory_order_acq_rel, memory_order_acquire))
			continue;
		if (take(block, &block->slot[high], 0, parent))
			slot = &block->slot[high];
	}
	return slot != NULL ? slot : retake(block, 0, HK_SLOTS, HK_SLOTS, parent);
}

struct hk_slot *hk_slot_claim(struct hk_block *block, uint32_t parent)
{
	int saved = errno;
	struct hk_slot *slot = claim(block, parent);

	own = slot;
	errno = saved;
	return slot;
}

static void proc_path(char *ret, size_t size, const char *root, uint32_t pid, const char *file)
{
	(void) hk_text_copy(ret, size, root);
	(void) hk_text_append(ret, size, "/proc/");
	(void) hk_text_append_number(ret, size, pid);
	(void) hk_text_append(ret, size, file);
}

/* State letter and start time of a process; 0 or −errno. */
static int read_stat(const char *root, uint32_t pid, char *ret_state, uint64_t *ret_start)
{
	char path[96], text[1024], *p;
	ssize_t n;

	proc_path(path, sizeof(path), root, pid, "/stat");
	n = hk_sys_read_file(path, text, sizeof(text));
	if (n < 0)
		return (int) n;
	p = strrchr(text, ')'); /* the name in parentheses may contain anything */
	if (p == NULL || p[1] != ' ')
		return -EBADMSG;
	*ret_state = p[2];
	for (int field = 2; field < 22 && p != NULL; field++)
		p = strchr(p + 1, ' ');
	*ret_start = p != NULL ? hk_text_number(p + 1) : 0;
	return 0;
}

uint64_t hk_proc_start_time(const char *root, uint32_t pid)
{
	uint64_t start = 0;
	char state;

	return read_stat(root, pid, &state, &start) == 0 ? start : 0;
}

/*
 * Pids in the block are those of the service's own pid namespace, so ask the /proc inside its root first; a
 * chroot has none, then ours serves. The start time tells whether it is the same process.
 */
static bool alive(const char *root, uint32_t pid, uint64_t claimed)
{
	const char *roots[2] = {root, ""};
	uint64_t start;
	char state;

	for (unsigned i = root[0] != '\0' ? 0 : 1; i < 2; i++)
		if (read_stat(roots[i], pid, &state, &start) == 0 && start <= claimed + 2)
			return state != 'Z' && state != 'X';
	return access("/proc/self/stat", F_OK) != 0 && pid_exists(pid);
}

unsigned hk_slot_count(const struct hk_block *block)
{
	return (unsigned) hk_min(atomic_load_explicit(&block->slots_high, memory_order_acquire), HK_SLOTS);
}

const struct hk_slot *hk_slot_live(const struct hk_block *block, const char *root, unsigned i)
{
	const struct hk_slot *slot = &block->slot[i];
	uint32_t pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);

	if (pid == 0)
		return NULL;
	if (slot != own &&
	    (let_go(slot) || !alive(root, pid, atomic_load_explicit(&slot->start_time, memory_order_relaxed))))
		return NULL;
	return slot;
}

void hk_counters_add(struct hk_counters *sum, const struct hk_counters *counters)
{
	const _Atomic uint64_t *from = (const _Atomic uint64_t *) (const void *) counters;
	uint64_t *to = (uint64_t *) (void *) sum;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
}

uint64_t hk_proc_rss(const char *root, uint32_t pid)
{
	char path[96], text[128], *p;

	proc_path(path, sizeof(path), root, pid, "/statm");
	if (hk_sys_read_file(path, text, sizeof(text)) < 0) {
		proc_path(path, sizeof(path), "", pid, "/statm");
		if (hk_sys_read_file(path, text, sizeof(text)) < 0)
			return 0;
	}
	p = strchr(text, ' ');
	return p != NULL ? hk_text_number(p) * hk_sys_page() : 0;
}
