/* SPDX-License-Identifier: MIT
 *
 * The main program of hkbench and hkbench_cxx: runs one allocation scenario with whatever malloc the
 * process has (LD_PRELOAD chooses it) and prints one line of key=value figures. Its own bookkeeping is
 * static, so that the allocator under test sees nothing but the scenario.
 */
#include "hakmem.h"
#include "hkbench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LAPS (1U << 15)
#define THREADS 4 /* where neither the user nor the scenario says how many */

unsigned thread_count;
static float laps[LAPS];
static uint32_t lap_next;
static uint64_t lap_last, rested_ns;

/* Resident memory over time: the sum of bytes × ns, looked at twice a millisecond at most. */
#define RSS_PAUSE_NS 500000U
static int statm = -1;
static uint64_t rss_last, rss_ns;
static double rss_sum;

/* What hakmem says of itself, when it is the malloc of this process. */
extern int hakmem_stats(const char *name, uint64_t *ret_value) __attribute__((weak));
extern const char *hakmem_phase(void) __attribute__((weak));

/* Large allocations until learning had ended; 0 when there was none, or it has not. */
static uint64_t learned_after;
static int learning;

void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

void *must(void *p)
{
	if (p == NULL)
		die("out of memory");
	return p;
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000000000U + (uint64_t) ts.tv_nsec;
}

static void rss_look(uint64_t now)
{
	char text[128];
	char *at;
	ssize_t n;
	if (now - rss_last < RSS_PAUSE_NS || statm < 0 || (n = pread(statm, text, sizeof text - 1, 0)) <= 0)
		return;
	text[n] = 0;
	at = strchr(text, ' ');
	rss_sum += at == NULL ? 0 : (double) strtoul(at, NULL, 10) * 4096 * (double) (now - rss_last);
	rss_ns += now - rss_last;
	rss_last = now;
}

static int phase_is(const char *name)
{
	const char *phase = hakmem_phase != NULL ? hakmem_phase() : NULL;
	return phase != NULL && strcmp(phase, name) == 0;
}

/* When the table is full, the newest laps take the place of the oldest. */
void lap(uint32_t operations)
{
	uint64_t now = now_ns();
	laps[lap_next++ % LAPS] = (float) (now - lap_last) / (float) operations;
	if (learning && !phase_is("LEARN")) {
		learning = 0;
		(void) hakmem_stats("large_allocs", &learned_after);
		now = now_ns();
	}
	lap_last = now;
	rss_look(now);
}

void rest(unsigned ms)
{
	uint64_t start = now_ns();
	struct timespec slice = {.tv_nsec = 10000000};
	while (now_ns() - start < (uint64_t) ms * 1000000) {
		nanosleep(&slice, NULL);
		rss_look(now_ns());
	}
	rested_ns += now_ns() - start;
	lap_last = now_ns();
}

enum { TINY_ALLOCS, TINY_REFILLS, BIG_HITS, BIG_MISSES, PURGE_BATCHES, COUNTERS };
static const char *const counter_names[COUNTERS] = {"tiny_allocs", "tiny_refills", "bigcache_hits",
                                                    "bigcache_misses", "purge_batches"};
#define RATE_LEAST 100 /* of fewer events a rate says nothing */

static void read_counters(uint64_t value[COUNTERS])
{
	for (unsigned i = 0; i < COUNTERS; i++)
		if (hakmem_stats == NULL || hakmem_stats(counter_names[i], &value[i]) != 0)
			value[i] = 0;
}

static void print_rate(const char *name, uint64_t hits, uint64_t misses)
{
	if (hits + misses >= RATE_LEAST)
		printf(" %s=%.4f", name, (double) hits / (double) (hits + misses));
}

static void print_counters(const uint64_t before[COUNTERS])
{
	uint64_t n[COUNTERS];
	if (hakmem_phase == NULL || hakmem_phase() == NULL)
		return;
	read_counters(n);
	uint64_t allocs = n[TINY_ALLOCS] - before[TINY_ALLOCS], refills = n[TINY_REFILLS] - before[TINY_REFILLS];
	print_rate("hit_rate_tiny", allocs > refills ? allocs - refills : 0, refills < allocs ? refills : allocs);
	print_rate("hit_rate_big", n[BIG_HITS] - before[BIG_HITS], n[BIG_MISSES] - before[BIG_MISSES]);
	if (learned_after != 0)
		printf(" learned_after=%llu", (unsigned long long) learned_after);
	printf(" purge_batches=%llu phase=%s", (unsigned long long) (n[PURGE_BATCHES] - before[PURGE_BATCHES]),
	       hakmem_phase());
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *) a, y = *(const float *) b;
	return (x > y) - (x < y);
}

static double percentile(uint32_t count, unsigned per_mille)
{
	return count == 0 ? 0 : (double) laps[(uint64_t) (count - 1) * per_mille / 1000];
}

/* A "Name:  value kB" of /proc/self/status. The peak of getrusage would include the program that
   started this one: it survives exec. */
static long status_kb(const char *name)
{
	char buf[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return 0;
	buf[n] = 0;
	const char *at = strstr(buf, name);
	return at == NULL ? 0 : strtol(at + strlen(name), NULL, 10);
}

static uint64_t micros(struct timeval t)
{
	return (uint64_t) t.tv_sec * 1000000U + (uint64_t) t.tv_usec;
}

static void run(const struct scenario *scenario, uint64_t iterations, uint64_t warmup)
{
	struct rusage before, after;
	uint64_t counted[COUNTERS];
	if (warmup != 0)
		scenario->run(warmup);
	read_counters(counted);
	getrusage(RUSAGE_SELF, &before);
	uint64_t warmup_us = micros(before.ru_utime) + micros(before.ru_stime);
	long warmup_faults = before.ru_minflt;
	learning = phase_is("LEARN");
	lap_next = 0;
	rested_ns = 0;
	rss_sum = 0;
	rss_ns = 0;
	statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	getrusage(RUSAGE_SELF, &before);
	uint64_t start = now_ns();
	lap_last = rss_last = start;
	scenario->run(iterations);
	uint64_t wall = now_ns() - start - rested_ns;
	getrusage(RUSAGE_SELF, &after);
	long rss = status_kb("VmRSS:"), peak = status_kb("VmHWM:");
	uint32_t count = lap_next < LAPS ? lap_next : LAPS;
	qsort(laps, count, sizeof laps[0], by_value);
	uint64_t user = micros(after.ru_utime) - micros(before.ru_utime);
	uint64_t sys = micros(after.ru_stime) - micros(before.ru_stime);
	printf("scenario=%s iterations=%llu wall_ns=%llu cpu_ns=%llu user_ns=%llu sys_ns=%llu "
	       "per_second=%.0f "
	       "p50_ns=%.1f p95_ns=%.1f p99_ns=%.1f minor_faults=%ld major_faults=%ld peak_kb=%ld "
	       "after_kb=%ld mean_kb=%.0f warmup_cpu_ns=%llu warmup_faults=%ld",
	       scenario->name, (unsigned long long) iterations, (unsigned long long) wall,
	       (unsigned long long) (user + sys) * 1000, (unsigned long long) user * 1000,
	       (unsigned long long) sys * 1000, (double) iterations * 1e9 / (double) (wall | 1),
	       percentile(count, 500), percentile(count, 950), percentile(count, 990),
	       after.ru_minflt - before.ru_minflt, after.ru_majflt - before.ru_majflt, peak, rss,
	       rss_ns != 0 ? rss_sum / (double) rss_ns / 1024 : (double) rss,
	       (unsigned long long) warmup_us * 1000, warmup_faults);
	print_counters(counted);
	putchar('\n');
}

static int usage(FILE *to, int code)
{
	const char *self = program_invocation_short_name;
	fprintf(to, "usage: %s SCENARIO [--iterations N] [--warmup N] [--threads N]\n       %s --list\n",
	        self, self);
	for (size_t i = 0; i < scenario_count; i++)
		fprintf(to, "  %-18s %s (%llu times)\n", scenarios[i].name, scenarios[i].doc,
		        (unsigned long long) scenarios[i].iterations);
	return code;
}

static int list(void)
{
	for (size_t i = 0; i < scenario_count; i++)
		printf("%s %llu\n", scenarios[i].name, (unsigned long long) scenarios[i].iterations);
	return 0;
}

int main(int argc, char **argv)
{
	const struct scenario *scenario = NULL;
	uint64_t iterations = 0, warmup = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			return list();
		if (strcmp(argv[i], "--help") == 0)
			return usage(stdout, 0);
		if (strncmp(argv[i], "--", 2) == 0 && i + 1 < argc) {
			uint64_t value = strtoull(argv[i + 1], NULL, 10);
			if (strcmp(argv[i], "--iterations") == 0)
				iterations = value;
			else if (strcmp(argv[i], "--warmup") == 0)
				warmup = value;
			else if (strcmp(argv[i], "--threads") == 0 && value >= 1 && value <= 256)
				thread_count = (unsigned) value;
			else
				return usage(stderr, 2);
			i++;
			continue;
		}
		for (size_t j = 0; j < scenario_count; j++)
			if (strcmp(argv[i], scenarios[j].name) == 0)
				scenario = &scenarios[j];
		if (scenario == NULL)
			return usage(stderr, 2);
	}
	if (scenario == NULL)
		return usage(stderr, 2);
	if (thread_count == 0)
		thread_count = scenario->threads != 0 ? scenario->threads : THREADS;
	run(scenario, iterations != 0 ? iterations : scenario->iterations, warmup);
	return 0;
}
