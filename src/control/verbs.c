/* SPDX-License-Identifier: MIT
 *
 * The verbs: one table that drives dispatch and help, and what every request has in common. The same
 * code serves the control thread (on the live block) and hakmemctl (on a copy). No allocation.
 */
#include "control/call.h"

#include "control/slots.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int hk_call_refuse(struct hk_call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void) vsnprintf(call->error, sizeof(call->error), format, args);
	va_end(args);
	return -EINVAL;
}

int hk_call_key(struct hk_call *call, const char *name, enum hk_key_id *ret)
{
	const char *near = NULL;

	if (hk_key_find(name, ret, &near) == 0)
		return 0;
	if (near != NULL)
		return hk_call_refuse(call, "unknown key '%.40s': did you mean '%s'?", name, near);
	return hk_call_refuse(call, "unknown key '%.40s': 'get' lists all keys", name);
}

/* ---- verbs too small for a file of their own ---- */

static int run_phase(struct hk_call *call, enum hk_phase phase)
{
	struct hk_elo_state state;

	/* On a copy, to find out whether it is possible; the service itself follows phase_seq. */
	memcpy(&state, &call->request->block->elo, sizeof(state));
	HK_FETCHED(state);
	atomic_store_explicit(&state.lock, 0, memory_order_relaxed);
	if (hk_engine_command(&state, &call->values->config, phase, call->error, sizeof(call->error)) != 0)
		return -EINVAL;
	call->values->phase_request = phase;
	call->values->phase_seq++;
	call->changed = true;
	hk_json_text(&call->json, "phase", hk_elo_phase_name(atomic_load_explicit(&state.phase, memory_order_relaxed)));
	if (phase == HK_PHASE_FROZEN && !hk_engine_has_learned(&state)) {
		hk_json_open(&call->json, "warnings", '[');
		hk_json_text(&call->json, NULL, "nothing was learned yet (no match was played): it goes on as it is configured");
		hk_json_close(&call->json, ']');
	}
	return 0;
}

static int run_freeze(struct hk_call *call)
{
	return run_phase(call, HK_PHASE_FROZEN);
}

static int run_learn(struct hk_call *call)
{
	return run_phase(call, HK_PHASE_LEARN);
}

static int run_canary(struct hk_call *call)
{
	return run_phase(call, HK_PHASE_CANARY);
}

/* Resident bytes of all processes; pages shared between them count once for each. */
static uint64_t rss_bytes(const struct hk_request *request)
{
	const struct hk_block *block = request->block;
	unsigned n = hk_slot_count(block);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, request->root, i);

		if (slot != NULL)
			sum += hk_proc_rss(request->root, atomic_load_explicit(&slot->pid, memory_order_relaxed));
	}
	return sum;
}

static int run_trim(struct hk_call *call)
{
	hk_json_uint(&call->json, "rss_before_bytes", rss_bytes(call->request));
	call->values->trim_seq++;
	call->changed = true;
	return 0;
}

static int run_version(struct hk_call *call)
{
	const struct hk_block *block = call->request->block;

	hk_report_text(&call->json, "version", block->version, sizeof(block->version));
	hk_json_uint(&call->json, "layout", call->request->block->layout);
	return 0;
}

static int run_help(struct hk_call *call)
{
	hk_json_open(&call->json, "verbs", '[');
	for (const struct hk_verb *verb = hk_verbs; verb->name != NULL; verb++) {
		hk_json_open(&call->json, NULL, '{');
		hk_json_text(&call->json, "name", verb->name);
		hk_json_text(&call->json, "arguments", verb->arguments);
		hk_json_text(&call->json, "doc", verb->doc);
		hk_json_close(&call->json, '}');
	}
	hk_json_close(&call->json, ']');
	return 0;
}

/* ---- the table ---- */

#define HK_VERBS(V)                                                                                                   \
	V("list", "", hk_report_list, 0, false, "Who this is: pid, program, unit, mode, phase, RSS.")                 \
	V("status", "", hk_report_status, 0, false, "Mode, phase, uptime, memory by kind, hit rates, warnings.")      \
	V("stats", "", hk_report_stats, 0, false, "All counters, summed over the processes, and each process.")       \
	V("get", "[KEY]...", hk_report_get, HK_ARGS_MAX, false, "Values in force, each with its origin.")             \
	V("log", "", hk_report_log, 0, false, "Who changed what lately, the engine's decisions and ratings.")         \
	V("export", "", hk_report_export, 0, false, "What was learned, as an ini section.")                           \
	V("diff", "", hk_diff_run, 0, false, "What a reload would change, and lines of the files that do not hold.")  \
	V("set", "[--force] KEY=VALUE...", hk_change_set, HK_ARGS_MAX, true,                                          \
	  "Change keys, all or none; KEY=- takes an earlier set back; mode=NAME changes the mode.")                   \
	V("reload", "", hk_change_reload, 0, true, "Read the configuration files again: all or nothing.")             \
	V("freeze", "", run_freeze, 0, true, "Engine: keep the leading strategy.")                                    \
	V("learn", "", run_learn, 0, true, "Engine: let strategies play.")                                            \
	V("canary", "", run_canary, 0, true, "Engine: try the challenger on a few windows.")                          \
	V("trim", "", run_trim, 0, true, "Give free memory back to the system now.")                                  \
	V("version", "", run_version, 0, false, "Version of the library in the service.")                             \
	V("help", "", run_help, 0, false, "This list.")

#define HK_VERB_ROW(name, arguments, run, max, changes, doc) {name, arguments, doc, changes},
const struct hk_verb hk_verbs[] = {HK_VERBS(HK_VERB_ROW){NULL, NULL, NULL, false}};

#define HK_VERB_RUN(name, arguments, run, max, changes, doc) {run, max},
static const struct {
	int (*run)(struct hk_call *call);
	unsigned max_args;
} runs[] = {HK_VERBS(HK_VERB_RUN)};

/* ---- dispatch ---- */

/* Words of the line, separated by blanks. */
static int split(struct hk_call *call, const char *line)
{
	size_t n = strlen(line);
	char *rest = NULL;

	if (n >= sizeof(call->line))
		return hk_call_refuse(call, "the request is longer than %d bytes", HK_LINE_MAX - 1);
	memcpy(call->line, line, n + 1);
	for (char *word = strtok_r(call->line, " \t\r\n", &rest); word != NULL; word = strtok_r(NULL, " \t\r\n", &rest)) {
		if (call->nargs == HK_ARGS_MAX)
			return hk_call_refuse(call, "more than %d words in one request", HK_ARGS_MAX);
		call->args[call->nargs++] = word;
	}
	return call->nargs > 0 ? 0 : hk_call_refuse(call, "empty request: 'help' lists the verbs");
}

static int find(struct hk_call *call, unsigned *ret)
{
	unsigned i = 0;

	while (hk_verbs[i].name != NULL && strcasecmp(hk_verbs[i].name, call->args[0]) != 0)
		i++;
	if (hk_verbs[i].name == NULL)
		return hk_call_refuse(call, "unknown verb '%.40s': 'help' lists the verbs", call->args[0]);
	if (call->nargs - 1 > runs[i].max_args)
		return hk_call_refuse(call, "%s takes no argument: '%.80s'", hk_verbs[i].name, call->args[1]);
	if (hk_verbs[i].changes && !call->request->may_change)
		return hk_call_refuse(call, "%s is not permitted to uid %u, who is in control_read_group only: that group may look and change nothing",
		                      hk_verbs[i].name, call->request->peer_uid);
	*ret = i;
	return 0;
}

/*
 * Both buffers are torn, which takes two operators twice in the same microsecond, without turns: start afresh from what
 * the files say. The processes go on with what they have applied; what was set is lost.
 */
static void rebuild(struct hk_call *call, uint64_t generation)
{
	const struct hk_block *block = call->request->block;
	struct hk_block_values *values = call->values;

	memset(values, 0, sizeof(*values));
	values->generation = generation;
	values->phase_seq = atomic_load_explicit(&block->slot[0].phase_done, memory_order_relaxed);
	values->trim_seq = atomic_load_explicit(&block->slot[0].trim_done, memory_order_relaxed);
	hk_config_defaults(HK_MODE_BALANCED, &values->config);
}

/*
 * A private copy of what is published. While that is torn (two operators at once, one killed half-way) the
 * previous generation serves, or the newest that is whole: what is derived from it repairs the block.
 */
static int fetch(struct hk_call *call, bool repair)
{
	struct hk_block_values *values = call->values;
	uint64_t generation = 0;

	for (int i = 0; i < 3; i++) {
		generation = atomic_load_explicit(&call->request->block->pulse[0], memory_order_acquire);
		if (hk_block_read(call->request->block, values) == 0)
			return 0;
	}
	if (values->checksum != 0 || hk_block_salvage(call->request->block, values) == 0) {
		values->generation = generation;
		return 0;
	}
	if (!repair) {
		(void) hk_call_refuse(call, "the control block is being written: try again, or reload");
		return -EAGAIN;
	}
	rebuild(call, generation);
	call->rebuilt = true;
	return 0;
}

/* The line as it is kept for the log: from its verb on, printable, shortened. */
static void sign(struct hk_call *call, const char *line)
{
	struct hk_block_values *values = call->values;
	struct hk_change *earlier = &values->earlier[values->generation % HK_CHANGES];

	*earlier = (struct hk_change){values->generation, values->time_s, values->by_uid, values->by_pid, ""};
	memcpy(earlier->what, values->what, sizeof(earlier->what));
	values->time_s = (uint64_t) time(NULL);
	(void) snprintf(values->what, sizeof(values->what), "%s", line + strspn(line, " \t\r\n"));
	hk_text_tame(values->what, sizeof(values->what));
	values->by_uid = call->request->peer_uid;
	values->by_pid = call->request->peer_pid;
	hk_json_uint(&call->json, "generation", values->generation + 1);
}

static void fail(struct hk_call *call, char *reply, size_t size)
{
	hk_json_begin(&call->json, reply, size);
	hk_json_open(&call->json, NULL, '{');
	hk_json_bool(&call->json, "ok", false);
	hk_json_text(&call->json, "error", call->error);
	if (call->show_diags) {
		hk_json_open(&call->json, "errors", '[');
		hk_report_diags(&call->json, &call->values->diags);
		hk_json_close(&call->json, ']');
	}
	hk_json_close(&call->json, '}');
}

int hk_verb_run(const struct hk_request *request, const char *line, struct hk_block_values *ret_values,
                bool *ret_changed, char *reply, size_t size)
{
	struct hk_call call = {.request = request, .values = ret_values};
	unsigned verb = 0;
	int r = split(&call, line);

	*ret_changed = false;
	if (r == 0)
		r = find(&call, &verb);
	if (r == 0)
		r = fetch(&call, runs[verb].run == hk_change_reload);
	hk_json_begin(&call.json, reply, size);
	hk_json_open(&call.json, NULL, '{');
	hk_json_bool(&call.json, "ok", true);
	if (r == 0)
		r = runs[verb].run(&call);
	if (r == 0 && call.changed)
		sign(&call, line);
	hk_json_close(&call.json, '}');
	if (r == 0 && call.json.overflow)
		r = hk_call_refuse(&call, "the reply is longer than %zu bytes", size - 1);
	if (r != 0)
		fail(&call, reply, size);
	*ret_changed = r == 0 && call.changed;
	return r;
}

/* ---- after publishing ---- */

bool hk_verb_overwritten(const struct hk_block *block, const struct hk_block_values *published)
{
	uint64_t generation = published->generation;

	return atomic_load_explicit(&block->pulse[0], memory_order_acquire) == generation &&
	       block->values[generation & 1].checksum != published->checksum;
}

void hk_verb_applied(const struct hk_request *request, unsigned *ret_applied, unsigned *ret_processes)
{
	const struct hk_block *block = request->block;
	uint64_t generation = atomic_load_explicit(&block->pulse[0], memory_order_acquire);
	unsigned n = hk_slot_count(block);

	*ret_applied = 0;
	*ret_processes = 0;
	for (unsigned i = 0; i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, request->root, i);

		if (slot == NULL)
			continue;
		++*ret_processes;
		*ret_applied += atomic_load_explicit(&slot->applied, memory_order_acquire) == generation;
	}
}

static uint64_t trimmed_bytes(const struct hk_request *request, uint32_t seq)
{
	const struct hk_block *block = request->block;
	unsigned n = hk_slot_count(block);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct hk_slot *slot = hk_slot_live(block, request->root, i);

		if (slot != NULL && atomic_load_explicit(&slot->trim_done, memory_order_acquire) == seq)
			sum += atomic_load_explicit(&slot->trimmed_bytes, memory_order_relaxed);
	}
	return sum;
}

void hk_verb_complete(const struct hk_request *request, const struct hk_block_values *values, char *reply,
                      size_t size)
{
	size_t used = strlen(reply);
	unsigned applied, processes;
	struct hk_json json;
	char tail[200];

	if (used < 2 || reply[used - 1] != '}')
		return;
	hk_verb_applied(request, &applied, &processes);
	hk_json_begin(&json, tail, sizeof(tail));
	json.comma = true;
	hk_json_uint(&json, "applied", applied);
	hk_json_uint(&json, "processes", processes);
	if (strncasecmp(values->what, "trim", 4) == 0) {
		hk_json_uint(&json, "trimmed_bytes", trimmed_bytes(request, values->trim_seq));
		hk_json_uint(&json, "rss_bytes", rss_bytes(request));
	}
	hk_json_close(&json, '}');
	if (used - 1 + json.used < size)
		memcpy(reply + used - 1, tail, json.used + 1);
}
