/* SPDX-License-Identifier: MIT
 *
 * The text of /metrics: all services asked at once, once for all who wait for it.
 */
#include "daemon/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static bool wanted;

void hk_metrics_wanted(void)
{
	wanted = true;
}

static void write_own(FILE *to)
{
	struct rusage usage;

	hk_reload_metrics(to);
	hk_prom_head(to, "hakmemd_stuck_looks", "gauge", "Processes that do not let themselves be looked at.");
	fprintf(to, "hakmemd_stuck_looks %u\n", hk_processes_stuck());
	if (getrusage(RUSAGE_SELF, &usage) == 0) {
		hk_prom_head(to, "hakmemd_cpu_seconds_total", "counter", "Processor time that hakmemd has used.");
		fprintf(to, "hakmemd_cpu_seconds_total %.3f\n",
		        (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		                (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	}
}

/* A service that has just ended is not one that cannot be asked. */
static unsigned leave_out_ended(struct hk_answer *answers, unsigned n)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct hk_seen *seen = &answers[i].service->seen;
		if (answers[i].error[0] != '\0' && hk_scan_start_time(seen->pid) != seen->start_time)
			json_decref(answers[i].reply);
		else
			answers[kept++] = answers[i];
	}
	return kept;
}

void hk_metrics_work(void)
{
	struct hk_answer *answers;
	unsigned *which, n;
	char *text = NULL;
	size_t size = 0;
	FILE *to;

	if (!wanted)
		return;
	wanted = false;
	n = hk_roster_ask("stats", false, NULL, NULL, &answers, &which);
	for (unsigned i = 0; i < n; i++)
		if (answers[i].error[0] == '\0')
			hk_prom_steady(&hk_roster_known(which[i])->memory, answers[i].reply);
	n = leave_out_ended(answers, n);
	to = open_memstream(&text, &size);
	if (to != NULL) {
		hk_prom_write(to, answers, n);
		write_own(to);
		if (fclose(to) != 0) {
			free(text);
			text = NULL;
		}
	}
	hk_answers_drop(answers, n);
	free(answers);
	free(which);
	hk_http_metrics(text, size);
}
