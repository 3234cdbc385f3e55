/* SPDX-License-Identifier: MIT
 *
 * Rounds: which services there are, what they say, and what that is per second. Who does not answer is
 * left alone for some rounds, more each time, so that the others stay up to date.
 */
#include "base/sys.h"
#include "ctl/output.h"
#include "ctl/top.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LOOK_NS 2000000000U /* between looks for new services */
#define PATIENCE_MS 1000    /* for one answer, and never longer than --timeout */
#define PAUSE_MAX 16        /* rounds without one who does not answer */
#define PAST_DOOR1                                                                                           \
	30 /* rounds through door 2 where the control thread is silent, but the block can be read */

static unsigned patience(const struct hk_top *top)
{
	return (unsigned) hk_min(top->ctl->timeout_ms, PATIENCE_MS);
}

const char *hk_top_count(double n)
{
	static char buffers[8][16];
	static unsigned next;
	char *buf = buffers[next++ % HK_COUNT(buffers)];
	const char *unit = " kMGTPE";

	if (n < 0) {
		snprintf(buf, sizeof buffers[0], "-");
		return buf;
	}
	for (; n >= 999.5 && unit[1] != '\0'; unit++)
		n /= 1000;
	if (*unit == ' ')
		snprintf(buf, sizeof buffers[0], "%.0f", n);
	else
		snprintf(buf, sizeof buffers[0], "%.*f%c", n < 9.95 ? 1 : 0, n, *unit);
	return buf;
}

/* ---- which services ---- */

static bool wanted(struct hk_ctl *ctl, const struct hk_service *service)
{
	bool any = ctl->nargs == 0;

	for (int i = 0; !any && i < ctl->nargs; i++) {
		struct hk_service copy = *service;
		struct hk_services one = {.at = &copy, .n = 1};
		hk_services_select(&one, ctl->args[i]);
		any = one.n == 1;
	}
	return any;
}

static void key_of(const struct hk_service *service, uint64_t *ret)
{
	const struct hk_seen *seen = &service->seen;

	ret[0] = seen->inode != 0 ? seen->inode : (uint64_t) seen->pid;
	ret[1] = seen->inode != 0 ? seen->device : seen->start_time;
}

static struct hk_top_row *find_row(const struct hk_top *top, const uint64_t *key)
{
	for (unsigned i = 0; i < top->nrows; i++)
		if (memcmp(top->rows[i]->key, key, sizeof top->rows[i]->key) == 0)
			return top->rows[i];
	return NULL;
}

struct hk_service *hk_top_find(const struct hk_top *top, const uint64_t *key)
{
	uint64_t its[2];

	for (unsigned i = 0; i < top->services.n; i++) {
		key_of(&top->services.at[i], its);
		if (memcmp(its, key, sizeof its) == 0)
			return &top->services.at[i];
	}
	return NULL;
}

static struct hk_top_row *add_row(struct hk_top *top, const uint64_t *key)
{
	struct hk_top_row *row = calloc(1, sizeof *row);

	if (top->nrows == top->room) {
		top->room = top->room == 0 ? 16 : 2 * top->room;
		top->rows = realloc(top->rows, top->room * sizeof(*top->rows));
	}
	if (row == NULL || top->rows == NULL) {
		hk_top_screen_close();
		hk_out_of_memory();
	}
	memcpy(row->key, key, sizeof row->key);
	row->allocs = row->faults = -1;
	top->rows[top->nrows++] = row;
	return row;
}

/* Who this is, as far as it shows from outside. */
static void identify(struct hk_top *top, const struct hk_service *service)
{
	uint64_t key[2];
	struct hk_top_row *row;

	key_of(service, key);
	row = find_row(top, key);
	if (row == NULL)
		row = add_row(top, key);
	row->present = true;
	row->pid = service->seen.pid;
	snprintf(row->name, sizeof row->name, "%s", hk_out_safe(hk_service_name(service)));
	snprintf(row->unit, sizeof row->unit, "%s", hk_service_unit_safe(service));
}

static void drop_absent(struct hk_top *top)
{
	unsigned n = 0;

	for (unsigned i = 0; i < top->nrows; i++) {
		if (top->rows[i]->present) {
			top->rows[n++] = top->rows[i];
			continue;
		}
		snprintf(top->message, sizeof top->message, "%s[%d] has ended", top->rows[i]->name,
		         (int) top->rows[i]->pid);
		free(top->rows[i]);
	}
	top->nrows = n;
}

static void look(struct hk_top *top)
{
	const char *dir = top->ctl->config.values.text[HK_TEXT_CONTROL_DIR];
	struct hk_services found;
	unsigned n = 0;

	hk_services_find(dir, 0, patience(top), &found);
	for (unsigned i = 0; i < found.n; i++) {
		/* A socket's server is looked for by the path alone. */
		if (wanted(top->ctl, &found.at[i]) && found.at[i].seen.pid != getpid())
			found.at[n++] = found.at[i];
		else
			free(found.at[i].pids);
	}
	found.n = n;
	hk_services_drop(&top->services);
	top->services = found;
	top->looked_ns = hk_sys_now_ns();
	for (unsigned i = 0; i < top->nrows; i++)
		top->rows[i]->present = false;
	for (unsigned i = 0; i < n; i++)
		identify(top, &found.at[i]);
	drop_absent(top);
}

static bool due(const struct hk_top *top)
{
	if (top->looked_ns == 0 || hk_sys_now_ns() - top->looked_ns >= LOOK_NS)
		return true;
	for (unsigned i = 0; i < top->services.n; i++)
		if (hk_scan_start_time(top->services.at[i].seen.pid) != top->services.at[i].seen.start_time)
			return true;
	return false;
}

/* ---- what they say ---- */

/* Page faults of a process so far, minor and major. */
static uint64_t faults_of(pid_t pid)
{
	char path[64], text[1024];
	uint64_t minor = 0, major = 0;
	const char *p;

	snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
	if (hk_sys_read_file(path, text, sizeof text) <= 0 || (p = strrchr(text, ')')) == NULL)
		return 0;
	if (sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64, &minor, &major) != 2)
		return 0;
	return minor + major;
}

static double rate(uint64_t now, uint64_t before, uint64_t ns)
{
	return now >= before && ns > 0 ? (double) (now - before) * 1e9 / (double) ns : 0;
}

static void push(double *history, unsigned n, double value)
{
	if (n == HK_TOP_HISTORY)
		memmove(history, history + 1, (HK_TOP_HISTORY - 1) * sizeof *history);
	history[n == HK_TOP_HISTORY ? n - 1 : n] = value;
}

static void take_figures(struct hk_top_row *row, const struct hk_answer *answer)
{
	const json_t *reply = answer->reply;
	uint64_t now = hk_sys_precise_ns(), faults = 0;
	uint64_t allocs = hk_out_uint(reply, "tiny_allocs") + hk_out_uint(reply, "medium_allocs") +
	                  hk_out_uint(reply, "large_allocs");

	for (unsigned i = 0; i < answer->service->npids; i++)
		faults += faults_of(answer->service->pids[i]);
	if (row->before_ns != 0) {
		row->allocs = rate(allocs, row->allocs_before, now - row->before_ns);
		row->faults = rate(faults, row->faults_before, now - row->before_ns);
	}
	row->allocs_before = allocs;
	row->faults_before = faults;
	row->before_ns = now;
	row->rss = hk_out_uint(reply, "rss_bytes");
	row->live = hk_out_uint(reply, "live_bytes");
	row->cached = hk_out_uint(reply, "cached_bytes");
	row->processes = (unsigned) hk_out_uint(reply, "processes");
	row->door = answer->door;
	snprintf(row->mode, sizeof row->mode, "%s", hk_out_text(reply, "mode"));
	snprintf(row->phase, sizeof row->phase, "%s", hk_out_text(reply, "phase"));
	push(row->rss_history, row->nhistory, (double) row->rss);
	push(row->rate_history, row->nhistory, row->allocs < 0 ? 0 : row->allocs);
	row->nhistory += row->nhistory < HK_TOP_HISTORY;
}

static void take(struct hk_top *top, const struct hk_answer *answer)
{
	uint64_t key[2];
	struct hk_top_row *row;

	key_of(answer->service, key);
	row = find_row(top, key);
	if (row == NULL)
		return;
	if (answer->error[0] != '\0') {
		snprintf(row->why, sizeof row->why, "%s", hk_out_safe(answer->error));
		row->pause = (unsigned) hk_min(row->pause == 0 ? 1 : 2 * row->pause, PAUSE_MAX);
		row->silent = row->pause;
		row->before_ns = 0;
		row->allocs = row->faults = -1;
		return;
	}
	row->why[0] = '\0';
	row->pause = 0;
	row->answered = true;
	if (answer->note[0] != '\0' && answer->door == 2)
		row->past_door1 = PAST_DOOR1;
	take_figures(row, answer);
}

bool hk_top_absorb(struct hk_top *top)
{
	bool any = false;

	for (unsigned i = 0; top->answers != NULL && i < top->asked.n; i++) {
		if (top->taken[i] || (top->answers[i].reply == NULL && top->answers[i].error[0] == '\0'))
			continue;
		top->taken[i] = any = true;
		take(top, &top->answers[i]);
	}
	return any;
}

/* Those who are asked in this round; whose control thread was silent, past it. */
static void choose(struct hk_top *top)
{
	top->asked.n = 0;
	for (unsigned i = 0; i < top->services.n; i++) {
		struct hk_service *to = &top->asked.at[top->asked.n];
		struct hk_top_row *row;
		uint64_t key[2];
		key_of(&top->services.at[i], key);
		row = find_row(top, key);
		if (row == NULL || row->silent > 0) {
			if (row != NULL)
				row->silent--;
			continue;
		}
		*to = top->services.at[i];
		if (row->past_door1 > 0 && to->seen.state == HK_SEEN_BLOCK) {
			row->past_door1--;
			to->socket[0] = '\0';
		}
		top->asked.n++;
	}
}

void hk_top_round(struct hk_top *top)
{
	struct hk_ask ask = {.line = "stats", .door = top->ctl->door, .timeout_ms = patience(top)};
	struct hk_answer *answers;

	if (due(top))
		look(top);
	top->asked.at = calloc(top->services.n + 1, sizeof *top->asked.at);
	answers = calloc(top->services.n + 1, sizeof *answers);
	top->taken = calloc(top->services.n + 1, sizeof *top->taken);
	if (top->asked.at != NULL && answers != NULL && top->taken != NULL) {
		choose(top);
		top->answers = answers;
		(void) hk_ask(&ask, &top->asked, answers);
		(void) hk_top_absorb(top);
		hk_answers_drop(answers, top->asked.n);
	}
	top->answers = NULL;
	free(answers);
	free(top->asked.at);
	free(top->taken);
	top->asked = (struct hk_services){.at = NULL};
	top->taken = NULL;
}

/* ---- order ---- */

static struct {
	enum hk_top_column column;
	bool reverse;
} order;

static double value_of(const struct hk_top_row *row, enum hk_top_column column)
{
	switch (column) {
	case HK_TOP_PID:
		return (double) row->pid;
	case HK_TOP_PROCS:
		return row->processes;
	case HK_TOP_RSS:
		return (double) row->rss;
	case HK_TOP_LIVE:
		return (double) row->live;
	case HK_TOP_CACHED:
		return (double) row->cached;
	case HK_TOP_ALLOCS:
		return row->allocs;
	case HK_TOP_FAULTS:
		return row->faults;
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b)
{
	const struct hk_top_row *x = *(struct hk_top_row *const *) a, *y = *(struct hk_top_row *const *) b;
	double p = value_of(x, order.column), q = value_of(y, order.column);
	int c = order.column == HK_TOP_PID ? (p > q) - (p < q) : (p < q) - (p > q);

	if (order.column == HK_TOP_PROGRAM)
		c = strcasecmp(x->name, y->name);
	else if (order.column == HK_TOP_PHASE)
		c = strcmp(x->phase, y->phase);
	if (order.reverse)
		c = -c;
	return c != 0 ? c : (x->pid > y->pid) - (x->pid < y->pid);
}

void hk_top_sort(struct hk_top_row **rows, unsigned n, enum hk_top_column column, bool reverse)
{
	order.column = column;
	order.reverse = reverse;
	if (n > 1)
		qsort(rows, n, sizeof(*rows), compare);
}

bool hk_top_matches(const struct hk_top_row *row, const char *filter)
{
	char pid[16];

	snprintf(pid, sizeof pid, "%d", (int) row->pid);
	return filter[0] == '\0' || strcasestr(row->name, filter) != NULL ||
	       strcasestr(row->unit, filter) != NULL || strcasestr(row->mode, filter) != NULL ||
	       strcasestr(row->phase, filter) != NULL || strstr(pid, filter) != NULL;
}
