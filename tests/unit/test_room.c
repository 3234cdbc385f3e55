/* SPDX-License-Identifier: MIT
 *
 * What is read about limits: file systems made of plain folders, both versions of memory groups.
 */
#include "base/room.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char top[] = "/tmp/hakmem-room.XXXXXX";
static char proc[64], groups[64];

/* Folders are made as needed. */
static void put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void) snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		ck_assert_int_eq(mkdir(path, 0700) != 0 && errno != EEXIST, 0);
		*slash = '/';
	}
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(top));
	(void) snprintf(proc, sizeof(proc), "%s/proc", top);
	(void) snprintf(groups, sizeof(groups), "%s/cgroup", top);
	put(proc, "meminfo", "MemTotal:       8000000 kB\nMemFree:         100 kB\nMemAvailable:    6000000 kB\nBuffers: 1 kB\n");
}

static void teardown(void)
{
	char command[128];

	(void) snprintf(command, sizeof(command), "rm -rf %s", top);
	ck_assert_int_eq(system(command), 0);
}

static struct hk_room look(void)
{
	struct hk_room room;

	errno = 12;
	hk_room_read(proc, groups, &room);
	ck_assert_int_eq(errno, 12);
	return room;
}

#define HOST ((uint64_t) 8000000 * 1024)
#define AVAILABLE ((uint64_t) 6000000 * 1024)

START_TEST(the_host_alone)
{
	struct hk_room room = look();

	ck_assert_uint_eq(room.limit, HOST);
	ck_assert_uint_eq(room.left, AVAILABLE);
	ck_assert(!room.pressed);
	put(proc, "self/cgroup", "0::/\n");
	room = look();
	ck_assert_uint_eq(room.left, AVAILABLE);
}
END_TEST

START_TEST(version_2_and_the_groups_above)
{
	char path[128];
	struct hk_room room;

	put(proc, "self/cgroup", "0::/system.slice/x.service\n");
	(void) snprintf(path, sizeof(path), "%s/system.slice/x.service", groups);
	put(path, "memory.max", "max\n");
	put(path, "memory.current", "900000\n");
	ck_assert_uint_eq(look().limit, HOST);
	put(path, "memory.max", "1000000\n");
	put(path, "memory.stat", "anon 300000\nfile 600000\ninactive_file 100000\nactive_file 50000\n");
	room = look();
	ck_assert_uint_eq(room.limit, 1000000);
	ck_assert_uint_eq(room.left, 1000000 - (900000 - 150000));
	put(path, "memory.high", "800000\n");
	room = look();
	ck_assert_uint_eq(room.limit, 800000);
	ck_assert_uint_eq(room.left, 50000);
	put(path, "memory.current", "2000000\n");
	ck_assert_uint_eq(look().left, 0);
	put(path, "memory.current", "900000\n");
	(void) snprintf(path, sizeof(path), "%s/system.slice", groups);
	put(path, "memory.max", "5000000\n");
	put(path, "memory.current", "4990000\n");
	room = look();
	ck_assert_uint_eq(room.limit, 5000000);
	ck_assert_uint_eq(room.left, 10000);
}
END_TEST

START_TEST(version_1)
{
	char path[128];
	struct hk_room room;

	put(proc, "self/cgroup", "9:name=systemd:/a\n4:cpu,memory,pids:/a/b\n3:memoryless:/c\n0::/\n");
	(void) snprintf(path, sizeof(path), "%s/memory/a/b", groups);
	put(path, "memory.limit_in_bytes", "9223372036854771712\n");
	put(path, "memory.usage_in_bytes", "5\n");
	ck_assert_uint_eq(look().limit, HOST);
	put(path, "memory.limit_in_bytes", "4000000\n");
	put(path, "memory.usage_in_bytes", "3500000\n");
	put(path, "memory.stat", "inactive_file 1\nactive_file 1\ntotal_inactive_file 400000\ntotal_active_file 100000\n");
	room = look();
	ck_assert_uint_eq(room.limit, 4000000);
	ck_assert_uint_eq(room.left, 1000000);
}
END_TEST

/* A container sees the host's path, and its own group as the root. */
START_TEST(a_path_that_is_not_there)
{
	char path[128];

	put(proc, "self/cgroup", "4:memory:/docker/0123456789abcdef\n0::/\n");
	(void) snprintf(path, sizeof(path), "%s/memory", groups);
	put(path, "memory.limit_in_bytes", "4000000\n");
	put(path, "memory.usage_in_bytes", "1000000\n");
	ck_assert_uint_eq(look().left, 3000000);
}
END_TEST

START_TEST(pressure)
{
	char path[128];

	put(proc, "self/cgroup", "0::/s\n");
	(void) snprintf(path, sizeof(path), "%s/s", groups);
	put(path, "memory.pressure", "some avg10=4.99 avg60=90.00 avg300=0.00 total=1\nfull avg10=70.00 avg60=0 total=1\n");
	ck_assert(!look().pressed);
	put(path, "memory.pressure", "some avg10=5.01 avg60=0.00 avg300=0.00 total=1\n");
	ck_assert(look().pressed);
	put(path, "memory.pressure", "");
	put(proc, "pressure/memory", "some avg10=50.00 avg60=0.00 avg300=0.00 total=1\n");
	ck_assert(look().pressed);
}
END_TEST

/* Whatever a file holds, nothing but what can be read counts. */
START_TEST(garbage)
{
	static char text[8000];
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/s", groups);
	memset(text, 'x', sizeof(text) - 1);
	put(proc, "self/cgroup", text);
	ck_assert_uint_eq(look().limit, HOST);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = i % 7 == 0 ? '\n' : i % 3 == 0 ? ':' : '/';
	put(proc, "self/cgroup", text);
	ck_assert_uint_eq(look().limit, HOST);
	put(proc, "self/cgroup", "0::/s");
	put(path, "memory.max", "12monkeys\n");
	ck_assert_uint_eq(look().limit, HOST);
	put(proc, "self/cgroup", "0::/s\n");
	put(path, "memory.current", "-7\n");
	put(path, "memory.stat", "active_file\n");
	ck_assert_uint_le(look().left, 12);
	put(proc, "meminfo", "MemTotal: lots\n");
	put(proc, "self/cgroup", "");
	ck_assert_uint_eq(look().limit, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("room");
	TCase *all = tcase_create("limits");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, the_host_alone);
	tcase_add_test(all, version_2_and_the_groups_above);
	tcase_add_test(all, version_1);
	tcase_add_test(all, a_path_that_is_not_there);
	tcase_add_test(all, pressure);
	tcase_add_test(all, garbage);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
