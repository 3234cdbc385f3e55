/* SPDX-License-Identifier: MIT
 *
 * Answers to the verb stats in the Prometheus text format (version 0.0.4): one function for
 * hakmemctl stats --prometheus and for hakmemd's /metrics.
 */
#ifndef HK_CTL_PROMETHEUS_H
#define HK_CTL_PROMETHEUS_H

#include "ctl/ask.h"

#include <stdio.h>

/* All metrics of all services that were asked. Main thread. What cannot be written shows in ferror(to). */
void hk_prom_write(FILE *to, const struct hk_answer *answers, unsigned n);
/* "# HELP" and "# TYPE" of one metric. */
void hk_prom_head(FILE *to, const char *name, const char *type, const char *help);

/* A sum may be off for a moment while workers end; a scraper takes a counter that falls for a restart from zero and sees a
   burst that never was. Who scrapes often keeps these: counters stand still until the sum has caught up. One per service,
   zero at first; it begins anew when the service does (by its uptime). */
#define HK_PROM_COUNTERS 64
struct hk_prom_memory {
	double last[HK_PROM_COUNTERS], uptime_s;
};
/* Changes the numbers of a reply to stats. */
void hk_prom_steady(struct hk_prom_memory *memory, json_t *reply);

#endif
