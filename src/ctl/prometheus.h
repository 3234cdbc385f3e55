/* SPDX-License-Identifier: MIT
 *
 * Answers to the verb stats in the Prometheus text format (version 0.0.4): one function for
 * hakmemctl stats --prometheus and for hakmemd's /metrics.
 */
#ifndef HK_CTL_PROMETHEUS_H
#define HK_CTL_PROMETHEUS_H

#include "ctl/ask.h"

#include <stdio.h>

/* All metrics of all services that were asked. Pure: what cannot be written shows in ferror(to). */
void hk_prom_write(FILE *to, const struct hk_answer *answers, unsigned n);
/* "# HELP" and "# TYPE" of one metric. */
void hk_prom_head(FILE *to, const char *name, const char *type, const char *help);
/* name="value" with what the format wants escaped; a stranger's bytes become valid UTF-8. */
void hk_prom_label(FILE *to, const char *name, const char *value);

/* A counter is a sum over living processes, and falls when a worker ends; a scraper takes that for a restart from
   zero and sees a burst that never was. Who scrapes often keeps these: what has been lost is added, so that
   counters stand still instead. One per service, zero at first. */
#define HK_PROM_COUNTERS 64
struct hk_prom_memory {
	double last[HK_PROM_COUNTERS], lost[HK_PROM_COUNTERS];
};
/* Changes the numbers of a reply to stats. */
void hk_prom_steady(struct hk_prom_memory *memory, json_t *reply);

#endif
