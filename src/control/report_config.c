/* SPDX-License-Identifier: MIT
 *
 * Verbs that only read: get, log, export: configuration with its origins, and what the engine did.
 */
#include "control/call.h"

#include "control/slots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void hk_report_effective(const struct hk_call *call, struct hk_config *ret)
{
	struct hk_overlay learned;

	*ret = call->values->config;
	hk_engine_overlay(&call->request->block->elo, ret, &learned);
	hk_engine_lay(ret, &learned);
}

/* ---- get ---- */

static const char *origin_name(unsigned origin)
{
	return origin < HK_ORIGIN_COUNT ? hk_origin_names[origin] : "?";
}

static void place_text(const struct hk_config *config, unsigned origin, unsigned file, unsigned line, char *buf, size_t size)
{
	if (line != 0 && file < HK_COUNT(config->files))
		(void) snprintf(buf, size, "%s %.200s:%u", origin_name(origin), config->files[file], line);
	else
		(void) snprintf(buf, size, "%s", origin_name(origin));
}

void hk_report_origin(const struct hk_call *call, const struct hk_config *config, unsigned key, char *buf, size_t size)
{
	const char *name = origin_name(config->origin[key]);
	bool aliased = (call->request->env->aliased >> key & 1) != 0;

	if (config->origin[key] == HK_ORIGIN_ENV && aliased)
		(void) snprintf(buf, size, "%s HAKMEM_DISABLE_%s", name, hk_keys[key].env + strlen("HAKMEM_"));
	else if (config->origin[key] == HK_ORIGIN_ENV)
		(void) snprintf(buf, size, "%s %s", name, hk_keys[key].env);
	else
		place_text(config, config->origin[key], config->file[key], config->line[key], buf, size);
}

void hk_report_mode_origin(const struct hk_config *config, char *buf, size_t size)
{
	if (config->mode_origin == HK_ORIGIN_ENV)
		(void) snprintf(buf, size, "%s HAKMEM_MODE", origin_name(config->mode_origin));
	else
		place_text(config, config->mode_origin, config->mode_file, config->mode_line, buf, size);
}

/* How far the processes have come with what is published. */
struct uptake {
	unsigned processes, newest, last; /* of all, those that run the newest generation, and that or the one before it */
	uint64_t changed;                 /* keys that the newest generation changed; all if that is not known any more */
	bool mode;                        /* so for the mode */
};

/* The buffer that the next change will overwrite still has the values before the last one, mostly. */
static void compare_last(const struct hk_call *call, struct uptake *uptake)
{
	const struct hk_block_values *now = call->values, *last = &call->request->block->values[(now->generation - 1) & 1];

	uptake->changed = 0;
	uptake->mode = strncmp(now->config.mode, last->config.mode, sizeof(now->config.mode)) != 0;
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		if (now->config.values.num[k] != last->config.values.num[k] &&
		    !hk_values_need_restart(&last->config.values, &now->config.values, (enum hk_key_id) k))
			uptake->changed |= (uint64_t) 1 << k;
	__asm__ volatile("" ::: "memory"); /* read the generation last; a hint for people needs no more than that */
	if (__atomic_load_n(&last->generation, __ATOMIC_RELAXED) == now->generation - 1)
		return;
	uptake->changed = HK_KEYS_MASK;
	uptake->mode = true;
}

static void survey(const struct hk_call *call, struct uptake *ret)
{
	const struct hk_block *block = call->request->block;
	uint64_t newest = call->values->generation;

	*ret = (struct uptake){.processes = 0};
	for (unsigned i = 0, n = hk_slot_count(block); i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, call->request->root, i);
		uint64_t applied = slot != NULL ? atomic_load_explicit(&slot->applied, memory_order_acquire) : 0;

		if (slot == NULL)
			continue;
		ret->processes++;
		ret->newest += applied >= newest;
		ret->last += applied + 1 >= newest;
	}
	if (ret->newest < ret->processes)
		compare_last(call, ret);
}

/* Fields that are there while some process still runs with another value than the one that is shown. */
static void report_uptake(struct hk_json *json, const struct uptake *uptake, bool changed)
{
	unsigned applied = changed ? uptake->newest : uptake->last;

	if (applied >= uptake->processes)
		return;
	hk_json_uint(json, "applied", applied);
	hk_json_uint(json, "processes", uptake->processes);
}

static void get_mode(struct hk_call *call, const struct uptake *uptake)
{
	const struct hk_config *config = &call->values->config;
	char origin[HK_PATH_MAX];

	hk_report_mode_origin(config, origin, sizeof(origin));
	hk_json_open(&call->json, NULL, '{');
	hk_json_text(&call->json, "key", "mode");
	hk_json_text(&call->json, "value", config->mode);
	hk_json_text(&call->json, "origin", origin);
	hk_json_text(&call->json, "context", "live");
	hk_json_null(&call->json, "pending");
	report_uptake(&call->json, uptake, uptake->mode);
	hk_json_close(&call->json, '}');
}

static void get_key(struct hk_call *call, const struct hk_config *config, unsigned key, const struct uptake *uptake)
{
	const struct hk_overlay *pending = &call->values->pending;
	char text[HK_VALUE_MAX], origin[HK_PATH_MAX];
	struct hk_json *json = &call->json;

	hk_report_origin(call, config, key, origin, sizeof(origin));
	hk_json_open(json, NULL, '{');
	hk_json_text(json, "key", hk_keys[key].name);
	hk_json_text(json, "value", hk_values_format(&config->values, (enum hk_key_id) key, text));
	hk_json_text(json, "origin", origin);
	hk_json_text(json, "context", hk_keys[key].context == HK_CONTEXT_LIVE ? "live" : "startup");
	if ((pending->mask >> key & 1) != 0)
		hk_json_text(json, "pending",
		             hk_values_format(&pending->values, (enum hk_key_id) key, text));
	else
		hk_json_null(json, "pending");
	if (hk_keys[key].context == HK_CONTEXT_LIVE || key == HK_KEY_SECURITY)
		report_uptake(json, uptake, (uptake->changed >> key & 1) != 0);
	hk_json_close(json, '}');
}

int hk_report_get(struct hk_call *call)
{
	struct hk_config config;
	struct uptake uptake;
	enum hk_key_id key;

	hk_report_effective(call, &config);
	survey(call, &uptake);
	hk_json_open(&call->json, "values", '[');
	if (call->nargs == 1) {
		get_mode(call, &uptake);
		for (unsigned k = 0; k < HK_KEY_COUNT; k++)
			get_key(call, &config, k, &uptake);
	}
	for (unsigned i = 1; i < call->nargs; i++) {
		if (strcasecmp(call->args[i], "mode") == 0)
			get_mode(call, &uptake);
		else if (hk_call_key(call, call->args[i], &key) == 0)
			get_key(call, &config, key, &uptake);
		else
			return -EINVAL;
	}
	hk_json_close(&call->json, ']');
	return 0;
}

/* ---- log ---- */

static const char event_names[HK_ELO_EVENTS][9] = {"match", "freeze", "learn", "canary", "promote", "rollback", "off",
                                       "shift", "shadow"};

static void log_entry(struct hk_json *json, const struct hk_elo_entry *entry)
{
	hk_json_open(json, NULL, '{');
	hk_json_real(json, "time_s", (double) entry->time_ns / 1e9, 3); /* CLOCK_MONOTONIC */
	hk_json_text(json, "event", entry->event < HK_COUNT(event_names) ? event_names[entry->event] : "?");
	hk_json_text(json, "a", hk_elo_strategy_name(entry->a));
	hk_json_text(json, "b", hk_elo_strategy_name(entry->b));
	hk_json_real(json, "cost_a", (double) entry->cost_a, 4);
	hk_json_real(json, "cost_b", (double) entry->cost_b, 4);
	hk_json_real(json, "rating_a", (double) entry->rating_a, 1);
	hk_json_real(json, "rating_b", (double) entry->rating_b, 1);
	hk_json_close(json, '}');
}

static void change_entry(struct hk_json *json, const char *what, const struct hk_change *change)
{
	hk_json_open(json, NULL, '{');
	hk_json_uint(json, "generation", change->generation);
	hk_json_uint(json, "time_s", change->time_s); /* CLOCK_REALTIME */
	hk_json_uint(json, "uid", change->by_uid);
	hk_json_uint(json, "pid", change->by_pid);
	hk_json_text(json, "what", what);
	hk_json_close(json, '}');
}

/* Who changed what: the last ones, oldest first. */
static void changes(struct hk_json *json, const struct hk_block_values *values)
{
	struct hk_change last = {values->generation, values->time_s, values->by_uid, values->by_pid, ""};

	hk_json_open(json, "changes", '[');
	for (uint64_t back = HK_CHANGES; back > 0; back--) {
		const struct hk_change *change = &values->earlier[(values->generation - back) % HK_CHANGES];

		if (change->generation == values->generation - back && change->what[0] != '\0')
			change_entry(json, change->what, change);
	}
	if (values->what[0] != '\0')
		change_entry(json, values->what, &last);
	hk_json_close(json, ']');
}

int hk_report_log(struct hk_call *call)
{
	const struct hk_elo_state *elo = &call->request->block->elo;
	uint32_t next = __atomic_load_n(&elo->log_next, __ATOMIC_ACQUIRE);
	uint32_t first = next > HK_ELO_LOG ? next - HK_ELO_LOG : 0;
	struct hk_json *json = &call->json;

	hk_json_uint(json, "pid", call->request->block->pid);
	hk_json_uint(json, "matches", elo->matches);
	hk_json_uint(json, "allocations", atomic_load_explicit(&elo->allocations, memory_order_relaxed));
	hk_json_text(json, "leader", hk_elo_strategy_name(elo->leader));
	hk_json_open(json, "ratings", '[');
	for (unsigned i = 0; i < HK_ELO_STRATEGIES; i++) {
		hk_json_open(json, NULL, '{');
		hk_json_text(json, "strategy", hk_strategies[i].name);
		hk_json_real(json, "rating", (double) elo->rating[i], 1);
		hk_json_uint(json, "played", elo->played[i]);
		hk_json_close(json, '}');
	}
	hk_json_close(json, ']');
	changes(json, call->values);
	hk_json_uint(json, "decisions", next);
	hk_json_open(json, "log", '[');
	for (uint32_t i = first; i != next; i++) {
		struct hk_elo_entry entry = elo->log[i % HK_ELO_LOG];

		HK_FETCHED(entry);
		log_entry(json, &entry);
	}
	hk_json_close(json, ']');
	return 0;
}

/* ---- export ---- */

/* The section that makes the next start of this program run frozen with what this one has learned, whoever plays just now. */
int hk_report_export(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;
	const struct hk_config *running = &call->values->config;
	char ini[2048], text[HK_VALUE_MAX];
	struct hk_config config = *running;
	struct hk_overlay learned;
	const bool has_learned = hk_engine_has_learned(&block->elo);
	/* Who has learned nothing and still may is not to start frozen. */
	const bool freeze = hk_config_num(running, HK_KEY_ELO) != 0 &&
	                    (has_learned || atomic_load_explicit(&block->elo.phase, memory_order_relaxed) == HK_PHASE_FROZEN);
	size_t used;

	hk_engine_learned(&block->elo, running, &learned);
	hk_engine_lay(&config, &learned);
	used = (size_t) snprintf(ini, sizeof(ini), "[program:%s]\nmode = %s\n", call->request->identity->program, running->mode);
	for (unsigned k = 0; k < HK_KEY_COUNT; k++) {
		const bool phase = k == HK_KEY_EVO_POLICY && freeze, was_set = (call->values->set.mask >> k & 1) != 0;

		if (!phase && !(hk_keys[k].tuned && config.origin[k] == HK_ORIGIN_LEARNED) && !was_set)
			continue;
		if (was_set) /* also what waits for a restart */
			hk_values_lay(&config.values, (enum hk_key_id) k, &call->values->set.values);
		used += (size_t) snprintf(ini + used, sizeof(ini) - used, "%s = %s\n", hk_keys[k].name,
		                          phase ? "frozen" : hk_values_format(&config.values, (enum hk_key_id) k, text));
		if (used >= sizeof(ini))
			return hk_call_refuse(call, "too many keys are set");
	}
	hk_json_uint(&call->json, "pid", block->pid);
	hk_json_text(&call->json, "strategy", hk_elo_strategy_name(block->elo.leader));
	hk_json_bool(&call->json, "learned", has_learned);
	hk_json_text(&call->json, "ini", ini);
	return 0;
}
