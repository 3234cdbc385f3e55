/* SPDX-License-Identifier: MIT
 *
 * hakmem.h: what a program may ask of its own allocator, and tell it. Requests go the way of hakmemctl's, through
 * hk_verb_run on the live control block, so that names, checks and pins are the same. No state and no
 * lock: the scratch memory of a call is a mapping of its own, so threads and forked children need not
 * wait for one another.
 */
#include "hakmem.h"

#include "base/sys.h"
#include "control/process.h"
#include "core/hk.h"
#include "core/stats.h"
#include "shim/shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PUBLISH_TRIES 8
#define BLANKS " \t\r\n\v\f"

_Static_assert(HAKMEM_VALUE_MAX == HK_VALUE_MAX, "hakmem.h promises that every value fits");

struct scratch {
	struct hk_request request;
	struct hk_block_values values;
	char line[HK_LINE_MAX];
	char reply[HK_REPLY_MAX];
};
#define SCRATCH_BYTES hk_align_up(sizeof(struct scratch), HK_PAGE)

/* 0 with a scratch that drop() gives back, or −errno. */
static int make(struct scratch **ret)
{
	struct scratch *s;

	if (hakmem_control_block == NULL)
		return -ENODEV;
	s = hk_sys_map(SCRATCH_BYTES, HK_PAGE);
	if (s == NULL)
		return -ENOMEM;
	s->request = (struct hk_request){.block = hakmem_control_block,
	                                 .identity = &hk_self.founder.identity,
	                                 .env = &hk_self.founder.env,
	                                 .root = "",
	                                 .peer_uid = (uint32_t) geteuid(),
	                                 .peer_pid = (uint32_t) getpid(),
	                                 .may_change = true};
	*ret = s;
	return 0;
}

static void drop(struct scratch *s)
{
	hk_sys_unmap(s, SCRATCH_BYTES);
}

/* Carry s->line out, again when another operator was faster. 0, −EINVAL for a refusal, −ENOMEM or −EAGAIN. */
static int run(struct scratch *s)
{
	struct hk_block *block = hakmem_control_block;
	bool changed;

	hk_stats_publish();
	for (int i = 0; i < PUBLISH_TRIES; i++) {
		int r = hk_verb_run(&s->request, s->line, &s->values, &changed, s->reply, sizeof(s->reply));

		if (r == -EAGAIN)
			continue;
		if (r != 0 || !changed)
			return r;
		if (hk_block_publish(block, &s->values) != 0)
			continue;
		hk_pulse_visit(false);
		if (!hk_verb_overwritten(block, &s->values))
			return 0;
	}
	return -EAGAIN;
}

/* ---- the configuration ---- */

/* HK_KEY_COUNT stands for the mode. */
static bool find_key(const char *name, enum hk_key_id *ret)
{
	const char *near;

	*ret = HK_KEY_COUNT;
	return name != NULL && (strcasecmp(name, "mode") == 0 || hk_key_find(name, ret, &near) == 0);
}

static int read_key(struct scratch *s, enum hk_key_id key, char *ret)
{
	struct hk_overlay learned;
	int r = -EAGAIN;

	for (int i = 0; r != 0 && i < PUBLISH_TRIES; i++)
		r = hk_block_read(hakmem_control_block, &s->values);
	if (r != 0)
		return r;
	if (key == HK_KEY_COUNT)
		return snprintf(ret, HK_VALUE_MAX, "%s", s->values.config.mode);
	hk_engine_overlay(&hakmem_control_block->elo, &s->values.config, &learned);
	hk_values_format((learned.mask >> key & 1) != 0 ? &learned.values : &s->values.config.values, key, ret);
	return (int) strlen(ret);
}

HK_EXPORT int hakmem_get(const char *key, char *buf, size_t size)
{
	char text[HK_VALUE_MAX] = "";
	int saved = errno, r = -ENOENT;
	enum hk_key_id id;
	struct scratch *s;

	if (find_key(key, &id))
		r = make(&s);
	if (r == 0) {
		r = read_key(s, id, text);
		drop(s);
	}
	if (r >= 0 && (size_t) r >= size)
		r = -ERANGE;
	if (r >= 0)
		memcpy(buf, text, (size_t) r + 1);
	errno = saved;
	return r;
}

static int set(const char *key, enum hk_key_id id, const char *value)
{
	struct scratch *s;
	int n, r = make(&s);

	if (r != 0)
		return r;
	/* A program may bound itself below what it has, as with setrlimit. */
	n = snprintf(s->line, sizeof(s->line), "set %s%s=%s", id == HK_KEY_HARD_LIMIT ? "--force " : "", key, value);
	r = n >= (int) sizeof(s->line) ? -EINVAL : run(s);
	if (r == 0 && id != HK_KEY_COUNT)
		r = (s->values.pending.mask >> id & 1) != 0;
	drop(s);
	return r;
}

HK_EXPORT int hakmem_set(const char *key, const char *value)
{
	int saved = errno, r;
	enum hk_key_id id;

	if (!find_key(key, &id))
		r = -ENOENT;
	else if (value != NULL && (strpbrk(value, BLANKS) != NULL || strcmp(value, "-") == 0))
		r = -EINVAL; /* in the request it would be the next word, or mean something else */
	else
		r = set(key, id, value != NULL ? value : "-");
	errno = saved;
	return r;
}

/* ---- counters ---- */

/* Behind the string that starts at p. */
static const char *skip_text(const char *p)
{
	for (p++; *p != '\0' && *p != '"'; p++)
		p += p[0] == '\\' && p[1] != '\0';
	return *p != '\0' ? p + 1 : p;
}

/* Behind the value at p, up to the comma or bracket that ends it. */
static const char *skip_value(const char *p)
{
	unsigned depth = 0;

	while (*p != '\0' && (depth > 0 || (*p != ',' && *p != '}' && *p != ']'))) {
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p = *p == '"' ? skip_text(p) : p + 1;
	}
	return p;
}

static bool whole_number(const char *p, uint64_t *ret)
{
	size_t n = strspn(p, "0123456789");

	if (n == 0 || (p[n] != ',' && p[n] != '}'))
		return false;
	for (*ret = 0; n > 0; n--)
		*ret = *ret * 10 + (uint64_t) (*p++ - '0');
	return true;
}

/* An identity, or a rate, which is a whole number only by chance. */
static bool no_counter(const char *name)
{
	size_t n = strlen(name), tail = strlen("_rate");

	return strcmp(name, "pid") == 0 || (n > tail && strcmp(name + n - tail, "_rate") == 0);
}

/* Every member of the reply, which is our own writer's and so well-formed, that is a whole number. */
static int walk(char *reply, int (*each)(const char *name, uint64_t value, void *data), void *data)
{
	int r = 0;

	for (char *p = reply; r == 0 && *p != '\0' && p[1] == '"';) {
		char *name = p + 2, *end = (char *) (uintptr_t) skip_text(p + 1) - 1;
		char *value = end + 2;
		uint64_t number;

		p = (char *) (uintptr_t) skip_value(value);
		if (!whole_number(value, &number))
			continue;
		*end = '\0';
		if (!no_counter(name))
			r = each(name, number, data);
	}
	return r;
}

HK_EXPORT int hakmem_stats_each(int (*each)(const char *name, uint64_t value, void *data), void *data)
{
	int saved = errno, r;
	struct scratch *s;

	r = make(&s);
	if (r == 0) {
		(void) snprintf(s->line, sizeof(s->line), "stats");
		r = run(s);
		errno = saved;
		if (r == 0)
			r = walk(s->reply, each, data);
		saved = errno; /* what each made of it is the caller's business */
		drop(s);
	}
	errno = saved;
	return r;
}

struct wanted {
	const char *name;
	uint64_t *ret_value;
};

static int match(const char *name, uint64_t value, void *data)
{
	const struct wanted *wanted = data;

	if (strcmp(name, wanted->name) != 0)
		return 0;
	*wanted->ret_value = value;
	return 1;
}

HK_EXPORT int hakmem_stats(const char *name, uint64_t *ret_value)
{
	struct wanted wanted = {.name = name, .ret_value = ret_value};
	int r;

	if (name == NULL)
		return -ENOENT;
	r = hakmem_stats_each(match, &wanted);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

/* ---- the engine ---- */

HK_EXPORT const char *hakmem_phase(void)
{
	const struct hk_block *block = hakmem_control_block;

	if (block == NULL)
		return NULL;
	return hk_phase_names[atomic_load_explicit(&block->elo.phase, memory_order_relaxed) & 3];
}

HK_EXPORT int hakmem_set_phase(const char *phase)
{
	static const char verbs[][7] = {"learn", "freeze", "canary"};
	int saved = errno, r = -EINVAL;
	struct scratch *s;

	for (size_t i = 0; phase != NULL && i < HK_COUNT(verbs); i++) {
		if (strcasecmp(phase, verbs[i]) != 0 && !(i == 1 && strcasecmp(phase, "frozen") == 0))
			continue;
		r = make(&s);
		if (r != 0)
			break;
		(void) snprintf(s->line, sizeof(s->line), "%s", verbs[i]);
		r = run(s);
		r = r == -EINVAL ? -ENOTSUP : r;
		drop(s);
		break;
	}
	errno = saved;
	return r;
}

/* ---- the rest ---- */

HK_EXPORT const char *hakmem_version(void)
{
	return HAKMEM_VERSION;
}

HK_EXPORT size_t hakmem_trim(void)
{
	int saved = errno;
	size_t bytes = hk_trim();

	errno = saved;
	return bytes;
}
