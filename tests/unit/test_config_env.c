/* SPDX-License-Identifier: MIT
 *
 * The environment: keys, aliases, legacy_env, mistakes; and who this process is.
 */
#include "test_config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void read_env(const char *a, const char *b, const char *c)
{
	char *envp[] = {(char *) "PATH=/bin", (char *) a, (char *) b, (char *) c, NULL};

	memset(&w.diags, 0, sizeof(w.diags));
	hk_env_read(envp, &w.env, &w.identity, &w.diags);
}

static bool has(enum hk_key_id key)
{
	return (w.env.mask >> key & 1) != 0;
}

START_TEST(every_key_has_its_variable)
{
	char variable[HK_VALUE_MAX * 2];

	snprintf(variable, sizeof(variable), "%s=%s", hk_keys[_i].env, hk_keys[_i].preset[HK_MODE_RESEARCH]);
	read_env(variable, NULL, NULL);
	ck_assert_uint_eq(w.diags.count, 0);
	ck_assert_uint_eq(w.env.mask, (uint64_t) 1 << _i);
	ck_assert_int_eq(resolve(), 0);
	ck_assert_uint_eq(w.config.origin[_i], HK_ORIGIN_ENV);
	ck_assert_str_eq(value_of((enum hk_key_id) _i), hk_keys[_i].preset[HK_MODE_RESEARCH]);
}
END_TEST

START_TEST(no_environment)
{
	hk_env_read(NULL, &w.env, &w.identity, &w.diags);
	ck_assert_uint_eq(w.env.mask, 0);
	read_env(NULL, NULL, NULL);
	ck_assert_uint_eq(w.env.mask, 0);
	ck_assert_str_eq(w.env.mode, "");
	/* Empty is unset, except for a text that may be empty. */
	read_env("HAKMEM_MODE=", "HAKMEM_THP=", "HAKMEM_CONTROL_GROUP=");
	ck_assert_uint_eq(w.env.mask, (uint64_t) 1 << HK_KEY_CONTROL_GROUP);
	ck_assert_uint_eq(w.diags.count, 0);
}
END_TEST

START_TEST(mode_and_key_together)
{
	read_env("HAKMEM_MODE=balanced", "HAKMEM_THP=off", NULL);
	ck_assert_int_eq(resolve_text("[hakmem]\nmode = fast\nthp = on\n"), 0);
	ck_assert_str_eq(w.config.mode, "balanced");
	ck_assert_str_eq(value_of(HK_KEY_THP), "off");
}
END_TEST

START_TEST(aliases)
{
	read_env("HAKMEM_DISABLE_BIGCACHE=1", "HAKMEM_DISABLE_BATCH=yes", "HAKMEM_DISABLE_ELO=0");
	ck_assert(has(HK_KEY_BIGCACHE) && w.env.values.num[HK_KEY_BIGCACHE] == 0);
	ck_assert(has(HK_KEY_BATCH) && w.env.values.num[HK_KEY_BATCH] == 0);
	ck_assert(!has(HK_KEY_ELO));
	ck_assert_uint_eq(w.diags.count, 0);
	/* The key's own variable outranks the alias, in either order. */
	read_env("HAKMEM_DISABLE_BIGCACHE=1", "HAKMEM_BIGCACHE=on", NULL);
	ck_assert_uint_eq(w.env.values.num[HK_KEY_BIGCACHE], 1);
	read_env("HAKMEM_BIGCACHE=on", "HAKMEM_DISABLE_BIGCACHE=1", NULL);
	ck_assert_uint_eq(w.env.values.num[HK_KEY_BIGCACHE], 1);
	read_env("HAKMEM_DISABLE_ELO=maybe", NULL, NULL);
	ck_assert_uint_eq(w.diags.errors, 1);
	expect_told("HAKMEM_DISABLE_ELO must be 1");
}
END_TEST

START_TEST(mistakes_cost_only_themselves)
{
	read_env("HAKMEM_THP=sometimes", "HAKMEM_BIGCAHE=on", "HAKMEM_DEBUG=verbose");
	ck_assert_uint_eq(w.diags.count, 2);
	ck_assert_uint_eq(w.diags.errors, 1);
	expect_told("HAKMEM_THP: thp must be off, auto or on, not 'sometimes'");
	expect_told("unknown variable HAKMEM_BIGCAHE: did you mean HAKMEM_BIGCACHE?");
	ck_assert_uint_eq(w.env.mask, (uint64_t) 1 << HK_KEY_DEBUG);
	read_env("HAKMEM_LIB=/usr/lib/libhakmem.so", "HAKMEM_UNIT_DIR=/etc/systemd/system", NULL); /* hakmemctl's */
	ck_assert_uint_eq(w.diags.count, 0);
	read_env("HAKMEM_MODE=a b", "HAKMEM_XYZZY_PLUGH_WIBBLE=1", NULL);
	ck_assert_uint_eq(w.diags.count, 2);
	ck_assert_str_eq(w.env.mode, "");
	read_env("HAKMEM_THP=off", "HAKMEM_THP=on", NULL);
	ck_assert_uint_eq(w.env.values.num[HK_KEY_THP], HK_THP_OFF);
}
END_TEST

START_TEST(conf_is_made_absolute)
{
	char here[PATH_MAX], expected[PATH_MAX + 32], longest[400] = "HAKMEM_CONF=/";

	read_env("HAKMEM_CONF=/a/b.ini", NULL, NULL);
	ck_assert_str_eq(w.identity.conf, "/a/b.ini");
	w.identity.conf[0] = '\0';
	ck_assert_int_eq(chdir(w.root), 0);
	read_env("HAKMEM_CONF=b.ini", NULL, NULL);
	snprintf(expected, sizeof(expected), "%s/b.ini", getcwd(here, sizeof(here)));
	ck_assert_str_eq(w.identity.conf, expected);
	w.identity.conf[0] = '\0';
	memset(longest + 13, 'x', 300);
	read_env(longest, NULL, NULL);
	ck_assert_str_eq(w.identity.conf, "");
	ck_assert_uint_eq(w.diags.errors, 1);
}
END_TEST

START_TEST(legacy_env_rules)
{
	read_env("HAKMEM_THP=on", "HAKMEM_MODE=fast", NULL);
	ck_assert_int_eq(resolve_text("[hakmem]\nlegacy_env = warn\n"), 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "on");
	expect_told("HAKMEM_THP: 'thp = on' belongs into the file; from the environment it is deprecated");
	ck_assert_int_eq(resolve_text("[hakmem]\nlegacy_env = ignore\n"), 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "auto");
	ck_assert_str_eq(w.config.mode, "fast");
	expect_told("ignored (legacy_env = ignore)");
	ck_assert_int_eq(resolve_text("[hakmem]\nlegacy_env = accept\n"), 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "on");
	ck_assert_uint_eq(w.diags.count, 0);
	/* A variable may tighten the rule, but not lift it. */
	read_env("HAKMEM_THP=on", "HAKMEM_LEGACY_ENV=ignore", NULL);
	ck_assert_int_eq(resolve(), 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "auto");
	read_env("HAKMEM_THP=on", "HAKMEM_LEGACY_ENV=accept", NULL);
	ck_assert_int_eq(resolve_text("[program:prog]\nlegacy_env = ignore\n"), 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "auto");
}
END_TEST

START_TEST(this_process)
{
	struct hk_identity me = {.conf = "kept", .root = "kept"};
	char exe[PATH_MAX] = "";

	ck_assert_int_gt(readlink("/proc/self/exe", exe, sizeof(exe) - 1), 0);
	hk_identity_self(&me);
	ck_assert_str_eq(me.program, strrchr(exe, '/') + 1);
	ck_assert_str_eq(me.conf, "kept");
	ck_assert_str_eq(me.root, "kept");
}
END_TEST

/* A folder that looks like /proc/PID; its exe is a dangling link, as for a deleted binary. */
static void fake_process(const char *exe, const char *cgroup)
{
	char path[128];

	put_bytes("/p/cgroup", cgroup, strlen(cgroup));
	snprintf(path, sizeof(path), "%s/p/exe", w.root);
	(void) unlink(path);
	ck_assert_int_eq(symlink(exe, path), 0);
	snprintf(path, sizeof(path), "%s/p", w.root);
	hk_identity_read(path, &w.identity);
}

START_TEST(other_processes)
{
	static const char *const rows[][2] = {
	        {"0::/system.slice/nginx.service\n", "nginx.service"},
	        {"0::/system.slice/docker.service/init/sub\n", "docker.service"},
	        {"0::/user.slice/user-0.slice/user@0.service/app.slice/app-x.scope\n", "app-x.scope"},
	        {"12:cpu:/a.service\n1:name=systemd:/system.slice/b.service\n0::/\n", "b.service"},
	        {"1:name=systemd:/system.slice/b.service\n0::/c.slice", "b.service"},
	        {"0::/\n", ""},
	        {"0::/../../x\n", ""},
	        {"", ""},
	        {"nonsense", ""},
	        {"0::/.service\n", ""},
	};

	for (size_t i = 0; i < HK_COUNT(rows); i++) {
		fake_process("/usr/sbin/nginx (deleted)", rows[i][0]);
		ck_assert_str_eq(w.identity.unit, rows[i][1]);
		ck_assert_str_eq(w.identity.program, "nginx");
	}
	hk_identity_read("/proc/none", &w.identity);
	ck_assert_str_eq(w.identity.program, "");
}
END_TEST

Suite *env_suite(void)
{
	Suite *suite = suite_create("config environment");
	TCase *env = tcase_create("variables"), *who = tcase_create("identity");

	tcase_add_checked_fixture(env, world_begin, world_end);
	tcase_add_checked_fixture(who, world_begin, world_end);
	tcase_add_loop_test(env, every_key_has_its_variable, 0, HK_KEY_COUNT);
	tcase_add_test(env, no_environment);
	tcase_add_test(env, mode_and_key_together);
	tcase_add_test(env, aliases);
	tcase_add_test(env, mistakes_cost_only_themselves);
	tcase_add_test(env, conf_is_made_absolute);
	tcase_add_test(env, legacy_env_rules);
	tcase_add_test(who, this_process);
	tcase_add_test(who, other_processes);
	suite_add_tcase(suite, env);
	suite_add_tcase(suite, who);
	return suite;
}
