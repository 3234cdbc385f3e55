/* SPDX-License-Identifier: MIT
 *
 * Every process of the host, once a second. The list of /proc is cheap; a look at the maps of one is not, so each
 * process is looked at some times while it is young (a unit's process exists before it executes its program) and
 * then once a minute; those of interest every few seconds. Looks run on worker threads, because the kernel may
 * make them wait for their target: a process that is being looked at is not looked at again.
 */
#include "daemon/daemon.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#define ROUND_MS 1000
#define YOUNG 5        /* rounds with a look in each */
#define SELDOM 60      /* rounds between looks at the others … */
#define OFTEN 5        /* … and at those of interest */
#define STUCK_MS 5000  /* a look that takes so long */
#define STUCK_MANY 8   /* from so many on, whoever has one gets no other */
#define BUCKETS 4096

struct process {
	struct process *next;
	pid_t pid;
	uid_t uid;
	unsigned age, mark;
	bool looking, gone, due;
	uint64_t since_ms;    /* of the look under way */
	struct hk_seen *seen; /* NULL: none of ours */
};

struct look {
	uv_work_t work;
	struct process *process;
	struct hk_seen seen;
};

static struct process *table[BUCKETS];
static unsigned mark;
static bool changed;
static uint64_t last_round_ms;
static uv_timer_t timer;

static struct process **bucket(pid_t pid)
{
	return &table[(unsigned) pid % BUCKETS];
}

static struct process *find(pid_t pid)
{
	struct process *p = *bucket(pid);

	while (p != NULL && p->pid != pid)
		p = p->next;
	return p;
}

static void forget_seen(struct process *p)
{
	changed |= p->seen != NULL;
	free(p->seen);
	p->seen = NULL;
}

/* ---- looks ---- */

static void work(uv_work_t *request)
{
	struct look *look = request->data;

	hk_scan_process(look->seen.pid, &look->seen);
}

/* Nothing that the list of services shows, that asking goes by, or that tells which files it reads is different. */
static bool is_same(const struct hk_seen *a, const struct hk_seen *b)
{
	return a->state == b->state && a->start_time == b->start_time && a->block == b->block && a->inode == b->inode &&
	       a->device == b->device && a->root_inode == b->root_inode && a->root_device == b->root_device &&
	       a->uid == b->uid && a->gid == b->gid && a->first_pid == b->first_pid && strcmp(a->unit, b->unit) == 0 &&
	       strcmp(a->comm, b->comm) == 0 && strcmp(a->program, b->program) == 0 && strcmp(a->conf, b->conf) == 0;
}

static void take(struct process *p, const struct hk_seen *seen)
{
	struct hk_seen *copy;

	if (seen->state == HK_SEEN_NOTHING || seen->state == HK_SEEN_HIDDEN) {
		forget_seen(p);
		return;
	}
	if (p->seen != NULL && is_same(p->seen, seen))
		return;
	copy = malloc(sizeof *copy);
	if (copy == NULL)
		return;
	*copy = *seen;
	free(p->seen);
	p->seen = copy;
	changed = true;
}

static void after(uv_work_t *request, int status)
{
	struct look *look = request->data;
	struct process *p = look->process;

	(void) status;
	p->looking = false;
	if (p->gone)
		free(p);
	else
		take(p, &look->seen);
	free(look);
}

unsigned hk_processes_stuck(void)
{
	unsigned n = 0;

	for (unsigned b = 0; b < BUCKETS; b++)
		for (const struct process *p = table[b]; p != NULL; p = p->next)
			n += p->looking && uv_now(uv_default_loop()) - p->since_ms > STUCK_MS;
	return n;
}

static bool has_stuck(uid_t uid)
{
	for (unsigned b = 0; b < BUCKETS; b++)
		for (const struct process *p = table[b]; p != NULL; p = p->next)
			if (p->looking && p->uid == uid && uv_now(uv_default_loop()) - p->since_ms > STUCK_MS)
				return true;
	return false;
}

static void start_look(struct process *p, unsigned stuck)
{
	struct look *look;
	char path[32];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%d", (int) p->pid);
	if (stat(path, &st) != 0)
		return;
	p->uid = st.st_uid;
	if (stuck >= STUCK_MANY && has_stuck(p->uid))
		return;
	look = calloc(1, sizeof *look);
	if (look == NULL)
		return;
	look->work.data = look;
	look->process = p;
	look->seen.pid = p->pid;
	p->due = false;
	p->since_ms = uv_now(uv_default_loop());
	p->looking = uv_queue_work(uv_default_loop(), &look->work, work, after) == 0;
	if (!p->looking)
		free(look);
}

/* ---- rounds ---- */

static void note(pid_t pid)
{
	struct process *p = find(pid);

	if (p == NULL) {
		p = calloc(1, sizeof *p);
		if (p == NULL)
			return;
		p->pid = pid;
		p->next = *bucket(pid);
		*bucket(pid) = p;
	}
	p->mark = mark;
}

static bool list_all(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t pid, own = getpid();

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL) {
		pid = isdigit((unsigned char) entry->d_name[0]) ? (pid_t) atoi(entry->d_name) : 0;
		if (pid > 0 && pid != own)
			note(pid);
	}
	closedir(dir);
	return true;
}

static bool is_due(struct process *p)
{
	unsigned every = p->seen != NULL ? OFTEN : SELDOM;

	/* The number now belongs to another process. */
	if (p->seen != NULL && hk_scan_start_time(p->pid) != p->seen->start_time) {
		forget_seen(p);
		p->age = 0;
	}
	return p->due || p->age < YOUNG || (p->age + (unsigned) p->pid) % every == 0;
}

static void sweep(struct process **at, unsigned stuck)
{
	while (*at != NULL) {
		struct process *p = *at;
		if (p->mark == mark) {
			if (!p->looking && is_due(p))
				start_look(p, stuck);
			p->age++;
			at = &p->next;
			continue;
		}
		*at = p->next;
		forget_seen(p);
		if (p->looking)
			p->gone = true; /* its look frees it */
		else
			free(p);
	}
}

static void round_of_looks(uv_timer_t *handle)
{
	unsigned stuck = hk_processes_stuck();

	(void) handle;
	mark++;
	if (!list_all())
		return;
	for (unsigned b = 0; b < BUCKETS; b++)
		sweep(&table[b], stuck);
	last_round_ms = uv_now(uv_default_loop());
}

void hk_processes_start(void)
{
	uv_timer_init(uv_default_loop(), &timer);
	uv_timer_start(&timer, round_of_looks, 0, ROUND_MS);
}

bool hk_processes_changed(void)
{
	bool was = changed;

	changed = false;
	return was;
}

void hk_processes_list(struct hk_services *ret)
{
	for (unsigned b = 0; b < BUCKETS; b++)
		for (const struct process *p = table[b]; p != NULL; p = p->next)
			if (p->seen != NULL)
				hk_services_add_seen(ret, p->seen);
}

void hk_processes_doubt(pid_t pid)
{
	struct process *p = find(pid);

	if (p != NULL)
		p->due = true;
}

uint64_t hk_processes_age_ms(void)
{
	return uv_now(uv_default_loop()) - last_round_ms;
}
