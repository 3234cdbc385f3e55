/* SPDX-License-Identifier: MIT
 *
 * Files as they come: odd bytes, odd lines, odd kinds of file, and no allocation in any of it.
 */
#include "test_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int resolve_bytes(const void *bytes, size_t n)
{
	put_bytes(MAIN_PATH, bytes, n);
	return resolve();
}

/* Harmless oddities: each reads as thp = off and elo_k = 7, without a message. */
static const char *const harmless[] = {
        "\xef\xbb\xbf[hakmem]\nthp = off\nelo_k = 7\n",
        "[hakmem]\r\nthp = off\r\nelo_k = 7\r\n",
        "[hakmem]\nthp = off\nelo_k = 7",
        "  [hakmem]\n\tthp = off\n    elo_k = 7\n",
        "[hakmem]\nthp:off\nelo_k : 7\n",
        "[hakmem]\nthp = \"off\"\nelo_k = \"7\"\n",
        "; c\n# c\n\n[hakmem]\nthp = off ; on ; on\nelo_k = 7\t;x\n  ; c\n",
        "[hakmem]\nthp = off\n[hakmem]\nelo_k = 7\n",
};

START_TEST(harmless_oddities)
{
	ck_assert_msg(resolve_text(harmless[_i]) == 0, "%s", w.diags.text[0]);
	ck_assert_uint_eq(w.diags.count, 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "off");
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "7");
}
END_TEST

START_TEST(a_semicolon_that_touches_the_value_belongs_to_it)
{
	ck_assert_int_eq(resolve_text("[ HAKMEM ] ; c\nThp=off;c\n"), 1);
	expect_told(":2: thp must be off, auto or on, not 'off;c'");
}
END_TEST

START_TEST(empty_files)
{
	static const char *const empty[] = {"",  "\n", "\n\n\n", "\xef\xbb\xbf", ";",
	                                    "#", " ",  "\r\n",   "[hakmem]"};

	for (size_t i = 0; i < HK_COUNT(empty); i++) {
		ck_assert_int_eq(resolve_text(empty[i]), 0);
		ck_assert_uint_eq(w.diags.count, 0);
	}
}
END_TEST

START_TEST(an_indented_line_continues_nothing)
{
	ck_assert_int_eq(resolve_text("[hakmem]\nlog = /a\n  /b\n  elo_k = 7\n"), 1);
	expect_told(":3: expected KEY = VALUE");
	ck_assert_str_eq(value_of(HK_KEY_LOG), "/a");
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "7");
}
END_TEST

START_TEST(control_bytes)
{
	static const char nul[] = "[hakmem]\nthp = o\0ff\nelo_k = 7\n",
	                  header[] = "[hakmem]\n[web\0]\nthp = on\n";

	ck_assert_int_eq(resolve_bytes(nul, sizeof(nul) - 1), 1);
	expect_told(":2: the line contains a control character");
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "7");
	/* The keys below a lost header do not fall to the section above. */
	ck_assert_int_eq(resolve_bytes(header, sizeof(header) - 1), 1);
	ck_assert_uint_eq(w.config.origin[HK_KEY_THP], HK_ORIGIN_PRESET);
	ck_assert_int_eq(resolve_text("[hakmem]\nthp = off\relo_k = 7\n"), 1);
	expect_told(":2: the line contains a control character");
	ck_assert_int_eq(resolve_text("[hakmem]\nx\033[31m = 1\n"), 1);
	ck_assert_int_eq(resolve_text("[hakmem]\nx\xff = 1\n"), 1);
	expect_told("unknown key 'x?'");
}
END_TEST

/* libinih would parse the rest of a long line as a line of its own. */
START_TEST(long_lines)
{
	char text[3000];

	for (int n = 150; n < 2500; n += n < 300 ? 1 : 500) {
		int used = sprintf(text, "[hakmem]\nlog = /");

		memset(text + used, 'a', (size_t) n);
		strcpy(text + used + n, "\nelo_k = 7\n");
		ck_assert_int_eq(resolve_text(text), 1);
		ck_assert_str_eq(value_of(HK_KEY_LOG), "stderr");
		ck_assert_str_eq(value_of(HK_KEY_ELO_K), "7");
		/* Blanks in front and a comment behind may be as long as they like. */
		sprintf(text + 9, "%*s ; ", n, "thp = off");
		memset(text + strlen(text), 'x', 400);
		strcpy(text + n + 9 + 3 + 400, "\nelo_k = 7\n");
		ck_assert_msg(resolve_text(text) == 0, "%s", w.diags.text[0]);
		ck_assert_str_eq(value_of(HK_KEY_THP), "off");
	}
}
END_TEST

START_TEST(a_long_header_keeps_its_keys)
{
	char text[1000] = "[hakmem]\nelo_k = 7\n[";
	size_t n = strlen(text);

	memset(text + n, 'p', 400);
	strcpy(text + n + 400, "]\nelo_k = 8\nbad = 1\n");
	ck_assert_int_eq(resolve_text(text), 2);
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "7");
	expect_told(":5: unknown key 'bad'");
	/* Longer than libinih's 50 bytes of section name, and whole. */
	strcpy(w.identity.unit,
	       "a-service-with-quite-a-long-name-as-they-are-found-in-the-wild@instance-1.service");
	snprintf(text, sizeof(text), "[unit:%s]\nelo_k = 9\n", w.identity.unit);
	ck_assert_int_eq(resolve_text(text), 0);
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "9");
	text[70] = 'X';
	ck_assert_int_eq(resolve_text(text), 0);
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "32");
}
END_TEST

START_TEST(ten_thousand_lines)
{
	static char text[600000];
	size_t n = 0;

	n += (size_t) sprintf(text, "[hakmem]\n");
	for (int i = 0; i < 10000; i++)
		n += (size_t) sprintf(text + n, "; line %d\n[program:p%d]\nthp = off\n", i, i % 200);
	sprintf(text + n, "[unit:*]\nelo_k = 7\nbad = 1\n");
	ck_assert_int_eq(resolve_text(text), 10000 - 200 + 1);
	ck_assert_str_eq(value_of(HK_KEY_ELO_K), "7");
	ck_assert_str_eq(value_of(HK_KEY_THP), "auto");
	ck_assert_uint_eq(w.config.line[HK_KEY_ELO_K], 30003);
}
END_TEST

START_TEST(limits_are_said)
{
	static char text[HK_KIB * 1200];
	size_t n = 0;

	for (int i = 0; i < 300; i++)
		n += (size_t) sprintf(text + n, "[m%d]\nthp = off\n", i);
	ck_assert_int_gt(resolve_text(text), 0);
	expect_told("more than 256 sections");
	n = 0;
	for (int i = 0; i < 200; i++) {
		n += (size_t) sprintf(text + n, "[m%d]\n", i);
		for (int k = 0; k < HK_KEY_COUNT; k++)
			n += (size_t) sprintf(text + n, "%s=%s\n", hk_keys[k].name, hk_keys[k].preset[0]);
	}
	ck_assert_int_eq(resolve_text(text), 1);
	expect_told("more than 2048 settings");
	memset(text, '\n', sizeof(text) - 1);
	memcpy(text, "[hakmem]\nthp=off\n", 17);
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(resolve_text(text), 1);
	expect_told("larger than 1024 KiB");
	ck_assert_str_eq(value_of(HK_KEY_THP), "off");
}
END_TEST

START_TEST(messages_are_counted_beyond_those_kept)
{
	char text[2000] = "[hakmem]\n";

	for (int i = 0; i < 40; i++)
		sprintf(text + strlen(text), "wrong%d = 1\n", i);
	ck_assert_int_eq(resolve_text(text), 40);
	ck_assert_uint_eq(w.diags.count, 40);
	expect_told(":2: unknown key 'wrong0'");
	ck_assert(!told("wrong39"));
}
END_TEST

static void real_path(char *ret, size_t size, const char *path)
{
	snprintf(ret, size, "%s%s", w.root, path);
}

START_TEST(odd_kinds_of_file)
{
	char path[256];

	put_bytes(HK_SYSCONFDIR "/x", "", 0);
	real_path(path, sizeof(path), MAIN_PATH);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	ck_assert_int_eq(resolve(), 1); /* and does not block */
	expect_told(MAIN_PATH ": is not a regular file");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(resolve(), 1);
	expect_told(MAIN_PATH ": is a directory");
	rmdir(path);
	if (geteuid() != 0) {
		put_main("[hakmem]\nthp = off\n");
		chmod(path, 0);
		ck_assert_int_eq(resolve(), 0);
		expect_told(MAIN_PATH ": may not be read");
	}
	ck_assert_uint_eq(w.config.origin[HK_KEY_THP], HK_ORIGIN_PRESET);
}
END_TEST

START_TEST(links_stay_below_the_root)
{
	char path[256];

	put_bytes("/secret", "[hakmem]\nthp = off\n", 19);
	put_bytes(HK_SYSCONFDIR "/x", "", 0);
	real_path(path, sizeof(path), MAIN_PATH);
	ck_assert_int_eq(symlink("/secret", path), 0);
	ck_assert_int_eq(resolve(), 0);
	ck_assert_str_eq(value_of(HK_KEY_THP), "off");
	unlink(path);
	ck_assert_int_eq(symlink("../../../../../../../../etc/passwd", path), 0);
	ck_assert_int_eq(resolve(), 0);
	ck_assert_uint_eq(w.diags.count, 0);
}
END_TEST

START_TEST(dev_null_is_no_configuration)
{
	w.identity.root[0] = '\0';
	strcpy(w.identity.conf, "/dev/null");
	ck_assert_int_eq(resolve(), 0);
	ck_assert_uint_eq(w.diags.count, 0);
	strcpy(w.identity.conf, "/dev/zero");
	ck_assert_int_eq(resolve(), 1);
}
END_TEST

START_TEST(random_bytes)
{
	static unsigned char bytes[3000];
	static const char spice[] = "[]=:;#\"\n\n\r\t thpmode*?.program:unit0123456789\xef\xbb\xbf";
	uint64_t x = 88172645463325252U;

	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			bytes[i] = round % 2 != 0 ? (unsigned char) x
			                          : (unsigned char) spice[x % (sizeof(spice) - 1)];
		}
		ck_assert_int_ge(resolve_bytes(bytes, sizeof(bytes)), 0);
		ck_assert_uint_lt(w.config.base_mode, HK_MODE_COUNT);
	}
}
END_TEST

START_TEST(nothing_allocates)
{
	static char text[20000] =
	        "\xef\xbb\xbf[hakmem]\nmode=web\nbad=1\nthp=x\n[web]\ninherits=fast\n[program:p*]\nlog=/a\n";
	char *envp[] = {(char *) "HAKMEM_THP=off", (char *) "HAKMEM_NONE=1", (char *) "HAKMEM_DEBUG=x",
	                (char *) "HAKMEM_MODE=wen", NULL};
	struct hk_identity self = {0};

	memset(text + strlen(text), 'x', 9000);
	put_main(text);
	put_drop_in("1.ini", "[unit:svc]\nelo_k=1\n");
	put_drop_in("2.ini", "[hakmen]\n");
	memset(&w.diags, 0, sizeof(w.diags));
	(void) allocations();
	hk_identity_self(&self);
	hk_env_read(envp, &w.env, &self, &w.diags);
	(void) hk_config_resolve(&w.identity, &w.env, NULL, NULL, &w.config, &w.diags);
	hk_config_warn(&w.config, &w.diags);
	hk_config_defaults(HK_MODE_FAST, &w.config);
	ck_assert_uint_eq(allocations(), 0);
	ck_assert_uint_gt(w.diags.count, 5);
	free(malloc(1));
#ifndef HK_SANITIZED
	ck_assert_uint_ne(allocations(), 0); /* it does count */
#endif
}
END_TEST

/* The file that is installed: nothing but comments as it is, and every key right once uncommented. */
START_TEST(the_shipped_file)
{
	static char text[40000];
	const char *source = getenv("HK_SRC");
	char path[1000];
	FILE *file;

	if (source == NULL) {
		puts("skip: the shipped file: HK_SRC is not set");
		return;
	}
	snprintf(path, sizeof(path), "%s/conf/hakmem.ini", source);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	ck_assert_int_eq(resolve_text(text), 0);
	for (int k = 0; k < HK_KEY_COUNT; k++)
		ck_assert_uint_eq(w.config.origin[k], HK_ORIGIN_PRESET);
	for (char *p = text; (p = strstr(p, "\n#")) != NULL; p++)
		if (p[2] >= 'a' && p[2] <= 'z')
			p[1] = ' ';
	ck_assert_msg(resolve_text(text) == 0, "%s", w.diags.text[0]);
	ck_assert_uint_eq(w.config.mode_origin, HK_ORIGIN_GLOBAL);
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		ck_assert_msg(w.config.origin[k] == HK_ORIGIN_GLOBAL, "%s is missing", hk_keys[k].name);
		ck_assert_str_eq(value_of((enum hk_key_id) k), hk_keys[k].preset[HK_MODE_BALANCED]);
	}
}
END_TEST

Suite *odd_suite(void)
{
	Suite *suite = suite_create("odd configuration files");
	TCase *bytes = tcase_create("bytes"), *kinds = tcase_create("kinds");

	tcase_add_checked_fixture(bytes, world_begin, world_end);
	tcase_add_checked_fixture(kinds, world_begin, world_end);
	tcase_set_timeout(bytes, 60);
	tcase_add_loop_test(bytes, harmless_oddities, 0, (int) HK_COUNT(harmless));
	tcase_add_test(bytes, a_semicolon_that_touches_the_value_belongs_to_it);
	tcase_add_test(bytes, empty_files);
	tcase_add_test(bytes, an_indented_line_continues_nothing);
	tcase_add_test(bytes, control_bytes);
	tcase_add_test(bytes, long_lines);
	tcase_add_test(bytes, a_long_header_keeps_its_keys);
	tcase_add_test(bytes, ten_thousand_lines);
	tcase_add_test(bytes, limits_are_said);
	tcase_add_test(bytes, messages_are_counted_beyond_those_kept);
	tcase_add_test(bytes, random_bytes);
	tcase_add_test(kinds, odd_kinds_of_file);
	tcase_add_test(kinds, links_stay_below_the_root);
	tcase_add_test(kinds, dev_null_is_no_configuration);
	tcase_add_test(kinds, nothing_allocates);
	tcase_add_test(kinds, the_shipped_file);
	suite_add_tcase(suite, bytes);
	suite_add_tcase(suite, kinds);
	return suite;
}
