/* SPDX-License-Identifier: MIT
 *
 * list and status: what runs, at a glance.
 */
#include "ctl/ctl.h"
#include "ctl/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOLD "\033[1m"
#define DIM "\033[2m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

static const char *paint(const struct hk_ctl *ctl, const char *escape)
{
	return ctl->colour ? escape : "";
}

/* "FROZEN (requested)" while no process has carried it out. */
static const char *phase_of(const json_t *reply)
{
	static char text[64];
	const char *requested = json_string_value(json_object_get(reply, "phase_requested"));

	if (requested == NULL)
		return hk_out_text(reply, "phase");
	snprintf(text, sizeof text, "%.40s (requested)", hk_out_safe(requested));
	return text;
}

/* The engine's, unless a human has set what it would choose. */
static const char *strategy_of(const json_t *reply)
{
	static char text[128];
	size_t n = json_array_size(json_object_get(reply, "set_by_hand"));
	const char *like = json_string_value(json_object_get(reply, "set_like"));

	if (like != NULL)
		snprintf(text, sizeof text, "set explicitly%s%.40s", like[0] != '\0' ? ", like " : "", like[0] != '\0' ? hk_out_safe(like) : "");
	else if (n > 0)
		snprintf(text, sizeof text, "%.40s, but for %zu key%s set explicitly", hk_out_text(reply, "strategy"), n, n == 1 ? "" : "s");
	else
		return hk_out_text(reply, "strategy");
	return text;
}

/* ---- list ---- */

enum { COLUMNS = 9 };

static void fill_row(const struct hk_answer *answer, char **row)
{
	const json_t *reply = answer->reply;
	char text[32];

	snprintf(text, sizeof text, "%d", (int) answer->service->seen.pid);
	row[0] = strdup(text);
	row[1] = strdup(hk_out_safe(hk_service_name(answer->service)));
	row[2] = strdup(hk_out_safe(hk_service_unit(answer->service)));
	if (answer->error[0] != '\0') {
		for (unsigned c = 3; c < COLUMNS; c++)
			row[c] = strdup("?");
		return;
	}
	row[3] = strdup(hk_out_text(reply, "mode"));
	row[4] = strdup(phase_of(reply));
	snprintf(text, sizeof text, "%u", (unsigned) hk_out_uint(reply, "processes"));
	row[5] = strdup(text);
	row[6] = strdup(hk_out_bytes(hk_out_uint(reply, "rss_bytes")));
	row[7] = strdup(hk_out_duration(hk_out_real(reply, "uptime_s")));
	/* The one that it has, though a busy thread may have been passed by. */
	snprintf(text, sizeof text, "%d", answer->service->socket[0] != '\0' ? 1 : answer->door);
	row[8] = strdup(text);
}

static void print_list(const struct hk_ctl *ctl, const struct hk_answer *answers, unsigned n)
{
	static const char *const head[COLUMNS] = {"PID", "PROGRAM", "UNIT", "MODE", "PHASE", "PROCS", "RSS", "UP", "DOOR"};
	char **cells = calloc((n + 1) * COLUMNS, sizeof *cells);

	if (cells == NULL)
		return;
	for (unsigned c = 0; c < COLUMNS; c++)
		cells[c] = strdup(head[c]);
	for (unsigned i = 0; i < n; i++)
		fill_row(&answers[i], cells + (i + 1) * COLUMNS);
	hk_out_table((const char *const *) cells, n + 1, COLUMNS, "rllllrrrr", ctl->colour);
	for (unsigned i = 0; i < (n + 1) * COLUMNS; i++)
		free(cells[i]);
	free(cells);
}

int hk_do_list(struct hk_ctl *ctl)
{
	struct hk_services services;
	struct hk_answer *answers;
	int status = hk_ctl_prepare(ctl, ctl->args, ctl->nargs, &services, &answers);
	unsigned failed;

	if (status != HK_EXIT_DONE)
		return status;
	if (services.n == 0)
		hk_ctl_say_none(ctl, &services);
	else if (services.everybody)
		hk_ctl_say_hidden(&services);
	/* status, not list: the array carries all of the stable names. */
	failed = hk_ctl_ask(ctl, "status", false, &services, answers);
	status = failed > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	if (services.n > 0)
		print_list(ctl, answers, services.n);
	return status;
}

/* ---- status ---- */

static void print_bytes(const struct hk_ctl *ctl, const json_t *reply, const char *label, const char *name)
{
	uint64_t bytes = hk_out_uint(reply, name), rss = hk_out_uint(reply, "rss_bytes");
	double share = rss > 0 ? (double) bytes / (double) rss : 0;

	printf("             %-9s %6s  %s%s%s ", label, hk_out_bytes(bytes), paint(ctl, DIM), hk_out_bar(share > 1 ? 1 : share, hk_out_unicode()),
	       paint(ctl, PLAIN));
	if (share > 1)
		printf(" not all of it resident\n"); /* parts are counted by what they were handed out as */
	else
		printf("%4.0f%%\n", share * 100);
}

/* Of nothing that was asked for there is no rate. */
static const char *rate_of(const json_t *reply, const char *name, uint64_t asked)
{
	return asked > 0 ? hk_out_percent(hk_out_real(reply, name)) : "-";
}

static void print_memory(const struct hk_ctl *ctl, const json_t *reply)
{
	printf("  memory     resident  %6s\n", hk_out_bytes(hk_out_uint(reply, "rss_bytes")));
	print_bytes(ctl, reply, "live", "live_bytes");
	print_bytes(ctl, reply, "cached", "cached_bytes");
	print_bytes(ctl, reply, "in slabs", "slab_free_bytes");
	print_bytes(ctl, reply, "metadata", "metadata_bytes");
	printf("  mappings   %" PRIu64 "\n", hk_out_uint(reply, "mappings"));
	printf("  hit rate   tinypool %s   ", rate_of(reply, "tinypool_hit_rate", hk_out_uint(reply, "tiny_allocs")));
	printf("medium %s   ", rate_of(reply, "medium_hit_rate", hk_out_uint(reply, "medium_allocs")));
	printf("bigcache %s\n",
	       rate_of(reply, "bigcache_hit_rate", hk_out_uint(reply, "bigcache_hits") + hk_out_uint(reply, "bigcache_misses")));
}

static void print_files(const json_t *reply)
{
	const json_t *files = json_object_get(reply, "files");

	if (json_array_size(files) == 0)
		printf("  files      none: built-in defaults\n");
	for (size_t i = 0; i < json_array_size(files); i++)
		printf("  %-9s  %s\n", i == 0 ? "files" : "", hk_out_safe(json_string_value(json_array_get(files, i))));
}

static void print_control(const struct hk_answer *answer)
{
	const json_t *control = json_object_get(answer->reply, "control");
	const char *thread = hk_out_text(control, "thread");

	printf("  control    door %d (%s)", answer->door, answer->door == 1 ? "control socket" : "control block");
	if (json_string_value(json_object_get(control, "error")) != NULL)
		printf(", no socket: %s", hk_out_text(control, "error"));
	else if (strcmp(thread, "off") == 0)
		printf(", no thread (control = off)");
	else
		printf(", thread %s", thread);
	if (strcmp(thread, "running") == 0 && json_object_get(control, "error") == NULL)
		printf(", %s", hk_out_text(control, "socket"));
	putchar('\n');
}

static void print_attention(const struct hk_ctl *ctl, const json_t *reply)
{
	const json_t *pending = json_object_get(reply, "pending"), *warnings = json_object_get(reply, "warnings");

	for (size_t i = 0; i < json_array_size(pending); i++)
		printf("  %-9s  %s%s%s\n", i == 0 ? "pending" : "", paint(ctl, YELLOW),
		       hk_out_pending(json_array_get(pending, i)), paint(ctl, PLAIN));
	if (json_array_size(warnings) == 0)
		printf("  warnings   none\n");
	for (size_t i = 0; i < json_array_size(warnings); i++)
		printf("  %-9s  %s%s%s\n", i == 0 ? "warnings" : "", paint(ctl, RED),
		       hk_out_safe(json_string_value(json_array_get(warnings, i))), paint(ctl, PLAIN));
}

static void print_status(const struct hk_ctl *ctl, const struct hk_answer *answer)
{
	const struct hk_service *service = answer->service;
	const json_t *reply = answer->reply;
	unsigned applied = (unsigned) hk_out_uint(reply, "applied"), all = (unsigned) hk_out_uint(reply, "processes");

	printf("%s%s%s  pid %d", paint(ctl, BOLD), hk_out_safe(hk_service_name(service)), paint(ctl, PLAIN),
	       (int) service->seen.pid);
	if (hk_service_unit(service)[0] != '\0')
		printf("  unit %s", hk_out_safe(hk_service_unit(service)));
	printf("\n  hakmem %s, up %s\n", hk_out_text(reply, "version"), hk_out_duration(hk_out_real(reply, "uptime_s")));
	printf("  mode       %s%s%s   phase %s%s%s   strategy %s\n", paint(ctl, BOLD), hk_out_text(reply, "mode"),
	       paint(ctl, PLAIN), paint(ctl, BOLD), phase_of(reply), paint(ctl, PLAIN), strategy_of(reply));
	printf("  processes  %u", all);
	if (applied < all)
		printf("; %u of them run the newest configuration, the rest apply it when they next allocate", applied);
	putchar('\n');
	print_memory(ctl, reply);
	print_files(reply);
	print_control(answer);
	print_attention(ctl, reply);
}

int hk_do_status(struct hk_ctl *ctl)
{
	struct hk_services services;
	struct hk_answer *answers;
	int status = hk_ctl_prepare(ctl, ctl->args, ctl->nargs, &services, &answers);

	if (status != HK_EXIT_DONE)
		return status;
	if (services.n == 0)
		hk_ctl_say_none(ctl, &services);
	status = hk_ctl_ask(ctl, "status", false, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (services.n == 0)
		status = HK_EXIT_NO_TARGET;
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	for (unsigned i = 0, printed = 0; i < services.n; i++) {
		if (answers[i].error[0] != '\0')
			continue;
		if (printed++ > 0)
			putchar('\n');
		print_status(ctl, &answers[i]);
	}
	return status;
}
