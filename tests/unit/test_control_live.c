/* SPDX-License-Identifier: MIT
 *
 * This process under control, thread and socket included: what the sanitizers have to see at work. Each test runs
 * in a process of its own (Check forks).
 */
#include "test_control.h"

#include "control/process.h"
#include "control/slots.h"
#include "core/hk.h"
#include "core/knobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What ThreadSanitizer would report here is known: the engine's log and ratings are read without its try-lock
 * (a torn line in a report harms nobody), and the pool peeks at counts and kinds of spans. AddressSanitizer
 * does not follow the unwinding of a cancelled thread.
 */
#ifdef __SANITIZE_THREAD__
#define HK_TSAN true
#else
#define HK_TSAN false
#endif
#ifdef __SANITIZE_ADDRESS__
#define HK_ASAN true
#else
#define HK_ASAN false
#endif

static char dir[] = "/tmp/test_control.XXXXXX";
static _Atomic bool stop;

static void start(const char *more)
{
	static char conf[128], ini[512];
	char *envp[] = {conf, NULL};

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void) snprintf(block_ini, sizeof(block_ini), "%s/ini", dir);
	(void) snprintf(conf, sizeof(conf), "HAKMEM_CONF=%s", block_ini);
	(void) snprintf(ini, sizeof(ini), "[hakmem]\ncontrol = on\ncontrol_dir = %s\nlog = none\n%s", dir, more);
	block_write_ini(ini);
	hk_free(hk_malloc(1));
	hk_process_start(false, envp);
	ck_assert_ptr_nonnull(hakmem_control_block);
	for (int i = 0; i < 500 && atomic_load(&hakmem_control_block->thread_state) == HK_THREAD_OFF; i++)
		(void) usleep(10000);
	ck_assert_uint_eq(atomic_load(&hakmem_control_block->thread_state), HK_THREAD_RUNNING);
	ck_assert_int_eq(atomic_load(&hakmem_control_block->thread_error), 0);
}

static void finish(void)
{
	hk_process_exit();
	ck_assert_int_ne(access(hakmem_control_block->socket, F_OK), 0);
	(void) unlink(block_ini);
	(void) rmdir(dir);
}

static int enter(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void) snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", hakmem_control_block->socket);
	ck_assert_int_eq(connect(fd, (struct sockaddr *) &address, sizeof(address)), 0);
	return fd;
}

/* One request, one reply that is parsed and must say ok. */
static json_t *talk(int fd, const char *line)
{
	static char reply[HK_REPLY_MAX];
	size_t used = 0;
	json_t *json;

	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t) strlen(line));
	do {
		ssize_t n = read(fd, reply + used, sizeof(reply) - 1 - used);
		ck_assert_int_gt(n, 0);
		used += (size_t) n;
	} while (reply[used - 1] != '\n');
	reply[used] = '\0';
	json = json_loads(reply, 0, NULL);
	ck_assert_msg(json != NULL && json_is_true(json_object_get(json, "ok")), "%s%s", line, reply);
	return json;
}

static void *churn(void *arg)
{
	void *p[32] = {NULL};

	for (unsigned i = 0; !atomic_load(&stop); i++) {
		hk_free(p[i % 32]);
		p[i % 32] = hk_malloc((size_t) 16 << (i % (HK_TSAN ? 12 : 16)));
		if (i % 1024 == 0)
			(void) usleep(500);
	}
	for (unsigned i = 0; i < 32; i++)
		hk_free(p[i]);
	return arg;
}

/* Threads that allocate, an operator that changes things, an engine that learns: no race, all applied. */
START_TEST(live_changes)
{
	pthread_t thread[3];
	char line[64];
	int fd;

	start(HK_TSAN ? "" : "mode = learning\ndebug = off\n");
	fd = enter();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, churn, NULL), 0);
	for (int i = 1; i <= 60; i++) {
		json_t *json;

		(void) snprintf(line, sizeof(line), "set batch_max=%d tinypool_limit=%dK\n", i, 64 + i);
		json = talk(fd, i % 10 == 0 && !HK_TSAN ? "trim\n" : i % 7 == 0 ? "freeze\n" : i % 7 == 1 ? "learn\n" : line);
		ck_assert_int_eq(json_integer_value(json_object_get(json, "applied")), 1);
		json_decref(json);
		json_decref(talk(fd, i % 2 == 0 ? "status\n" : "log\n"));
	}
	json_decref(talk(fd, "set batch_max=77\n"));
	ck_assert_uint_eq(HK_KNOB(batch_max), 77);
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	(void) close(fd);
	finish();
}
END_TEST

/* Nobody allocates: the control thread applies. errno and counters of those who visit stay as they are. */
START_TEST(live_idle)
{
	int fd;

	start("");
	fd = enter();
	json_decref(talk(fd, "set purge_delay=77ms\n"));
	ck_assert_uint_eq(HK_KNOB(purge_delay_ns), 77000000);
	json_decref(talk(fd, "set mode=minimal\n"));
	ck_assert_uint_eq(HK_KNOB(tinypool), 0);
	ck_assert_uint_eq(HK_KNOB(purge_delay_ns), 77000000);
	json_decref(talk(fd, "set mode=- purge_delay=-\n"));
	ck_assert_uint_eq(HK_KNOB(tinypool), 1);
	ck_assert_uint_eq(HK_KNOB(purge_delay_ns), 1000000000);
	(void) close(fd);
	finish();
}
END_TEST

/* Of two groups one is not there: the socket is, and the other one may come in. */
START_TEST(live_group_not_found)
{
	int fd;

	start("control_group = nosuch\ncontrol_read_group = 1\n");
	ck_assert_int_eq(atomic_load(&hakmem_control_block->group_error[0]), ENOENT);
	fd = enter();
	json_decref(talk(fd, "status\n"));
	(void) close(fd);
	finish();
}
END_TEST

/* No descriptor is left for the thread: that is to be told, not that it has ended. */
START_TEST(live_failed)
{
	char *envp[] = {(char[]){"HAKMEM_CONTROL=on"}, (char[]){"HAKMEM_CONTROL_DIR=/tmp"}, (char[]){"HAKMEM_LOG=none"}, NULL};
	struct rlimit limit;

	hk_free(hk_malloc(1));
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, limit.rlim_max}), 0);
	hk_process_start(false, envp);
	for (int i = 0; i < 500 && atomic_load(&hakmem_control_block->thread_state) == HK_THREAD_OFF; i++)
		(void) usleep(10000);
	(void) usleep(20000); /* time to end */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	hk_process_exit();
	ck_assert_uint_eq(atomic_load(&hakmem_control_block->thread_state), HK_THREAD_FAILED);
	ck_assert_int_eq(atomic_load(&hakmem_control_block->thread_error), EMFILE);
}
END_TEST

static void decide(struct hk_elo_state *elo, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		elo->log[elo->log_next++ % HK_ELO_LOG].event = HK_ELO_FREEZE;
}

/* More decisions than are kept, while nobody was to log them: the last ones are logged at the next visit. */
START_TEST(live_says_the_last)
{
	struct hk_block *block;

	start("");
	block = hakmem_control_block;
	decide(&block->elo, 3 * HK_ELO_LOG);
	hk_self.effective.values.num[HK_KEY_DEBUG] = HK_DEBUG_MINIMAL;
	(void) hk_say(block, false);
	ck_assert_uint_eq(atomic_load(&block->elo_said), block->elo.log_next);
	finish();
}
END_TEST

/* A child has its own slot, the counters of the fork, and no thread. */
START_TEST(live_fork)
{
	const struct hk_block *block;
	uint64_t before;
	int status, fd;
	pid_t child;
	void *p;

	start("");
	block = hakmem_control_block;
	p = hk_malloc(3 << 20);
	before = HK_STAT_GET(large_live_bytes);
	ck_assert_ptr_eq(hk_counters, &block->slot[0].counters);
	child = fork();
	if (child == 0) {
		bool ok = hk_counters == &block->slot[1].counters && HK_STAT_GET(large_live_bytes) == before &&
		          atomic_load(&block->slot[1].pid) == (uint32_t) getpid();
		hk_free(p);
		ok = ok && HK_STAT_GET(large_live_bytes) < before;
		hk_process_exit(); /* not its socket */
		_exit(ok ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(HK_STAT_GET(large_live_bytes), before);
	fd = enter();
	json_decref(talk(fd, "status\n"));
	(void) close(fd);
	hk_free(p);
	finish();
}
END_TEST

/* pthread_exit of the main thread begins with this. */
START_TEST(live_leave)
{
	start("");
	hk_thread_leave();
	ck_assert_uint_eq(atomic_load(&hakmem_control_block->thread_state), HK_THREAD_GONE);
	ck_assert_int_ne(access(hakmem_control_block->socket, F_OK), 0);
	finish();
}
END_TEST

TCase *case_live(void)
{
	TCase *tcase = tcase_create("live");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, live_changes);
	tcase_add_test(tcase, live_idle);
	tcase_add_test(tcase, live_fork);
	tcase_add_test(tcase, live_group_not_found);
	tcase_add_test(tcase, live_says_the_last);
	if (!HK_TSAN && !HK_ASAN) {
		tcase_add_test(tcase, live_leave);
		tcase_add_test(tcase, live_failed);
	}
	return tcase;
}
