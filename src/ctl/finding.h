/* SPDX-License-Identifier: MIT
 *
 * What enable and doctor have to say about one subject (a unit, a process, a program, the host): a list of
 * findings, each fine, worth knowing, or in the way, the last two with a remedy.
 */
#ifndef HK_CTL_FINDING_H
#define HK_CTL_FINDING_H

#include "base/bits.h"

#include <jansson.h>

enum hk_level { HK_FINE, HK_NOTE, HK_PROBLEM };

struct hk_finding {
	enum hk_level level;
	const char *topic;   /* one word; constant */
	char *text, *remedy; /* remedy may be NULL */
};

struct hk_findings {
	char subject[320];
	int pid; /* 0: no process */
	struct hk_finding *at;
	unsigned n, problems;
};

/* Add one. */
void hk_found(struct hk_findings *all, enum hk_level level, const char *topic, const char *format, ...)
        HK_PRINTF(4, 5);
/* What to do about the one that was added last. */
void hk_remedy(struct hk_findings *all, const char *format, ...) HK_PRINTF(2, 3);
/* Are there any of that level about that topic? */
bool hk_found_any(const struct hk_findings *all, enum hk_level level, const char *topic);

/* On stdout, with those of at least this level. */
void hk_findings_print(const struct hk_findings *all, enum hk_level from, bool colour);
/* {"subject", "pid", "problems", "findings": [{"level", "topic", "text", "remedy"}]} */
json_t *hk_findings_json(const struct hk_findings *all);

#endif
