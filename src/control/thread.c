/* SPDX-License-Identifier: MIT
 *
 * The control thread: a guest in somebody else's process. It has a descriptor table of its own, so the
 * program can neither see nor close its sockets; it takes no signals, allocates nothing from the heap, and
 * leaves when the program's main thread does. A poll(2) loop and no library, because every library that brings
 * an event loop also brings process-wide state that meets the program's (see ARCHITECTURE.md).
 */
#include "control/door.h"

#include "base/sys.h"
#include "control/process.h"
#include "core/knobs.h"
#include "core/purge.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#define HK_CLOSE_RANGE_UNSHARE 2U
#define HK_PIDFD_THREAD O_EXCL /* Linux 6.9 to 6.14: readable when that thread ends, though others live on */

#define HK_STACK_SIZE ((size_t) 256 * 1024) /* besides thread-locals; only touched pages count */
#define HK_STACK_MAX ((size_t) 64 * 1024 * 1024)
#define HK_READY_STEPS 200                  /* of 50 µs: how long main may have to wait for the socket */
#define HK_TICK_BUSY_MS 500                 /* at most, while free memory waits to be returned */
#define HK_TICK_WATCH_MS 500                /* with reload = auto */
#define HK_TICK_SETTLE_MS 100               /* … while a change comes to rest */
#define HK_TICK_LEADER_MS 1000              /* where the kernel cannot tell us that the main thread ended */
#define HK_TICK_IDLE_MS 5000

static struct {
	struct hk_door *door; /* NULL: no thread in this process */
	pthread_t thread;
	_Atomic bool ended; /* the door is closed */
	_Atomic bool left;  /* the main thread is about to end, or wants to be the only one */
	pthread_key_t key; /* of the main thread: thrd_exit and pthread_cancel end it without our pthread_exit */
} own;

/* ---- settling in ---- */

/* Those that /proc lists: false, if it lists none. */
static bool close_listed(void)
{
	char buf[2048] HK_ALIGNED(8);
	int dir = open("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n;

	if (dir < 0)
		return false;
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *e = (const struct dirent64 *) (const void *) (buf + at);
			int fd = e->d_name[0] == '.' ? dir : atoi(e->d_name);

			at += e->d_reclen;
			if (fd != dir)
				(void) close(fd);
		}
	}
	(void) close(dir);
	return n == 0;
}

/* Without close_range(2). A limit may be lower than what is open. */
static int close_all(void)
{
	struct rlimit limit;

	if (unshare(CLONE_FILES) != 0)
		return -errno;
	if (close_listed())
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > 1048576)
		limit.rlim_cur = 1048576;
	for (int fd = 0; fd < (int) limit.rlim_cur; fd++)
		(void) close(fd);
	return 0;
}

/* A private, empty descriptor table, then three descriptors that swallow stray output. */
static int take_descriptors(void)
{
	if (syscall(SYS_close_range, 0U, ~0U, HK_CLOSE_RANGE_UNSHARE) != 0) {
		int r = close_all();
		if (r != 0)
			return r;
	}
	for (int fd = 0; fd < 3; fd++)
		if (open("/dev/null", O_RDWR) < 0 && open("/", O_PATH) < 0)
			return -errno;
	return 0;
}

static int settle_in(struct hk_door *door)
{
	int r = take_descriptors();

	door->listener = -1;
	if (r != 0)
		return r;
	(void) prctl(PR_SET_NAME, "hakmem");
	hk_sys_prompt();
	door->leader = (int) syscall(SYS_pidfd_open, getpid(), HK_PIDFD_THREAD);
	door->stat = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	if (door->leader < 0 && door->stat < 0) /* see leader_is_gone */
		return -errno;
	r = hk_socket_open(door);
	atomic_store_explicit(&door->block->thread_error, -r, memory_order_relaxed);
	return 0;
}

/* ---- the loop ---- */

/* Ended, as far as /proc tells; what cannot be told counts as well: who does not see it end would keep the process alive. */
static bool leader_is_gone(const struct hk_door *door)
{
	char text[256], *p;
	/* Not by its name: the thread sanitizer would take the descriptor for the program's of that number. */
	ssize_t n = syscall(SYS_pread64, door->stat, text, sizeof(text) - 1, (off_t) 0);

	if (n <= 0)
		return n == 0 || errno != EINTR;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p == NULL || (p[1] == ' ' && p[2] == 'Z');
}

/* poll(2) was refused, by a filter or because the program allows itself fewer descriptors than are looked at here. Maybe not
   for ever; but turns must not come faster for it. False: nothing is left to wait by. */
static bool wait_without_poll(const struct hk_door *door)
{
	const struct timespec turn = {.tv_sec = HK_TICK_LEADER_MS / 1000};
	int state, r;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	r = nanosleep(&turn, NULL);
	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return (r == 0 || errno == EINTR) && !leader_is_gone(door);
}

/* One look after everything that goes by time; returns when to look again, in ms. */
static int tick(struct hk_door *door)
{
	uint64_t delay_ms = HK_KNOB(purge_delay_ns) / 1000000;
	int next = door->leader >= 0 ? HK_TICK_IDLE_MS : HK_TICK_LEADER_MS;

	hk_clients_expire(door);
	hk_watch_look(door);
	if (door->watch.on)
		next = (int) hk_min((size_t) next, door->watch.settling ? HK_TICK_SETTLE_MS : HK_TICK_WATCH_MS);
	if (hk_purge_drive() != 0)
		next = (int) hk_min(hk_max(delay_ms / 2, 10), hk_min((size_t) next, HK_TICK_BUSY_MS));
	else if ((uint64_t) next > hk_max(delay_ms, 1000))
		next = (int) hk_max(delay_ms, 1000); /* the program may have freed something meanwhile */
	return next;
}

/* The only place where the thread may be cancelled, which is how hk_thread_leave wakes it. */
static int wait(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int state, r;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	r = poll(fds, n, timeout_ms);
	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return r;
}

/* Until the main thread ends, or has left us behind. */
static void serve(struct hk_door *door)
{
	struct pollfd fds[2 + HK_CLIENTS];
	struct hk_client *clients[HK_CLIENTS];
	uint64_t due = 0;

	while (!atomic_load_explicit(&own.left, memory_order_acquire)) {
		uint64_t now = hk_sys_precise_ns();
		int rest, ms;
		unsigned n;

		if (now >= due) {
			if (door->stat >= 0 && leader_is_gone(door)) /* the process has to end with its other threads, not with us */
				return;
			due = now + (uint64_t) tick(door) * 1000000U;
			hk_clients_pardon(door);
		}
		rest = hk_clients_due(door);
		fds[0] = (struct pollfd){.fd = hk_clients_resting(door) ? -1 : door->listener, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = door->leader, .events = POLLIN};
		n = hk_clients_poll(door, fds + 2, clients);
		now = hk_sys_precise_ns();
		ms = due > now ? (int) ((due - now) / 1000000U) + 1 : 0;
		if (wait(fds, 2 + n, rest >= 0 && rest < ms ? rest : ms) < 0) {
			if (errno != EINTR && !wait_without_poll(door))
				return;
			continue;
		}
		if (fds[1].revents != 0)
			return;
		hk_clients_serve(door, fds + 2, clients, n);
		if (fds[0].revents != 0)
			hk_clients_accept(door);
	}
}

static void close_door(struct hk_door *door)
{
	if (door->listener >= 0)
		(void) unlink(door->socket);
	if (atomic_load_explicit(&door->block->thread_state, memory_order_relaxed) != HK_THREAD_FAILED) /* that says more */
		atomic_store_explicit(&door->block->thread_state, HK_THREAD_GONE, memory_order_release);
}

static void *run(void *arg)
{
	struct hk_door *door = arg;
	int state, r;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	r = settle_in(door);
	if (r != 0)
		atomic_store_explicit(&door->block->thread_error, -r, memory_order_relaxed);
	atomic_store_explicit(&door->block->thread_state, r == 0 ? HK_THREAD_RUNNING : HK_THREAD_FAILED,
	                      memory_order_release);
	atomic_store_explicit(&door->ready, 1, memory_order_release);
	if (r == 0) {
		if (atomic_load_explicit(&own.ended, memory_order_acquire)) /* by hk_thread_stop, before there was a socket */
			close_door(door);
		serve(door);
		close_door(door);
	}
	return NULL;
}

/* ---- start ---- */

/*
 * Under systemd only the unit's main process gets a thread, not each helper that it executes. Shells of
 * a login session inherit the variable too, but run in a scope.
 */
static bool is_helper(char *const *envp)
{
	const char *pid = hk_process_variable(envp, "SYSTEMD_EXEC_PID"), *unit = hk_self.founder.identity.unit;
	size_t n = strlen(unit);

	if (pid == NULL || strtoul(pid, NULL, 10) == hk_self.founder.pid)
		return false;
	return n < 6 || strcmp(unit + n - 6, ".scope") != 0;
}

/* Faults of our own must still end the process; everything else is the program's. */
static void block_signals(sigset_t *ret_old)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
	sigset_t set;

	(void) sigfillset(&set);
	for (size_t i = 0; i < HK_COUNT(faults); i++)
		(void) sigdelset(&set, faults[i]);
	(void) pthread_sigmask(SIG_BLOCK, &set, ret_old);
}

/* glibc takes static thread-locals out of the stack, and a program may have many. */
static int create(struct hk_door *door)
{
	pthread_attr_t attr;
	int r = EINVAL;

	if (pthread_attr_init(&attr) != 0)
		return ENOMEM;
	for (size_t size = HK_STACK_SIZE; r == EINVAL && size <= HK_STACK_MAX; size *= 4)
		if (pthread_attr_setstacksize(&attr, size) == 0)
			r = pthread_create(&own.thread, &attr, run, door);
	(void) pthread_attr_destroy(&attr);
	return r;
}

/* Sockets are bound as who started the program and where: main may change both at once. */
static void await(struct hk_door *door)
{
	const struct timespec step = {.tv_nsec = 50000};

	for (int i = 0; i < HK_READY_STEPS && atomic_load_explicit(&door->ready, memory_order_acquire) == 0; i++)
		(void) nanosleep(&step, NULL);
}

static void main_ends(void *unused)
{
	(void) unused;
	hk_thread_leave();
}

static void start(struct hk_block *block, char *const *envp)
{
	const struct hk_config *config = &hk_self.values.config;
	const char *runtime = hk_process_variable(envp, "XDG_RUNTIME_DIR");
	struct hk_door *door = hk_sys_map(sizeof(*door), HK_PAGE);
	sigset_t old;
	int r = ENOMEM;

	if (door != NULL) {
		door->block = block;
		(void) snprintf(door->dir, sizeof(door->dir), "%s", hk_self.founder.startup.text[HK_TEXT_CONTROL_DIR]);
		(void) snprintf(door->group.name, sizeof(door->group.name), "%s", hk_self.founder.startup.text[HK_TEXT_CONTROL_GROUP]);
		(void) snprintf(door->readers.name, sizeof(door->readers.name), "%s",
		                hk_self.founder.startup.text[HK_TEXT_CONTROL_READ_GROUP]);
		door->watch.files.n = (unsigned) hk_min(config->nfiles, HK_COUNT(config->files));
		memcpy(door->watch.files.path, config->files, sizeof(config->files));
		hk_watch_start(door);
		if (runtime != NULL && strlen(runtime) < sizeof(door->runtime_dir))
			memcpy(door->runtime_dir, runtime, strlen(runtime) + 1);
		own.door = door;
		block_signals(&old);
		r = create(door);
		(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (r == 0) {
		if (pthread_key_create(&own.key, main_ends) == 0)
			(void) pthread_setspecific(own.key, door);
		await(door);
		return;
	}
	own.door = NULL;
	if (door != NULL)
		hk_sys_unmap(door, sizeof(*door));
	atomic_store_explicit(&block->thread_error, r, memory_order_relaxed);
	atomic_store_explicit(&block->thread_state, HK_THREAD_FAILED, memory_order_release);
}

void hk_thread_start(struct hk_block *block, char *const *envp)
{
	int saved = errno;

	if (!is_helper(envp))
		start(block, envp);
	errno = saved;
}

/* ---- end ---- */

void hk_thread_forget(void)
{
	own.door = NULL;
}

void hk_thread_stop(void)
{
	struct hk_door *door = own.door;

	/* A vfork child that calls exit shares our memory, but is not us. */
	if (door == NULL || hk_self.founder.pid != (uint32_t) getpid() || atomic_exchange(&own.ended, true))
		return;
	close_door(door);
}

/* glibc ends the process where it finds no libgcc_s to cancel with: there are images without it. */
static bool may_cancel(void)
{
#ifdef PIC
	return dlopen("libgcc_s.so.1", RTLD_NOW) != NULL;
#else
	return true; /* linked in */
#endif
}

bool hk_thread_is_here(void)
{
	return own.door != NULL && (uint32_t) hk_sys_tid() == hk_self.founder.pid;
}

void hk_thread_leave(void)
{
	struct sigaction action;
	struct timespec limit;

	if (!hk_thread_is_here())
		return;
	hk_thread_stop();
	own.door = NULL;
	atomic_store_explicit(&own.left, true, memory_order_release);
	(void) clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += 1;
	/* Where a filter forbids handlers or signals, pthread_cancel would kill the process, or make the thread wait for ever: then it
	   finds out by itself, at its next turn. */
	if (may_cancel() && sigaction(SIGUSR1, NULL, &action) == 0 && pthread_kill(own.thread, 0) == 0 &&
	    pthread_cancel(own.thread) == 0)
		(void) pthread_clockjoin_np(own.thread, NULL, CLOCK_MONOTONIC, &limit);
}
