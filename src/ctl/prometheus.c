/* SPDX-License-Identifier: MIT
 *
 * One table says what each number of the verb stats is called outside, and in which base unit;
 * tests/control/prometheus.sh fails when stats has a number that is not here. Main thread only.
 */
#include "ctl/prometheus.h"
#include "ctl/counter_docs.h"
#include "ctl/output.h"

#include <inttypes.h>
#include <string.h>

struct metric {
	const char *field; /* of the reply */
	const char *name;  /* behind "hakmem_" */
	const char *label; /* one more label with its value, or NULL: rows of one name stand together */
	double scale;      /* to the base unit */
	bool counter;
	const char *help; /* NULL: what counter_docs.c says of the field */
};

#define GAUGE(field, name) {field, name, NULL, 1, false, NULL}
#define COUNTER(field, name) {field, name, NULL, 1, true, NULL}
#define CALL(call) {"sys_" call, "system_calls_total", "call=\"" call "\"", 1, true, "System calls for memory."}

/* clang-format off */
static const struct metric metrics[] = {
	GAUGE("processes", "processes"),
	GAUGE("applied", "applied_processes"),
	GAUGE("uptime_s", "uptime_seconds"),
	GAUGE("rss_bytes", "rss_bytes"),
	GAUGE("live_bytes", "live_bytes"),
	GAUGE("cached_bytes", "cached_bytes"),
	GAUGE("metadata_bytes", "metadata_bytes"),
	GAUGE("mapped_bytes", "mapped_bytes"),
	GAUGE("slab_bytes", "slab_bytes"),
	GAUGE("slab_free_bytes", "slab_free_bytes"),
	GAUGE("cache_bytes", "thread_cache_bytes"),
	GAUGE("free_run_bytes", "free_run_bytes"),
	GAUGE("dirty_bytes", "dirty_bytes"),
	GAUGE("large_live_bytes", "large_live_bytes"),
	GAUGE("large_live_blocks", "large_live_blocks"),
	GAUGE("bigcache_bytes", "bigcache_bytes"),
	GAUGE("bigcache_blocks", "bigcache_blocks"),
	GAUGE("threads", "threads"),
	GAUGE("mappings", "mappings"),
	GAUGE("tinypool_hit_rate", "tinypool_hit_ratio"),
	GAUGE("bigcache_hit_rate", "bigcache_hit_ratio"),
	COUNTER("tiny_allocs", "tiny_allocs_total"),
	COUNTER("tiny_refills", "tiny_refills_total"),
	COUNTER("medium_allocs", "medium_allocs_total"),
	COUNTER("medium_refills", "medium_refills_total"),
	COUNTER("flushes", "flushes_total"),
	COUNTER("large_allocs", "large_allocs_total"),
	COUNTER("large_frees", "large_frees_total"),
	COUNTER("slab_bytes_out", "slab_out_bytes_total"),
	COUNTER("slab_bytes_in", "slab_in_bytes_total"),
	COUNTER("slabs_made", "slabs_made_total"),
	COUNTER("slabs_freed", "slabs_freed_total"),
	COUNTER("bigcache_hits", "bigcache_hits_total"),
	COUNTER("bigcache_misses", "bigcache_misses_total"),
	COUNTER("purged_bytes", "purged_bytes_total"),
	COUNTER("purge_batches", "purge_batches_total"),
	COUNTER("purge_ranges", "purge_ranges_total"),
	{"purge_ns", "purge_seconds_total", NULL, 1e-9, true, "Seconds spent in purges."},
	COUNTER("trims", "trims_total"),
	COUNTER("pressure_trims", "pressure_trims_total"),
	COUNTER("soft_limit_hits", "soft_limit_hits_total"),
	COUNTER("hard_limit_hits", "hard_limit_hits_total"),
	COUNTER("enomem", "enomem_total"),
	COUNTER("windows", "windows_total"),
	COUNTER("samples", "samples_total"),
	CALL("mmap"), CALL("munmap"), CALL("madvise"), CALL("mremap"),
};
/* clang-format on */
_Static_assert(HK_COUNT(metrics) <= HK_PROM_COUNTERS, "struct hk_prom_memory has a place for each row");

/* ---- the format ---- */

/* name="value" with what the format wants escaped; a stranger's bytes become valid UTF-8. */
static void put_label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	value = value[0] != '\0' ? hk_out_safe(value) : "";
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', to);
		fputc(*value, to);
	}
	fputc('"', to);
}

void hk_prom_head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Up to the labels that every sample has; the brace stays open. */
static void begin_sample(FILE *to, const char *name, const struct hk_answer *answer)
{
	fprintf(to, "%s{", name);
	put_label(to, "unit", hk_service_unit(answer->service));
	fputc(',', to);
	put_label(to, "program", hk_service_name(answer->service));
	fprintf(to, ",pid=\"%d\"", (int) answer->service->seen.pid);
}

/* ---- what is written ---- */

static bool answered(const struct hk_answer *answer)
{
	return answer->error[0] == '\0' && answer->reply != NULL;
}

static void write_value(FILE *to, const struct metric *metric, const json_t *value)
{
	double number = json_number_value(value);

	/* A sum that is short below zero for a moment reads as an enormous one. */
	if (!metric->counter && number >= 0x1p63)
		number = 0;
	if (number >= (double) INT64_MIN && number < 0x1p63 && number == (double) (int64_t) number * metric->scale)
		fprintf(to, "} %" PRId64 "\n", (int64_t) number);
	else
		fprintf(to, "} %.9g\n", number * metric->scale);
}

static void write_metric(FILE *to, const struct metric *metric, bool head, const struct hk_answer *answers, unsigned n)
{
	char name[80];

	snprintf(name, sizeof name, "hakmem_%s", metric->name);
	if (head)
		hk_prom_head(to, name, metric->counter ? "counter" : "gauge",
		             metric->help != NULL ? metric->help : hk_counter_doc(metric->field));
	for (unsigned i = 0; i < n; i++) {
		const json_t *value = json_object_get(answers[i].reply, metric->field);
		if (!answered(&answers[i]) || !json_is_number(value))
			continue;
		begin_sample(to, name, &answers[i]);
		if (metric->label != NULL)
			fprintf(to, ",%s", metric->label);
		write_value(to, metric, value);
	}
}

/* What is not a number: who it is, how it runs. */
static void write_texts(FILE *to, const struct hk_answer *answers, unsigned n)
{
	hk_prom_head(to, "hakmem_info", "gauge", "What runs: always 1.");
	for (unsigned i = 0; i < n; i++) {
		if (!answered(&answers[i]))
			continue;
		begin_sample(to, "hakmem_info", &answers[i]);
		fputc(',', to);
		put_label(to, "version", hk_out_text(answers[i].reply, "version"));
		fputc(',', to);
		put_label(to, "mode", hk_out_text(answers[i].reply, "mode"));
		fputs("} 1\n", to);
	}
	hk_prom_head(to, "hakmem_phase", "gauge", "Phase of the ELO engine: 1 for the one that it is in.");
	for (unsigned i = 0; i < n; i++)
		for (unsigned p = 0; answered(&answers[i]) && p < HK_COUNT(hk_phase_names); p++) {
			begin_sample(to, "hakmem_phase", &answers[i]);
			fprintf(to, ",phase=\"%s\"} %d\n", hk_phase_names[p],
			        strcmp(hk_phase_names[p], hk_out_text(answers[i].reply, "phase")) == 0);
		}
}

void hk_prom_write(FILE *to, const struct hk_answer *answers, unsigned n)
{
	hk_prom_head(to, "hakmem_services", "gauge", "Services on this host that run under hakmem.");
	fprintf(to, "hakmem_services %u\n", n);
	if (n == 0)
		return;
	hk_prom_head(to, "hakmem_up", "gauge", "1 if the service answered, 0 if it could not be asked.");
	for (unsigned i = 0; i < n; i++) {
		begin_sample(to, "hakmem_up", &answers[i]);
		fprintf(to, "} %d\n", answered(&answers[i]));
	}
	for (unsigned i = 0, ok = 0; i < n; i++)
		if (answered(&answers[i]) && ok++ == 0)
			write_texts(to, answers, n);
	for (unsigned m = 0; m < HK_COUNT(metrics); m++) {
		bool any = false;
		for (unsigned i = 0; i < n; i++)
			any |= answered(&answers[i]) && json_is_number(json_object_get(answers[i].reply, metrics[m].field));
		if (any)
			write_metric(to, &metrics[m], m == 0 || strcmp(metrics[m].name, metrics[m - 1].name) != 0, answers, n);
	}
}

void hk_prom_steady(struct hk_prom_memory *memory, json_t *reply)
{
	double uptime_s = hk_out_real(reply, "uptime_s");

	if (uptime_s < memory->uptime_s) /* another program in the same process */
		memset(memory, 0, sizeof *memory);
	memory->uptime_s = uptime_s;
	for (unsigned m = 0; m < HK_COUNT(metrics); m++) {
		const json_t *value = json_object_get(reply, metrics[m].field);
		double now = json_number_value(value);
		if (!metrics[m].counter || !json_is_number(value))
			continue;
		if (now < memory->last[m] || now >= 0x1p63) /* … or below zero */
			json_object_set_new(reply, metrics[m].field, json_real(memory->last[m]));
		else
			memory->last[m] = now;
	}
}
