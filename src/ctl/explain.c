/* SPDX-License-Identifier: MIT
 *
 * explain: all of the RSS of a service, part by part, and what to do about it. Of a service with several
 * processes one is shown, and the sum over all, in which pages that processes share count once (PSS).
 */
#include "ctl/advice.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE 10 /* times --timeout */
#define TEXT_COLUMNS 92
#define DETAIL_COLUMNS 100

#define HK_PART_ROW(id, json, name, heap) {json, name},
static const struct {
	const char *json, *name;
} parts[HK_PART_COUNT] = {HK_PARTS(HK_PART_ROW)};

/* One service: its processes, and what came of them. */
struct explained {
	const struct hk_service *service;
	const char *error;           /* of the request, which was told already, or NULL */
	struct hk_account **accounts; /* of each process; the first is the one that is shown */
	unsigned n, failed;
	struct hk_picture picture;
	struct hk_advice advice[HK_ADVICE_MAX];
	unsigned nadvice;
};

/* ---- gathering ---- */

/* All processes of each service: of one that was named by a process id only some were looked for. */
static void find_processes(struct hk_ctl *ctl, struct hk_services *services)
{
	struct hk_services all;

	hk_services_find(ctl->config.values.text[HK_TEXT_CONTROL_DIR], 0, ctl->timeout_ms, &all);
	for (unsigned i = 0; i < services->n; i++)
		for (unsigned k = 0; k < all.n; k++)
			if (hk_service_has(&all.at[k], services->at[i].seen.pid)) {
				services->at[i].pids = all.at[k].pids;
				services->at[i].npids = all.at[k].npids;
			}
}

/* The process that a TARGET names by its number, else the one that stands for the service. */
static pid_t shown_pid(const struct hk_ctl *ctl, const struct hk_service *service)
{
	for (int i = 0; i < ctl->nargs; i++)
		if (strspn(ctl->args[i], "0123456789") == strlen(ctl->args[i]) &&
		    hk_service_has(service, (pid_t) atol(ctl->args[i])))
			return (pid_t) atol(ctl->args[i]);
	return service->seen.pid;
}

static struct hk_account *new_account(pid_t pid, uint64_t block, uint64_t purge_delay_ns)
{
	struct hk_account *account = calloc(1, sizeof *account);

	if (account == NULL)
		hk_out_of_memory();
	*account = (struct hk_account){.pid = pid, .block = block, .purge_delay_ns = purge_delay_ns};
	return account;
}

static void prepare(const struct hk_ctl *ctl, struct explained *e, const struct hk_answer *get,
                    const struct hk_answer *status)
{
	const struct hk_service *service = e->service;
	struct hk_value delay = {.num = 1000000000U};
	char why[HK_DIAG_MAX];

	e->error = get->error[0] != '\0' ? get->error : NULL;
	e->picture.keys = json_object_get(get->reply, "values");
	e->picture.status = status->reply;
	e->picture.pid = shown_pid(ctl, service);
	(void) hk_value_parse(HK_KEY_PURGE_DELAY, hk_picture_key(&e->picture, "purge_delay"), &delay, why,
	                      sizeof why);
	e->n = e->error == NULL ? service->npids : 0;
	e->accounts = calloc(e->n + 1, sizeof(*e->accounts));
	for (unsigned i = 0, n = 1; e->accounts != NULL && i < e->n; i++) {
		unsigned at = service->pids[i] == e->picture.pid ? 0 : n++;
		if (at < e->n)
			e->accounts[at] = new_account(service->pids[i], service->seen.block, delay.num);
	}
}

/* Look at every process of every service. */
static void survey(const struct hk_ctl *ctl, struct explained *e, unsigned n)
{
	size_t all = 0, at = 0;
	void **jobs;
	bool *done;

	for (unsigned i = 0; i < n; i++)
		all += e[i].n;
	jobs = calloc(all + 1, sizeof *jobs);
	done = calloc(all + 1, sizeof *done);
	if (jobs == NULL || done == NULL)
		return;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < e[i].n; k++)
			jobs[at++] = e[i].accounts[k];
	hk_pool_run(hk_account_process, jobs, done, all, PATIENCE * ctl->timeout_ms);
	at = 0;
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < e[i].n; k++)
			if (!done[at++]) {
				/* The thread still works on that one. */
				e[i].accounts[k] = new_account(0, 0, 0);
				e[i].accounts[k]->error = -ETIMEDOUT;
			}
	free(jobs);
	free(done);
}

static void add(struct hk_picture *picture, const struct hk_account *account, bool pss)
{
	const uint64_t *from = pss ? account->pss : account->rss;

	for (unsigned i = 0; i < HK_PART_COUNT; i++)
		picture->part[i] += from[i];
	picture->all += hk_account_sum(from, 0, HK_PART_COUNT);
	picture->resting += account->resting;
	picture->overdue += account->overdue;
	picture->huge_in_slabs += account->huge_in_slabs;
	picture->huge_in_blocks += account->huge_in_blocks;
	picture->swap += account->swap;
	picture->threads += account->threads;
	picture->small_live += account->small_live;
	picture->large_live += account->large_live;
	picture->large_blocks += account->large_blocks;
	for (unsigned c = 0; c < HK_CLASSES; c++)
		picture->class_bytes[c] += account->class_bytes[c];
}

/* Processes that ended meanwhile are left out; of the one that is shown there must be figures. */
static int conclude(struct explained *e)
{
	unsigned n = 0;

	for (unsigned i = 1; i < e->n; i++)
		if (e->accounts[i]->error != 0)
			e->failed++;
	if (e->service->seen.state == HK_SEEN_HIDDEN || e->service->seen.state == HK_SEEN_REFUSED)
		return -EPERM;
	if (e->service->seen.state == HK_SEEN_FOREIGN)
		return -ENOENT;
	if (e->n == 0 || e->accounts == NULL)
		return -ESRCH;
	if (e->accounts[0]->error != 0)
		return e->accounts[0]->error;
	for (unsigned i = 0; i < e->n; i++)
		if (e->accounts[i]->error == 0)
			e->accounts[n++] = e->accounts[i];
	e->n = n;
	for (unsigned i = 0; i < n; i++)
		add(&e->picture, e->accounts[i], n > 1);
	e->picture.processes = n;
	e->nadvice = hk_advise(&e->picture, e->advice);
	return 0;
}

/* ---- JSON ---- */

static json_t *parts_object(const uint64_t *from, unsigned first, unsigned end)
{
	json_t *object = json_object();

	for (unsigned i = first; i < end; i++)
		json_object_set_new(object, parts[i].json, json_integer((json_int_t) from[i]));
	return object;
}

static json_t *process_object(const struct hk_account *account)
{
	json_t *object = json_pack("{s:i,s:I,s:I,s:I,s:I}", "pid", (int) account->pid, "rss_bytes",
	                           (json_int_t) account->vm_rss, "parts_bytes",
	                           (json_int_t) hk_account_sum(account->rss, 0, HK_PART_COUNT), "pss_bytes",
	                           (json_int_t) hk_account_sum(account->pss, 0, HK_PART_COUNT), "swap_bytes",
	                           (json_int_t) account->swap);

	json_object_set_new(object, "heap", parts_object(account->rss, 0, HK_PART_FIRST_OUTSIDE));
	json_object_set_new(object, "outside",
	                    parts_object(account->rss, HK_PART_FIRST_OUTSIDE, HK_PART_COUNT));
	return object;
}

static json_t *service_object(const struct explained *e)
{
	const struct hk_picture *picture = &e->picture;
	json_t *object = json_pack("{s:i,s:s,s:s,s:i,s:s,s:I}", "pid", (int) picture->pid, "program",
	                           hk_out_safe(hk_service_name(e->service)), "unit",
	                           hk_service_unit_safe(e->service), "processes", (int) e->n, "counted_as",
	                           e->n > 1 ? "pss" : "rss", "bytes", (json_int_t) picture->all);
	json_t *list = json_array();

	json_object_set_new(object, "heap", parts_object(picture->part, 0, HK_PART_FIRST_OUTSIDE));
	json_object_set_new(object, "outside",
	                    parts_object(picture->part, HK_PART_FIRST_OUTSIDE, HK_PART_COUNT));
	json_object_set_new(object, "allocated_bytes",
	                    json_integer((json_int_t) (picture->small_live + picture->large_live)));
	for (unsigned i = 0; i < e->n; i++)
		json_array_append_new(list, process_object(e->accounts[i]));
	json_object_set_new(object, "per_process", list);
	list = json_array();
	for (unsigned i = 0; i < e->nadvice; i++) {
		const struct hk_advice *advice = &e->advice[i];
		json_t *one =
		        json_pack("{s:s,s:I}", "text", advice->text, "bytes", (json_int_t) advice->bytes);
		if (advice->key[0] != '\0')
			json_object_set_new(one, "key", json_string(advice->key));
		if (advice->value[0] != '\0')
			json_object_set_new(one, "value", json_string(advice->value));
		json_array_append_new(list, one);
	}
	json_object_set_new(object, "advice", list);
	return object;
}

/* ---- for people ---- */

/* Of what the row is made up, if of several parts: those worth a word. */
static void print_details(const struct hk_picture *picture, const unsigned *which, size_t column)
{
	const size_t indent = column;
	const char *gap = "";
	char text[64];

	for (unsigned i = 0; which[1] != HK_PART_COUNT && which[i] != HK_PART_COUNT; i++) {
		if (picture->part[which[i]] < hk_max(picture->all / 200, 1))
			continue;
		snprintf(text, sizeof text, "%s %s", parts[which[i]].name,
		         hk_out_bytes(picture->part[which[i]]));
		if (column + strlen(text) + 3 > DETAIL_COLUMNS) {
			printf("%s\n%*s", gap[0] != '\0' ? "," : "", (int) indent, "");
			column = indent;
			gap = "";
		}
		column += (size_t) printf("%s%s", gap[0] != '\0' ? gap : "  ", text);
		gap = ", ";
	}
}

static void print_row(const struct hk_ctl *ctl, const struct explained *e, const char *label,
                      const unsigned *which)
{
	const struct hk_picture *picture = &e->picture;
	uint64_t one = 0, all = 0;
	double share;

	for (unsigned i = 0; which[i] != HK_PART_COUNT; i++) {
		one += e->accounts[0]->rss[which[i]];
		all += picture->part[which[i]];
	}
	share = picture->all > 0 ? (double) all / (double) picture->all : 0;
	printf("  %-13s", label);
	if (e->n > 1)
		printf(" %7s ", hk_out_bytes(one));
	printf(" %7s  %s%s%s %4.0f%%", hk_out_bytes(all), ctl->colour ? "\033[2m" : "",
	       hk_out_bar(share, hk_out_unicode()), ctl->colour ? "\033[0m" : "", share * 100);
	print_details(picture, which, e->n > 1 ? 60 : 51);
	putchar('\n');
}

static void print_parts(const struct hk_ctl *ctl, const struct explained *e)
{
	static const struct {
		const char *label;
		unsigned parts[HK_PART_COUNT];
	} rows[] = {
	        {"live", {HK_PART_LIVE_SMALL, HK_PART_LIVE_LARGE, HK_PART_COUNT}},
	        {"free in slabs", {HK_PART_BETWEEN, HK_PART_PAGES, HK_PART_COUNT}},
	        {"cached", {HK_PART_LISTS, HK_PART_BIGCACHE, HK_PART_RUNS, HK_PART_COUNT}}, /* as cached_bytes of status */
	        {"softened", {HK_PART_SOFTENED, HK_PART_COUNT}},
	        {"huge pages", {HK_PART_HUGE, HK_PART_COUNT}},
	        {"metadata", {HK_PART_METADATA, HK_PART_COUNT}},
	        {"outside",
	         {HK_PART_PROGRAM, HK_PART_LIBRARIES, HK_PART_FILES, HK_PART_SHARED, HK_PART_BRK,
	          HK_PART_STACKS, HK_PART_OTHER, HK_PART_COUNT}},
	};

	for (size_t i = 0; i < HK_COUNT(rows); i++)
		print_row(ctl, e, rows[i].label, rows[i].parts);
}

/* Text in lines of at most TEXT_COLUMNS, the first behind "  - ". */
static void print_wrapped(const char *text)
{
	size_t column = 4;

	fputs("  - ", stdout);
	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		if (column > 4 && column + n + 1 > TEXT_COLUMNS) {
			fputs("\n    ", stdout);
			column = 4;
		}
		if (column > 4) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int) n, text);
		column += n;
		text += n + (text[n] == ' ');
	}
	putchar('\n');
}

static void print_people(const struct hk_ctl *ctl, const struct explained *e)
{
	const struct hk_account *shown = e->accounts[0];
	uint64_t sum = hk_account_sum(shown->rss, 0, HK_PART_COUNT);
	const char *bold = ctl->colour ? "\033[1m" : "", *plain = ctl->colour ? "\033[0m" : "";

	printf("%s%s%s  pid %d", bold, hk_out_safe(hk_service_name(e->service)), plain, (int) shown->pid);
	if (hk_service_unit(e->service)[0] != '\0')
		printf("  unit %s", hk_out_safe(hk_service_unit(e->service)));
	printf("\n  resident      %7s   VmRSS, as the kernel counts; the parts make %s\n",
	       hk_out_bytes(shown->vm_rss), hk_out_bytes(sum));
	if (e->n > 1) {
		printf("  in all %u processes %s, where pages that they share count once (PSS)\n", e->n,
		       hk_out_bytes(e->picture.all));
		printf("\n  %-13s %7s   %6s\n", "", "this", "all");
	} else {
		putchar('\n');
	}
	print_parts(ctl, e);
	printf("\n  Allocated: %s in small blocks, %s in large ones, touched or not (status: live).\n", hk_out_bytes(shown->small_live),
	       hk_out_bytes(shown->large_live));
	printf("\n  What stands out\n");
	for (unsigned i = 0; i < e->nadvice; i++)
		print_wrapped(e->advice[i].text);
	if (e->failed > 0)
		printf("  - %u more processes could not be looked at, or ended meanwhile.\n", e->failed);
}

/* ---- the verb ---- */

static int report(struct hk_ctl *ctl, struct explained *e, unsigned n, int status)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < n; i++) {
		int error = conclude(&e[i]);
		if (error != 0) {
			const char *why = e[i].error != NULL ? e[i].error
			                  : error == -ETIMEDOUT
			                          ? "it took too long to look at its memory: raise --timeout"
			                          : hk_account_error(error);
			if (e[i].error == NULL)
				hk_ctl_fail(0, "%s: %s", hk_ctl_label(e[i].service), why);
			json_array_append_new(
			        array, json_pack("{s:i,s:s,s:s,s:s}", "pid", (int) e[i].picture.pid, "program",
			                         hk_out_safe(hk_service_name(e[i].service)), "unit",
			                         hk_service_unit_safe(e[i].service), "error", why));
			status = HK_EXIT_FAILED;
			continue;
		}
		json_array_append_new(array, service_object(&e[i]));
		if (!ctl->json && i > 0)
			putchar('\n');
		if (!ctl->json)
			print_people(ctl, &e[i]);
	}
	if (ctl->json)
		return hk_out_json(array) != 0 ? HK_EXIT_FAILED : status;
	json_decref(array);
	return status;
}

int hk_do_explain(struct hk_ctl *ctl)
{
	struct hk_services services;
	struct hk_answer *get, *status;
	struct explained *e;
	int r = hk_ctl_targets(ctl, ctl->args, ctl->nargs, &services);

	if (r != HK_EXIT_DONE)
		return r;
	find_processes(ctl, &services);
	get = calloc(services.n + 1, sizeof *get);
	status = calloc(services.n + 1, sizeof *status);
	e = calloc(services.n + 1, sizeof *e);
	if (get == NULL || status == NULL || e == NULL)
		return HK_EXIT_FAILED;
	r = hk_ctl_ask(ctl, "get", false, &services, get) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	(void) hk_ask(&(struct hk_ask){.line = "status", .door = ctl->door, .timeout_ms = ctl->timeout_ms},
	              &services, status);
	for (unsigned i = 0; i < services.n; i++) {
		e[i].service = &services.at[i];
		prepare(ctl, &e[i], &get[i], &status[i]);
	}
	survey(ctl, e, services.n);
	return report(ctl, e, services.n, r);
}
