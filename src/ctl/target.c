/* SPDX-License-Identifier: MIT
 *
 * From TARGET to services, from services to answers: what every verb that speaks to live
 * processes does first.
 */
#include "base/sys.h"
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_TICKS 200 /* 2 s: so long a process may have the library mapped, but no block yet */
#define THREADS 32U /* worker threads of libuv, at most: each waits for one target at a time */

const char *hk_ctl_label(const struct hk_service *service)
{
	static char label[128];

	snprintf(label, sizeof label, "%s[%d]", hk_out_safe(hk_service_name(service)), (int) service->seen.pid);
	return label;
}

static bool is_pid(const char *target)
{
	return target[0] != '\0' && strlen(target) < 10 && strspn(target, "0123456789") == strlen(target);
}

/* By its block: named by one of its processes it may be represented by another than when it is named as a whole. */
static bool same_service(const struct hk_service *a, const struct hk_service *b)
{
	if (a->seen.inode != 0 && b->seen.inode != 0)
		return a->seen.inode == b->seen.inode && a->seen.device == b->seen.device;
	return a->seen.pid == b->seen.pid && strcmp(a->socket, b->socket) == 0;
}

static bool have(const struct hk_services *services, const struct hk_service *service)
{
	for (unsigned i = 0; i < services->n; i++)
		if (same_service(&services->at[i], service))
			return true;
	return false;
}

static void append(struct hk_services *to, const struct hk_services *from)
{
	for (unsigned i = 0; i < from->n; i++) {
		struct hk_service *added;
		if (have(to, &from->at[i]))
			continue;
		added = hk_services_add(to, &from->at[i].seen);
		*added = from->at[i];
	}
	to->hidden += from->hidden;
	to->stuck += from->stuck;
}

void hk_ctl_say_hidden(const struct hk_services *services)
{
	if (services->hidden > 0 && geteuid() != 0)
		fprintf(stderr, "hakmemctl: %u processes of other users could not be looked at: try as root\n",
		        services->hidden);
}

void hk_ctl_say_none(const struct hk_ctl *ctl, const struct hk_services *services)
{
	fprintf(stderr,
	        "hakmemctl: no process with hakmem is running: no socket in %s, no libhakmem.so in /proc/*/maps\n"
	        "hakmemctl: hakmemctl run -- COMMAND starts one, LD_PRELOAD=libhakmem.so does so by hand\n",
	        ctl->config.values.text[HK_TEXT_CONTROL_DIR]);
	hk_ctl_say_hidden(services);
}

/* Nothing answers to the name: say what was looked at, and how to find out more. */
static int no_such_target(const struct hk_ctl *ctl, const char *target, const struct hk_services *all)
{
	const char *dir = ctl->config.values.text[HK_TEXT_CONTROL_DIR];

	if (is_pid(target) && hk_scan_start_time((pid_t) atoi(target)) == 0)
		return hk_ctl_fail(HK_EXIT_NO_TARGET, "there is no process %s", target);
	if (is_pid(target) && all->hidden > 0 && geteuid() == 0)
		return hk_ctl_fail(HK_EXIT_NO_TARGET,
		                   "process %s does not run under hakmem, as far as can be seen: no socket in %s, and the "
		                   "kernel shows its maps not even to root",
		                   target, dir);
	if (is_pid(target) && all->hidden > 0)
		return hk_ctl_fail(HK_EXIT_FAILED,
		                   "process %s belongs to another user and has no control socket: needs root", target);
	if (is_pid(target))
		return hk_ctl_fail(HK_EXIT_NO_TARGET,
		                   "process %s does not run with hakmem: no socket in %s, no libhakmem.so in "
		                   "/proc/%s/maps (start it with LD_PRELOAD=libhakmem.so, or hakmemctl run -- COMMAND)",
		                   target, dir, target);
	hk_ctl_fail(HK_EXIT_NO_TARGET, "no process with hakmem has the program name, unit or socket path '%s'", target);
	fprintf(stderr,
	        "hakmemctl: looked for sockets in %s and for libhakmem.so in /proc/*/maps; hakmemctl list shows what "
	        "there is\nhakmemctl: is it preloaded? hakmemctl doctor %s says\n",
	        dir, target);
	hk_ctl_say_hidden(all);
	return HK_EXIT_NO_TARGET;
}

static int find_one(struct hk_ctl *ctl, const char *target, struct hk_services *ret)
{
	const char *dir = ctl->config.values.text[HK_TEXT_CONTROL_DIR];
	struct hk_services all;

	hk_services_find(dir, is_pid(target) ? (pid_t) atoi(target) : 0, ctl->timeout_ms, &all);
	hk_services_select(&all, target);
	if (all.n == 0 && strchr(target, '/') != NULL) {
		int r = hk_sockets_add(target, &all);
		if (r < 0)
			return hk_ctl_fail(HK_EXIT_NO_TARGET, "no service answers at socket %s: %s", target,
			                   strerror(-r));
	}
	if (all.n == 0 && is_pid(target) && all.stuck > 0)
		return hk_ctl_fail(HK_EXIT_FAILED, "process %s did not let itself be looked at within %u ms", target,
		                   ctl->timeout_ms);
	if (all.n == 0)
		return no_such_target(ctl, target, &all);
	if (all.n > 1)
		fprintf(stderr, "hakmemctl: '%s' names %u services: all of them are meant\n", target, all.n);
	append(ret, &all);
	return HK_EXIT_DONE;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct hk_service *) a)->seen.pid, y = ((const struct hk_service *) b)->seen.pid;

	return (x > y) - (x < y);
}

int hk_ctl_targets(struct hk_ctl *ctl, char **targets, int n, struct hk_services *ret)
{
	int status = HK_EXIT_DONE;

	signal(SIGPIPE, SIG_IGN); /* a target that goes away in mid-request is an error, not our end */
	memset(ret, 0, sizeof *ret);
	for (int i = 0; status == HK_EXIT_DONE && i < n; i++)
		status = find_one(ctl, targets[i], ret);
	if (status == HK_EXIT_NO_TARGET && ctl->json)
		puts("[]");
	if (n == 0)
		hk_services_find(ctl->config.values.text[HK_TEXT_CONTROL_DIR], 0, ctl->timeout_ms, ret);
	ret->everybody = n == 0;
	if (ret->stuck > 0)
		fprintf(stderr, "hakmemctl: %u processes did not let themselves be looked at within %u ms\n",
		        ret->stuck, ctl->timeout_ms);
	if (ret->n > 1)
		qsort(ret->at, ret->n, sizeof *ret->at, by_pid);
	return status;
}

int hk_ctl_prepare(struct hk_ctl *ctl, char **targets, int n, struct hk_services *ret, struct hk_answer **ret_answers)
{
	int status = hk_ctl_targets(ctl, targets, n, ret);

	*ret_answers = calloc(ret->n + 1, sizeof **ret_answers);
	if (*ret_answers == NULL)
		return hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
	return status;
}

/* The refusal, and the single errors behind it (of a reload: FILE:LINE and what was meant). */
static void tell_failure(const struct hk_answer *answer)
{
	const json_t *errors = json_object_get(answer->reply, "errors");

	fprintf(stderr, "hakmemctl: %s: %s\n", hk_ctl_label(answer->service), answer->error);
	for (size_t i = 0; i < json_array_size(errors); i++)
		fprintf(stderr, "  %s\n", hk_out_safe(json_string_value(json_array_get(errors, i))));
}

/* Who asks everybody does not mean those that end, or only start, at this very moment. */
static unsigned leave_out_passing(struct hk_services *services, struct hk_answer *answers)
{
	uint64_t now = hk_sys_boottime_ns() / (1000000000 / (uint64_t) sysconf(_SC_CLK_TCK));
	unsigned n = 0, failed = 0;

	for (unsigned i = 0; i < services->n; i++) {
		const struct hk_seen *seen = &services->at[i].seen;
		bool gone = hk_scan_start_time(seen->pid) != seen->start_time;
		bool starts = seen->state == HK_SEEN_NO_BLOCK && now - seen->start_time < START_TICKS;
		if (answers[i].error[0] != '\0' && (gone || starts))
			continue;
		failed += answers[i].error[0] != '\0';
		services->at[n] = services->at[i];
		answers[n] = answers[i];
		answers[n].service = &services->at[n];
		n++;
	}
	services->n = n;
	return failed;
}

unsigned hk_ctl_ask(struct hk_ctl *ctl, const char *line, bool changes, struct hk_services *services,
                    struct hk_answer *answers)
{
	struct hk_ask ask = {.line = line, .changes = changes, .door = ctl->door, .timeout_ms = ctl->timeout_ms};
	unsigned failed;
	char threads[16];

	snprintf(threads, sizeof threads, "%zu", hk_min((size_t) hk_max(services->n, 1), THREADS));
	setenv("UV_THREADPOOL_SIZE", threads, 0);
	failed = hk_ask(&ask, services, answers);

	if (services->everybody)
		failed = leave_out_passing(services, answers);

	for (unsigned i = 0; i < services->n; i++) {
		if (answers[i].note[0] != '\0')
			fprintf(stderr, "hakmemctl: %s: %s\n", hk_ctl_label(answers[i].service), answers[i].note);
		if (answers[i].error[0] != '\0')
			tell_failure(&answers[i]);
	}
	return failed;
}

char *hk_ctl_line(const struct hk_ctl *ctl, char **args, int n)
{
	size_t size = strlen(ctl->command->name) + 1;
	char *line, *end;

	for (int i = 0; i < n; i++) {
		if (args[i][0] == '\0' || strpbrk(args[i], " \t\r\n\v\f") != NULL) {
			hk_ctl_usage(ctl, "'%s': an argument must not be empty or hold white space", args[i]);
			return NULL;
		}
		size += strlen(args[i]) + 1;
	}
	if (size + 1 > HK_LINE_MAX) {
		hk_ctl_usage(ctl, "the request is longer than %d bytes", HK_LINE_MAX);
		return NULL;
	}
	line = malloc(size);
	if (line == NULL) {
		hk_ctl_fail(HK_EXIT_FAILED, "%s", strerror(errno));
		return NULL;
	}
	end = stpcpy(line, ctl->command->name);
	for (int i = 0; i < n; i++)
		end = stpcpy(stpcpy(end, " "), args[i]);
	return line;
}

/* One answer as an object that starts with who it is. */
static json_t *service_object(const struct hk_answer *answer)
{
	const struct hk_service *service = answer->service;
	json_t *object = json_object();

	json_object_set_new(object, "pid", json_null());
	json_object_set_new(object, "program", json_string(hk_out_safe(hk_service_name(service))));
	json_object_set_new(object, "unit", json_string(hk_service_unit_safe(service)));
	if (answer->reply != NULL)
		json_object_update(object, answer->reply);
	json_object_del(object, "ok");
	/* Pids of a container mean nothing here: the one that the operator can use. */
	json_object_set_new(object, "pid", json_integer(service->seen.pid));
	if (answer->door != 0)
		json_object_set_new(object, "door", json_integer(answer->door));
	if (answer->error[0] != '\0')
		json_object_set_new(object, "error", json_string(answer->error));
	return object;
}

json_t *hk_ctl_array(const struct hk_answer *answers, unsigned n)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(array, service_object(&answers[i]));
	return array;
}
