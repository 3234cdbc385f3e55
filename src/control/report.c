/* SPDX-License-Identifier: MIT
 *
 * Verbs that only read: list, status, stats. Sums of what processes have are over the live ones of the service, of what
 * they did over those that have ended, too. What a reader gets is a snapshot without a lock: counters may be some microseconds apart.
 */
#include "control/call.h"

#include "base/sys.h"
#include "control/slots.h"
#include "control/tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SURVEYS 4 /* tries to sum up while no worker's counters are being moved */

/* What is summed over the processes. */
struct tree {
	unsigned processes, applied;
	bool phase_done;       /* some process has carried the last freeze, learn or canary out */
	uint64_t rss_bytes;    /* pages shared between processes count once for each */
	uint64_t max_mappings; /* of one process: the limit is per process */
	struct hk_counters counters; /* those that grow: of processes that have ended, too */
	struct hk_summary summary;
};

static void add_process(const struct hk_call *call, const struct hk_slot *slot, struct tree *tree)
{
	uint64_t mappings = atomic_load_explicit(&slot->counters.mappings, memory_order_relaxed);

	tree->processes++;
	tree->applied += atomic_load_explicit(&slot->applied, memory_order_acquire) ==
	                 atomic_load_explicit(&call->request->block->pulse[0], memory_order_acquire);
	tree->phase_done |= atomic_load_explicit(&slot->phase_done, memory_order_relaxed) == call->values->phase_seq;
	tree->rss_bytes += hk_proc_rss(call->request->root, atomic_load_explicit(&slot->pid, memory_order_relaxed));
	if (mappings > tree->max_mappings)
		tree->max_mappings = mappings;
	hk_counters_add(&tree->counters, &slot->counters);
}

/* True if no process moved counters meanwhile. */
static bool sum_up(const struct hk_call *call, struct tree *ret)
{
	const struct hk_block *block = call->request->block;
	uint32_t begun = atomic_load_explicit(&block->folds_begun, memory_order_acquire);
	bool steady = begun == atomic_load_explicit(&block->folds_ended, memory_order_acquire);

	memset(ret, 0, sizeof(*ret));
	hk_tally_outlive(&ret->counters, &block->departed);
	for (unsigned i = 0, n = hk_slot_count(block); i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, call->request->root, i);

		if (slot != NULL)
			add_process(call, slot, ret);
		else if (atomic_load_explicit(&block->slot[i].pid, memory_order_relaxed) != 0)
			hk_tally_outlive(&ret->counters, &block->slot[i].counters);
	}
	__asm__ volatile("" ::: "memory"); /* look last; a sum that is off for an instant on some processor is no harm */
	return steady && begun == atomic_load_explicit(&block->folds_begun, memory_order_relaxed);
}

static void survey(const struct hk_call *call, struct tree *ret)
{
	for (int i = 0; i < SURVEYS && !sum_up(call, ret); i++)
		;
	hk_stats_summarise(&ret->counters, &ret->summary);
}

void hk_report_text(struct hk_json *json, const char *key, const char *text, size_t size)
{
	char copy[HK_PATH_MAX];

	size = hk_min(size, sizeof(copy));
	memcpy(copy, text, size);
	HK_FETCHED(copy);
	copy[size - 1] = '\0';
	hk_json_text(json, key, copy);
}

static void identity(struct hk_call *call, const struct tree *tree)
{
	const struct hk_block *block = call->request->block;
	struct hk_json *json = &call->json;

	hk_json_uint(json, "pid", block->pid);
	hk_json_text(json, "program", call->request->identity->program);
	hk_json_text(json, "unit", call->request->identity->unit);
	hk_json_text(json, "mode", call->values->config.mode);
	hk_json_text(json, "phase", hk_elo_phase_name(atomic_load_explicit(&block->elo.phase, memory_order_relaxed)));
	if (tree->processes > 0 && !tree->phase_done && call->values->phase_request < HK_COUNT(hk_phase_names))
		hk_json_text(json, "phase_requested", hk_phase_names[call->values->phase_request]);
	hk_json_uint(json, "processes", tree->processes);
	hk_json_uint(json, "applied", tree->applied);
	hk_json_uint(json, "rss_bytes", tree->rss_bytes);
	hk_report_text(json, "version", block->version, sizeof(block->version));
	hk_json_uint(json, "uptime_s", (hk_sys_boottime_ns() - block->started_ns) / 1000000000U);
}

int hk_report_list(struct hk_call *call)
{
	struct tree tree;

	survey(call, &tree);
	identity(call, &tree);
	return 0;
}

/* ---- status ---- */

static void memory(struct hk_json *json, const struct tree *tree)
{
	const struct hk_summary *summary = &tree->summary;

	hk_json_uint(json, "live_bytes", summary->live_bytes);
	hk_json_uint(json, "cached_bytes", summary->cached_bytes);
	hk_json_uint(json, "metadata_bytes", summary->metadata_bytes);
	hk_json_uint(json, "bigcache_bytes", summary->bigcache_bytes);
	hk_json_uint(json, "dirty_bytes", summary->dirty_bytes);
	hk_json_uint(json, "slab_bytes", summary->slab_bytes);
	hk_json_uint(json, "slab_free_bytes", summary->slab_free_bytes);
	hk_json_uint(json, "mapped_bytes", summary->mapped_bytes);
	hk_json_uint(json, "mappings", tree->max_mappings);
	hk_json_real(json, "tinypool_hit_rate", summary->tinypool_hit_rate, 4);
	hk_json_real(json, "bigcache_hit_rate", summary->bigcache_hit_rate, 4);
	hk_json_real(json, "medium_hit_rate", summary->medium_hit_rate, 4);
	/* What the rates are of: of nothing there is none. */
	hk_json_uint(json, "tiny_allocs", summary->tiny_allocs);
	hk_json_uint(json, "medium_allocs", summary->medium_allocs);
	hk_json_uint(json, "bigcache_hits", summary->bigcache_hits);
	hk_json_uint(json, "bigcache_misses", summary->bigcache_misses);
}

static const char thread_names[][8] = {"off", "running", "failed", "gone"};

static void control(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;
	uint32_t state = atomic_load_explicit(&block->thread_state, memory_order_acquire);
	int error = atomic_load_explicit(&block->thread_error, memory_order_relaxed);
	struct hk_json *json = &call->json;

	hk_json_open(json, "control", '{');
	hk_json_text(json, "thread", state < HK_COUNT(thread_names) ? thread_names[state] : "?");
	hk_report_text(json, "socket", block->socket, sizeof(block->socket));
	if (error != 0)
		hk_json_text(json, "error", strerrordesc_np(error) != NULL ? strerrordesc_np(error) : "unknown error");
	hk_json_close(json, '}');
}

void hk_report_pending(struct hk_call *call, uint64_t keys)
{
	const struct hk_overlay *pending = &call->values->pending;
	struct hk_json *json = &call->json;
	char text[HK_VALUE_MAX];

	hk_json_open(json, "pending", '[');
	for (uint64_t mask = pending->mask & keys; mask != 0; mask &= mask - 1) {
		unsigned k = (unsigned) __builtin_ctzll(mask);

		hk_json_open(json, NULL, '{');
		hk_json_text(json, "key", hk_keys[k].name);
		hk_json_text(json, "value", hk_values_format(&pending->values, (enum hk_key_id) k, text));
		hk_json_bool(json, "set", (call->values->set.mask >> k & 1) != 0);
		hk_json_close(json, '}');
	}
	hk_json_close(json, ']');
}

/* Tuned keys that a human has set: what the engine chooses does not reach them. With the strategy that they make up
   together, if all are set and there is one like it. */
static void by_hand(struct hk_call *call)
{
	const struct hk_config *config = &call->values->config;
	unsigned n = 0, tuned = 0, like = HK_ELO_STRATEGIES;

	hk_json_open(&call->json, "set_by_hand", '[');
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		tuned += hk_keys[k].tuned;
		if (!hk_keys[k].tuned || config->origin[k] == HK_ORIGIN_PRESET)
			continue;
		hk_json_text(&call->json, NULL, hk_keys[k].name);
		n++;
	}
	hk_json_close(&call->json, ']');
	for (unsigned s = 0; s < HK_ELO_STRATEGIES && n == tuned && like == HK_ELO_STRATEGIES; s++)
		if (hk_config_num(config, HK_KEY_PURGE_DELAY) == hk_strategies[s].purge_delay_ns &&
		    hk_config_num(config, HK_KEY_BIGCACHE_LIMIT) == hk_strategies[s].bigcache_limit &&
		    hk_config_num(config, HK_KEY_BIGCACHE_MAX_BLOCK) == hk_strategies[s].bigcache_max_block &&
		    hk_config_num(config, HK_KEY_BATCH_MAX) == hk_strategies[s].batch_max &&
		    hk_config_num(config, HK_KEY_THP) == hk_strategies[s].thp)
			like = s;
	if (n == tuned)
		hk_json_text(&call->json, "set_like", like < HK_ELO_STRATEGIES ? hk_strategies[like].name : "");
}

static void configuration(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;
	const struct hk_config *config = &call->values->config;
	struct hk_json *json = &call->json;

	hk_json_uint(json, "generation", call->values->generation);
	hk_json_text(json, "conf", call->request->identity->conf);
	hk_json_open(json, "files", '[');
	for (unsigned i = 0; i < config->nfiles && i < HK_COUNT(config->files); i++)
		hk_json_text(json, NULL, config->files[i]);
	hk_json_close(json, ']');
	hk_json_text(json, "strategy", hk_elo_strategy_name(hk_engine_strategy(&block->elo)));
	hk_json_text(json, "leader", hk_elo_strategy_name(block->elo.leader));
	by_hand(call);
	hk_report_pending(call, HK_KEYS_MASK);
}

void hk_report_diags(struct hk_json *json, const struct hk_diags *diags)
{
	char text[HK_DIAG_MAX];
	uint32_t n = diags->count;

	for (uint32_t i = 0; i < n && i < HK_DIAGS; i++) {
		(void) snprintf(text, sizeof(text), "%.*s", HK_DIAG_MAX - 1, diags->text[i]);
		hk_json_text(json, NULL, text);
	}
	if (n > HK_DIAGS) {
		(void) snprintf(text, sizeof(text), "… and %u more", (unsigned) (n - HK_DIAGS));
		hk_json_text(json, NULL, text);
	}
}

static void warn_reload(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;

	if (atomic_load_explicit(&block->reload_failed_seq, memory_order_acquire) != call->values->reload_seq + 1)
		return;
	hk_json_text(&call->json, NULL, "the last reload was refused, the configuration before it holds:");
	hk_report_diags(&call->json, &block->reload_diags);
}

static void warn_mappings(struct hk_call *call, const struct tree *tree)
{
	char text[HK_DIAG_MAX];
	uint64_t limit;

	if (hk_sys_read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) <= 0)
		return;
	limit = strtoull(text, NULL, 10);
	if (limit == 0 || tree->max_mappings < limit / 2)
		return;
	(void) snprintf(text, sizeof(text), "%llu mappings in one process: vm.max_map_count is %llu, raise it",
	                (unsigned long long) tree->max_mappings, (unsigned long long) limit);
	hk_json_text(&call->json, NULL, text);
}

static void warn_refusals(struct hk_call *call, const struct tree *tree)
{
	char text[HK_DIAG_MAX];
	uint64_t refused = tree->counters.hard_limit_hits;

	if (refused == 0)
		return;
	(void) snprintf(text, sizeof(text), "hard_limit has refused memory %llu times (it counts allocated bytes, touched or not)",
	                (unsigned long long) refused);
	hk_json_text(&call->json, NULL, text);
}

/* The socket that there should be. */
static void warn_control(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;
	uint32_t state = atomic_load_explicit(&block->thread_state, memory_order_acquire);
	int error = atomic_load_explicit(&block->thread_error, memory_order_relaxed);
	const char *why = strerrordesc_np(error);
	char text[HK_DIAG_MAX];

	if (state == HK_THREAD_GONE)
		hk_json_text(&call->json, NULL,
		             "no socket: the control thread has ended, with the first process of the service or its main thread, or for "
		             "unshare(2) or setns(2): door 2 serves");
	if (error == 0)
		return;
	(void) snprintf(text, sizeof(text), "no socket%s%.110s: %s%s", block->socket[0] != '\0' ? ": " : "", block->socket,
	                why != NULL ? why : "unknown error",
	                error == ENOENT ? " (create it with systemd-tmpfiles --create, or see README)" : "");
	hk_json_text(&call->json, NULL, text);
}

static void warn_group(struct hk_call *call, enum hk_key_id key, int error)
{
	const char *why = error == ENOENT ? "there is no such group" : strerrordesc_np(error);
	char text[HK_DIAG_MAX], group[HK_VALUE_MAX];

	if (error == 0)
		return;
	(void) snprintf(text, sizeof(text), "%s = %s: %s: its members cannot use the socket", hk_keys[key].name,
	                hk_values_format(&call->values->config.values, key, group), why != NULL ? why : "unknown error");
	hk_json_text(&call->json, NULL, text);
}

static void warn_groups(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;

	warn_group(call, HK_KEY_CONTROL_GROUP, atomic_load_explicit(&block->group_error[0], memory_order_relaxed));
	warn_group(call, HK_KEY_CONTROL_READ_GROUP, atomic_load_explicit(&block->group_error[1], memory_order_relaxed));
}

static void warnings(struct hk_call *call, const struct tree *tree)
{
	struct hk_diags nonsense = {.count = 0};
	char text[HK_DIAG_MAX];

	hk_config_warn(&call->values->config, &nonsense);
	hk_json_open(&call->json, "warnings", '[');
	hk_report_diags(&call->json, &call->request->block->env_diags);
	hk_report_diags(&call->json, &call->values->diags);
	hk_report_diags(&call->json, &nonsense);
	warn_reload(call);
	warn_control(call);
	warn_groups(call);
	hk_report_limits(call, HK_KEYS_MASK);
	warn_mappings(call, tree);
	warn_refusals(call, tree);
	if (tree->processes == HK_SLOTS) {
		(void) snprintf(text, sizeof(text), "as many processes as are counted one by one (%d): there may be more", HK_SLOTS);
		hk_json_text(&call->json, NULL, text);
	}
	hk_json_close(&call->json, ']');
}

int hk_report_status(struct hk_call *call)
{
	struct tree tree;

	survey(call, &tree);
	identity(call, &tree);
	memory(&call->json, &tree);
	configuration(call);
	control(call);
	warnings(call, &tree);
	return 0;
}

/* ---- stats ---- */

/* Counters kept per shard, summed over the shards. */
#define HK_SHARD_COUNTERS(C)                                                                                          \
	C(tiny_allocs) C(tiny_refills) C(medium_allocs) C(medium_refills) C(flushes) C(slab_bytes_out)                \
	C(slab_bytes_in) C(slabs_made) C(slabs_freed) C(slab_bytes) C(cache_bytes)
#define HK_PROCESS_COUNTERS(C)                                                                                        \
	C(large_allocs) C(large_frees) C(large_live_bytes) C(large_live_blocks) C(bigcache_hits) C(bigcache_misses)   \
	C(bigcache_bytes) C(bigcache_blocks) C(mapped_bytes) C(free_run_bytes) C(dirty_bytes) C(metadata_bytes)       \
	C(purged_bytes) C(purge_batches) C(purge_ranges) C(purge_ns) C(trims) C(soft_limit_hits) C(hard_limit_hits)   \
	C(pressure_trims) C(enomem) C(threads) C(mappings) C(sys_mmap) C(sys_munmap) C(sys_madvise) C(sys_mremap) C(windows) C(samples)

static void counters(struct hk_json *json, const struct hk_counters *sum)
{
	struct hk_shard_counters all = {.tiny_allocs = 0};
	uint64_t *to = (uint64_t *) (void *) &all;

	for (unsigned shard = 0; shard < HK_SHARDS_MAX; shard++) {
		const uint64_t *from = (const uint64_t *) (const void *) &sum->shard[shard];

		for (size_t i = 0; i < sizeof(all) / sizeof(*to); i++)
			to[i] += from[i];
	}
#define HK_COUNTER(name) hk_json_uint(json, #name, all.name);
	HK_SHARD_COUNTERS(HK_COUNTER)
#undef HK_COUNTER
#define HK_COUNTER(name) hk_json_uint(json, #name, sum->name);
	HK_PROCESS_COUNTERS(HK_COUNTER)
#undef HK_COUNTER
}

static void each_process(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;
	struct hk_json *json = &call->json;
	struct hk_counters sum;
	struct hk_summary summary;

	hk_json_open(json, "per_process", '[');
	for (unsigned i = 0, n = hk_slot_count(block); i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, call->request->root, i);
		uint32_t pid;

		/* Of a big tree as many as fit. */
		if (slot == NULL || json->size - json->used < 512)
			continue;
		memset(&sum, 0, sizeof(sum));
		hk_counters_add(&sum, &slot->counters);
		hk_stats_summarise(&sum, &summary);
		pid = atomic_load_explicit(&slot->pid, memory_order_relaxed);
		hk_json_open(json, NULL, '{');
		hk_json_uint(json, "pid", pid);
		hk_json_uint(json, "parent", atomic_load_explicit(&slot->parent, memory_order_relaxed));
		hk_json_uint(json, "generation", atomic_load_explicit(&slot->applied, memory_order_relaxed));
		hk_json_uint(json, "rss_bytes", hk_proc_rss(call->request->root, pid));
		hk_json_uint(json, "live_bytes", summary.live_bytes);
		hk_json_uint(json, "cached_bytes", summary.cached_bytes);
		hk_json_close(json, '}');
	}
	hk_json_close(json, ']');
}

int hk_report_stats(struct hk_call *call)
{
	struct tree tree;

	survey(call, &tree);
	identity(call, &tree);
	hk_json_uint(&call->json, "live_bytes", tree.summary.live_bytes);
	hk_json_uint(&call->json, "cached_bytes", tree.summary.cached_bytes);
	hk_json_uint(&call->json, "slab_free_bytes", tree.summary.slab_free_bytes);
	hk_json_real(&call->json, "tinypool_hit_rate", tree.summary.tinypool_hit_rate, 4);
	hk_json_real(&call->json, "bigcache_hit_rate", tree.summary.bigcache_hit_rate, 4);
	counters(&call->json, &tree.counters);
	each_process(call);
	return 0;
}
