/* SPDX-License-Identifier: MIT
 *
 * top without a screen: two rounds, since rates need two looks, and the second as a table or as JSON.
 */
#include "ctl/output.h"
#include "ctl/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static json_t *row_object(const struct hk_top_row *row)
{
	json_t *object =
	        json_pack("{s:i,s:s,s:s}", "pid", (int) row->pid, "program", row->name, "unit", row->unit);

	if (row->why[0] != '\0') {
		json_object_set_new(object, "error", json_string(row->why));
		return object;
	}
	json_object_update_new(
	        object, json_pack("{s:s,s:s,s:i,s:I,s:I,s:I,s:f,s:f,s:i}", "mode", row->mode, "phase",
	                          row->phase, "processes", (int) row->processes, "rss_bytes",
	                          (json_int_t) row->rss, "live_bytes", (json_int_t) row->live, "cached_bytes",
	                          (json_int_t) row->cached, "allocs_per_s", row->allocs < 0 ? 0 : row->allocs,
	                          "faults_per_s", row->faults < 0 ? 0 : row->faults, "door", row->door));
	return object;
}

enum { CELLS = 10 };

static void print_rows(const struct hk_top *top)
{
	static const char *const head[CELLS] = {"PID", "PROGRAM", "UNIT",   "PHASE",   "PROCS",
	                                        "RSS", "LIVE",    "CACHED", "ALLOC/s", "FAULT/s"};
	char **cells = calloc((top->nrows + 1) * CELLS, sizeof *cells), text[32];

	for (unsigned c = 0; cells != NULL && c < CELLS; c++)
		cells[c] = strdup(head[c]);
	for (unsigned i = 0; cells != NULL && i < top->nrows; i++) {
		const struct hk_top_row *row = top->rows[i];
		char **cell = cells + (i + 1) * CELLS;
		bool known = row->why[0] == '\0' && row->answered;
		snprintf(text, sizeof text, "%d", (int) row->pid);
		cell[0] = strdup(text);
		cell[1] = strdup(row->name);
		cell[2] = strdup(row->unit[0] != '\0' ? row->unit : "-");
		cell[3] = strdup(known ? row->phase : "?");
		snprintf(text, sizeof text, "%u", row->processes);
		cell[4] = strdup(known ? text : "?");
		cell[5] = strdup(known ? hk_out_bytes(row->rss) : "?");
		cell[6] = strdup(known ? hk_out_bytes(row->live) : "?");
		cell[7] = strdup(known ? hk_out_bytes(row->cached) : "?");
		cell[8] = strdup(known ? hk_top_count(row->allocs) : "?");
		cell[9] = strdup(known ? hk_top_count(row->faults) : "?");
	}
	if (cells != NULL)
		hk_out_table((const char *const *) cells, top->nrows + 1, CELLS, "rlllrrrrrr",
		             top->ctl->colour);
}

/* Rates need two looks. */
int hk_top_once(struct hk_top *top, unsigned interval_ms, enum hk_top_column sort)
{
	json_t *array = json_array();
	struct hk_services named;
	int status = HK_EXIT_DONE;

	hk_top_round(top);
	usleep(interval_ms * 1000);
	uv_update_time(uv_default_loop()); /* or the next timers would be late already */
	hk_top_round(top);
	hk_top_sort(top->rows, top->nrows, sort, false);
	if (top->nrows == 0 && top->ctl->nargs == 0)
		hk_ctl_say_none(top->ctl, &top->services);
	/* Says which of them is not there, and why. */
	if (top->nrows == 0 && top->ctl->nargs > 0) {
		status = hk_ctl_targets(top->ctl, top->ctl->args, top->ctl->nargs, &named);
		if (status != HK_EXIT_DONE) {
			json_decref(array);
			return status;
		}
		status = HK_EXIT_NO_TARGET; /* it has come this moment */
	}
	for (unsigned i = 0; i < top->nrows; i++) {
		json_array_append_new(array, row_object(top->rows[i]));
		if (top->rows[i]->why[0] != '\0')
			status = hk_ctl_fail(HK_EXIT_FAILED, "%s[%d]: %s", top->rows[i]->name,
			                     (int) top->rows[i]->pid, top->rows[i]->why);
	}
	if (top->ctl->json)
		return hk_out_json(array) != 0 ? HK_EXIT_FAILED : status;
	json_decref(array);
	if (top->nrows > 0)
		print_rows(top);
	return status;
}
