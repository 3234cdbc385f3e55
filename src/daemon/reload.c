/* SPDX-License-Identifier: MIT
 *
 * A changed file: our own is validated first, with the linter of hakmemctl check, and changes nothing while it has
 * a mistake; then every service that goes by it reads it again, all at once, and who took it and who did not is
 * logged. Files that only services know are validated by these.
 */
#include "daemon/daemon.h"
#include "ctl/lint.h"
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	unsigned long clean, refused;           /* changes of our own files */
	unsigned long taken, declined, unanswered; /* by services */
	unsigned errors;                        /* in our own files, when they were last looked at */
} counts;

/* What came of it in all. */
struct tally {
	unsigned all, taken, refused, pending;
};

bool hk_reload_check(void)
{
	struct hk_lint lint;

	hk_lint_run(hk_own.identity.conf, &lint);
	counts.errors = lint.errors;
	for (size_t i = 0; i < json_array_size(lint.messages); i++) {
		const json_t *message = json_array_get(lint.messages, i);
		bool is_error = hk_out_text(message, "level")[0] == 'e';
		hk_log(is_error ? HK_LOG_ERROR : HK_LOG_WARNING, "%s: %s", is_error ? "error" : "warning",
		       json_string_value(json_object_get(message, "message")));
	}
	hk_lint_drop(&lint);
	return counts.errors == 0;
}

/* ---- one service's answer ---- */

static void log_list(const char *label, const char *what, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		hk_log(HK_LOG_WARNING, "%s: %s%s", label, what, hk_out_safe(json_string_value(json_array_get(list, i))));
}

static void log_taken(const char *label, const json_t *reply, struct tally *tally)
{
	unsigned applied = (unsigned) hk_out_uint(reply, "applied"), all = (unsigned) hk_out_uint(reply, "processes");
	const json_t *changed = json_object_get(reply, "changed"), *pending = json_object_get(reply, "pending");
	const json_t *vain = json_object_get(reply, "overridden");
	char text[800] = "";
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(changed) && n < sizeof text - 1; i++) {
		const json_t *key = json_array_get(changed, i);
		n += (size_t) snprintf(text + n, sizeof text - n, "%s%s = %s (was %s)", i > 0 ? ", " : "",
		                       hk_out_text(key, "key"), hk_out_text(key, "new"), hk_out_text(key, "old"));
	}
	hk_log(HK_LOG_INFO, "%s: took it: %s", label, text[0] != '\0' ? text : "no live value is different");
	if (applied < all)
		hk_log(HK_LOG_INFO, "%s: applied by %u of %u process%s so far, by the rest when they next allocate", label,
		       applied, all, all == 1 ? "" : "es");
	for (size_t i = 0; i < json_array_size(pending); i++)
		hk_log(HK_LOG_INFO, "%s: %s", label, hk_out_pending(json_array_get(pending, i)));
	for (size_t i = 0; i < json_array_size(vain); i++)
		hk_log(HK_LOG_WARNING, "%s: %s", label, hk_out_overridden(json_array_get(vain, i)));
	log_list(label, "warning: ", json_object_get(reply, "warnings"));
	tally->taken++;
	tally->pending += applied < all || json_array_size(pending) > 0;
	counts.taken++;
}

static void log_answer(const struct hk_known *known, const struct hk_answer *answer, struct tally *tally)
{
	tally->all++;
	if (answer->note[0] != '\0')
		hk_log(HK_LOG_INFO, "%s: %s", known->label, hk_out_safe(answer->note));
	if (answer->error[0] == '\0') {
		log_taken(known->label, answer->reply, tally);
		return;
	}
	if (hk_scan_start_time(known->pid) != known->start_time) {
		hk_log(HK_LOG_INFO, "%s: ended meanwhile", known->label);
		tally->all--;
		return;
	}
	tally->refused++;
	if (answer->reply != NULL)
		counts.declined++;
	else
		counts.unanswered++;
	hk_log(HK_LOG_ERROR, "%s: %s: %s", known->label, answer->reply != NULL ? "refused" : "not reloaded",
	       hk_out_safe(answer->error));
	log_list(known->label, "", json_object_get(answer->reply, "errors"));
}

/* ---- all of them ---- */

static bool uses(unsigned i, const void *set)
{
	return hk_watch_uses(set, i);
}

/* Who is left alone, and why. */
static void log_others(const struct hk_set *set)
{
	for (unsigned i = 0; i < hk_roster()->n; i++) {
		const struct hk_known *known = hk_roster_known(i);
		const struct hk_seen *seen = &hk_roster()->at[i].seen;
		if (hk_watch_uses(set, i))
			continue;
		if (!known->conf_known)
			hk_log(HK_LOG_WARNING, "%s: left alone: it does not say which file it was started with", known->label);
		else if (strcmp(known->conf, set->conf) != 0)
			hk_log(HK_LOG_INFO, "%s: left alone: it was started with %s, which has not changed", known->label,
			       hk_out_safe(hk_watch_name(known->conf)));
		else if (seen->root_inode != 0)
			hk_log(HK_LOG_INFO, "%s: left alone: it has a root directory of its own, where nothing has changed",
			       known->label);
	}
}

void hk_reload_set(const struct hk_set *changed)
{
	struct hk_set set = *changed; /* its owner may be gone before the answers are there */
	struct hk_answer *answers;
	struct tally tally = {0};
	unsigned *which, n;

	hk_log(HK_LOG_INFO, "%s%s has changed", hk_out_safe(hk_watch_name(set.conf)),
	       set.conf[0] == '\0' ? " or a drop-in" : "");
	if (set.ours && !hk_reload_check()) {
		counts.refused++;
		hk_log(HK_LOG_ERROR, "%u error%s (above): nothing is changed until the file is in order", counts.errors,
		       counts.errors == 1 ? "" : "s");
		return;
	}
	counts.clean += set.ours;
	if (set.ours)
		hk_own_read();
	if (!hk_own.settings.reload) {
		hk_log(HK_LOG_INFO, "reload = manual: nothing is handed on (hakmemctl reload --all does)");
		return;
	}
	n = hk_roster_ask("reload", true, uses, &set, &answers, &which);
	for (unsigned i = 0; i < n; i++)
		log_answer(hk_roster_known(which[i]), &answers[i], &tally);
	hk_answers_drop(answers, n);
	free(answers);
	free(which);
	if (set.ours)
		log_others(&set);
	hk_log(tally.refused > 0 ? HK_LOG_WARNING : HK_LOG_INFO,
	       "%u service%s read it again: %u took it (%u with something pending), %u did not", tally.all,
	       tally.all == 1 ? "" : "s", tally.taken, tally.pending, tally.refused);
}

void hk_reload_metrics(FILE *to)
{
	hk_prom_head(to, "hakmemd_config_errors", "gauge", "Errors in the configuration files when they were last read.");
	fprintf(to, "hakmemd_config_errors %u\n", counts.errors);
	hk_prom_head(to, "hakmemd_file_changes_total", "counter", "Changes of the configuration files that were noticed.");
	fprintf(to, "hakmemd_file_changes_total{result=\"clean\"} %lu\nhakmemd_file_changes_total{result=\"refused\"} %lu\n",
	        counts.clean, counts.refused);
	hk_prom_head(to, "hakmemd_reloads_total", "counter", "Reloads of services, by what became of them.");
	fprintf(to,
	        "hakmemd_reloads_total{result=\"taken\"} %lu\nhakmemd_reloads_total{result=\"refused\"} %lu\n"
	        "hakmemd_reloads_total{result=\"unanswered\"} %lu\n",
	        counts.taken, counts.declined, counts.unanswered);
}
