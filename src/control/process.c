/* SPDX-License-Identifier: MIT
 *
 * Start, fork and exit of a process under control. The first process of a service makes the block;
 * children inherit it by fork and claim slots of their own. Everything here runs in the constructor,
 * in an atfork handler or in the destructor; nothing allocates, and every failure is silent.
 */
#include "control/process.h"

#include "base/log.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/words.h"
#include "control/slots.h"
#include "control/tally.h"
#include "core/knobs.h"
#include "hakmem.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* Counters as they were at the fork; those of a child that found no slot. */
static struct hk_counters fork_counters;
static _Atomic uintptr_t fork_owner; /* the thread that forks and for whose child fork_counters are */

const char *hk_process_variable(char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; envp != NULL && *envp != NULL; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

static void identify(struct hk_block *block, bool secure, char *const *envp)
{
	struct hk_founder *founder = &hk_self.founder;

	founder->pid = (uint32_t) getpid();
	founder->uid = (uint32_t) geteuid();
	founder->start_time = hk_proc_start_time("", founder->pid);
	hk_identity_self(&founder->identity);
	if (!secure)
		hk_env_read(envp, &founder->env, &founder->identity, &block->env_diags);
	block->layout = HK_BLOCK_LAYOUT;
	block->size = (uint32_t) HK_BLOCK_SIZE;
	(void) hk_text_copy(block->version, sizeof(block->version), HAKMEM_VERSION);
	block->pid = founder->pid;
	block->start_time = founder->start_time;
	block->started_ns = hk_sys_boottime_ns();
	block->identity = founder->identity;
	hk_words_fill(&block->env, &founder->env, sizeof(block->env));
	block->magic = HK_BLOCK_MAGIC;
}

/* Resolve the configuration and publish it as generation 2. */
static void publish_first(struct hk_block *block)
{
	struct hk_block_values *values = &hk_self.values;
	struct hk_founder *founder = &hk_self.founder;

	(void) hk_config_resolve(&founder->identity, &founder->env, NULL, NULL, &values->config, &values->diags);
	founder->startup = values->config.values;
	hk_log_target(founder->startup.text[HK_TEXT_LOG]);
	hk_block_publish_first(block, values);
}

/* Is this element of LD_PRELOAD (n bytes) our library? */
static bool is_hakmem(const char *element, size_t n)
{
	static const char name[] = "libhakmem.so";
	const char *base = memrchr(element, '/', n);
	size_t left;

	base = base != NULL ? base + 1 : element;
	left = n - (size_t) (base - element);
	return left >= sizeof(name) - 1 && memcmp(base, name, sizeof(name) - 1) == 0 &&
	       (left == sizeof(name) - 1 || base[sizeof(name) - 1] == '.');
}

/* inherit = off: LD_PRELOAD loses libhakmem, in place. Elements are separated by colons or blanks. */
static void leave_preload(char **envp)
{
	char *value = (char *) (uintptr_t) hk_process_variable(envp, "LD_PRELOAD"), *to = value;

	if (value == NULL)
		return;
	for (const char *from = value; *from != '\0';) {
		size_t n = strcspn(from, ": "), step = n + (from[n] != '\0');

		if (!is_hakmem(from, n)) {
			memmove(to, from, step);
			to += step;
		}
		from += step;
	}
	while (to > value && (to[-1] == ':' || to[-1] == ' '))
		to--;
	*to = '\0';
	if (*value != '\0')
		return;
	while (*envp != NULL && *envp + strlen("LD_PRELOAD=") != value)
		envp++;
	for (; *envp != NULL; envp++)
		envp[0] = envp[1];
}

static void fork_parent(void)
{
	uintptr_t self = (uintptr_t) pthread_self();

	(void) atomic_compare_exchange_strong(&fork_owner, &self, 0);
}

static void hook(struct hk_block *block)
{
	hk_pulse_visit(false);
	atomic_store_explicit(&hk_hooks.pulse, block->pulse, memory_order_release);
	atomic_store_explicit(&hk_hooks.on_pulse, hk_pulse_run, memory_order_release);
	atomic_store_explicit(&hk_hooks.on_fork_child, hk_process_fork_child, memory_order_release);
	(void) pthread_atfork(hk_process_fork_prepare, fork_parent, NULL);
}

/* fresh: no slot of the block was ever used. */
static void take_slot(struct hk_block *block, uint32_t parent, bool fresh)
{
	struct hk_slot *slot = hk_slot_claim(block, parent);

	hk_self.slot = slot;
	if (slot == NULL)
		return;
	atomic_store_explicit(&slot->phase_done, hk_self.values.phase_seq, memory_order_relaxed);
	atomic_store_explicit(&slot->trim_done, hk_self.values.trim_seq, memory_order_relaxed);
	atomic_store_explicit(&slot->applied, hk_self.values.generation, memory_order_release);
	if (!fresh) {
		hk_stats_place(&slot->counters);
		return;
	}
	hk_words_fill(&slot->counters, hk_counters, sizeof(slot->counters));
	hk_counters = &slot->counters;
}

void hk_process_start(bool secure, char *const *envp)
{
	struct hk_block *block = hk_sys_map_shared(HK_BLOCK_SIZE);
	const struct hk_config *config = &hk_self.values.config;

	if (block == NULL)
		return;
	identify(block, secure, envp);
	publish_first(block);
	hakmem_control_block = block;
	take_slot(block, (uint32_t) getppid(), true);
	hk_engine_start(&block->elo, config);
	hook(block);
	if (secure)
		return;
	if (hk_config_num(config, HK_KEY_INHERIT) == 0)
		leave_preload((char **) (uintptr_t) envp);
	if (hk_config_num(config, HK_KEY_CONTROL) != 0)
		hk_thread_start(block, envp);
}

void hk_process_fork_prepare(void)
{
	uintptr_t nobody = 0;

	if (hakmem_control_block == NULL || hk_counters == &fork_counters)
		return;
	/* Of threads that fork at once one gets the copy; the others' children look at the original. */
	if (!atomic_compare_exchange_strong(&fork_owner, &nobody, (uintptr_t) pthread_self()))
		return;
	memset(&fork_counters, 0, sizeof(fork_counters));
	hk_counters_add(&fork_counters, hk_counters);
}

static void begin_counting(void)
{
	hk_tally_begin(hk_counters);
	memset(&hk_sys_counts, 0, sizeof(hk_sys_counts));
}

void hk_process_fork_child(void)
{
	struct hk_block *block = hakmem_control_block;
	bool copied;

	if (block == NULL)
		return;
	hk_thread_forget();
	copied = atomic_exchange(&fork_owner, 0) == (uintptr_t) pthread_self() || hk_counters == &fork_counters;
	if (copied) {
		hk_counters = &fork_counters;
		begin_counting();
	}
	if (atomic_exchange_explicit(&hk_self.busy, 0, memory_order_relaxed) != 0) {
		/* Another thread of the parent was applying: what it left here may be torn. */
		hk_self.values.generation = 0;
		atomic_store_explicit(&hk_hooks.seen[0], 0, memory_order_relaxed);
	}
	take_slot(block, (uint32_t) getppid(), false);
	if (hk_self.slot == NULL && hk_counters != &fork_counters)
		hk_stats_place(&fork_counters);
	if (!copied) /* by now they are no longer the parent's */
		begin_counting();
}

void hk_process_exit(void)
{
	hk_thread_stop();
}
