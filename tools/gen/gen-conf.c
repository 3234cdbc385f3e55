/* SPDX-License-Identifier: MIT
 *
 * Writes what the key table says for people to read:
 *   gen-conf ini            conf/hakmem.ini, every key commented out at its default
 *   gen-conf man TEMPLATE   man/hakmem.ini.5, the template with modes and keys filled in
 * `make regen` rewrites both files; tests/policy/check-generated.sh compares them.
 */
#include "config/config.h"
#include "mdoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 96

/* Headings, each above its first key. */
static const struct {
	enum hk_key_id first;
	const char *title;
} groups[] = {
        {HK_KEY_TINYPOOL, "Features (what the mode decides)"},
        {HK_KEY_PURGE_DELAY, "Memory"},
        {HK_KEY_ELO_OBJECTIVE, "Learning"},
        {HK_KEY_CONTROL, "Control"},
        {HK_KEY_SECURITY, "Safety and the rest"},
};

/* The keys of the mode table are those up to here. */
#define MODE_KEYS HK_KEY_PURGE_DELAY

static const char *const mode_docs[HK_MODE_COUNT] = {
        "the baseline: every feature off; the least memory, slow with many small blocks",
        "production with speed first: a fixed strategy, ELO not consulted at all",
        "the default: ELO is there but frozen, so that its phase can be switched live",
        "starts by learning and freezes itself; frozen, it performs as balanced does",
        "never freezes and logs every decision; not for benchmarking",
};

static const char *preset(int key, int mode)
{
	return hk_keys[key].preset[mode];
}

/* "off, auto or on" */
static void append_choices(char *ret, const char *choices)
{
	const char *space;

	while ((space = strchr(choices, ' ')) != NULL) {
		bool last = strchr(space + 1, ' ') == NULL;

		sprintf(ret + strlen(ret), "%.*s%s", (int) (space - choices), choices, last ? " or " : ", ");
		choices = space + 1;
	}
	strcat(ret, choices);
}

/* The host daemon's own keys, in a section of their own. */
static const struct {
	const char *name, *fallback, *doc;
} daemon_keys[] = {
#define HK_DAEMON_KEY(id, name, fallback, doc) {#name, fallback, doc},
#include "config/daemon.def"
#undef HK_DAEMON_KEY
};

/* What may be written: "size from 0 to 1T" */
static void describe_type(int k, char *ret)
{
	static const char *const words[] = {[HK_TYPE_SIZE] = "size",
	                                    [HK_TYPE_DURATION] = "time",
	                                    [HK_TYPE_INT] = "number",
	                                    [HK_TYPE_PERCENT] = "percentage"};
	const struct hk_key *key = &hk_keys[k];
	struct hk_value low = {.num = key->min}, high = {.num = key->max};
	char a[HK_VALUE_MAX], b[HK_VALUE_MAX];

	*ret = '\0';
	if (key->type == HK_TYPE_BOOL)
		strcpy(ret, "on or off");
	else if (key->type == HK_TYPE_ENUM)
		append_choices(ret, key->choices);
	else if (key->type == HK_TYPE_TEXT)
		sprintf(ret, "text of at most %u bytes", (unsigned) key->max);
	else
		sprintf(ret, "%s from %s to %s", words[key->type],
		        hk_value_format((enum hk_key_id) k, &low, a),
		        hk_value_format((enum hk_key_id) k, &high, b));
}

/* "default on, minimal: off" */
static void describe_default(int k, char *ret)
{
	const char *usual = preset(k, HK_MODE_BALANCED);

	sprintf(ret, "default %s", usual[0] != '\0' ? usual : "empty");
	for (int m = 0; m < HK_MODE_COUNT; m++)
		if (strcmp(preset(k, m), usual) != 0)
			sprintf(ret + strlen(ret), ", %s: %s", hk_mode_names[m], preset(k, m));
}

static void describe(int k, char *ret)
{
	char fallback[256];

	describe_type(k, ret);
	describe_default(k, fallback);
	sprintf(ret + strlen(ret), "; %s; %s", fallback,
	        hk_keys[k].context == HK_CONTEXT_LIVE ? "takes effect at once"
	                                              : "takes effect at the next start");
	if (hk_keys[k].tuned)
		strcat(ret, "; tuned by the ELO engine unless set");
}

/* Text in lines of WIDTH columns, each opened by "# ". */
static void comment(const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (column == 0 || column + 1 + n > WIDTH)
			column = (size_t) printf("%s#", column == 0 ? "" : "\n") - (column != 0);
		column += (size_t) printf(" %.*s", (int) n, text);
		text += n;
		text += *text == ' ';
	}
	putchar('\n');
}

static const char *group_of(int key)
{
	for (size_t i = 0; i < HK_COUNT(groups); i++)
		if ((int) groups[i].first == key)
			return groups[i].title;
	return NULL;
}

static void write_ini_modes(void)
{
	static const int columns[] = {9, 9, 9, 13, 0};

	printf("# The mode sets the keys of this table at once; the others are the same in every mode, "
	       "unless\n"
	       "# said otherwise.\n#\n");
	for (int m = 0; m < HK_MODE_COUNT; m++)
		printf("#   %-10s%s\n", hk_mode_names[m], mode_docs[m]);
	printf("#\n#   %-13s", "");
	for (int m = 0; m < HK_MODE_COUNT; m++)
		printf("%-*s%s", columns[m], hk_mode_names[m], m + 1 < HK_MODE_COUNT ? " " : "\n");
	for (int k = 0; k < MODE_KEYS; k++) {
		printf("#   %-13s", hk_keys[k].name);
		for (int m = 0; m < HK_MODE_COUNT; m++)
			printf("%-*s%s", columns[m], preset(k, m), m + 1 < HK_MODE_COUNT ? " " : "\n");
	}
	printf("#mode = balanced\n");
}

static void write_ini_keys(void)
{
	char text[1024];

	for (int k = 0; k < HK_KEY_COUNT; k++) {
		const char *value = preset(k, HK_MODE_BALANCED);

		if (group_of(k) != NULL)
			printf("\n\n# ---- %s ----\n", group_of(k));
		printf("\n");
		comment(hk_keys[k].doc);
		describe(k, text);
		comment(text);
		printf("#%s =%s%s\n", hk_keys[k].name, value[0] != '\0' ? " " : "", value);
	}
}

static void write_ini_daemon(void)
{
	puts("\n\n# ---- hakmemd(8), the host's daemon ----\n\n[hakmemd]");
	for (size_t i = 0; i < HK_COUNT(daemon_keys); i++) {
		putchar('\n');
		comment(daemon_keys[i].doc);
		printf("#%s = %s\n", daemon_keys[i].name, daemon_keys[i].fallback);
	}
}

static void write_ini(void)
{
	puts("# hakmem.ini - configuration of the hakmem allocator; see hakmem.ini(5)\n"
	     "#\n"
	     "# Every key stands here at its default. Take the '#' away and change the value; nothing else\n"
	     "# needs to be here. Sizes take K, M, G, T (powers of 1024); times us, ms, s, min; comments "
	     "start\n"
	     "# with '#' or ';' on a line of their own, and with ' ;' behind a value.\n"
	     "#\n"
	     "# hakmemctl check          finds mistakes in this file\n"
	     "# hakmemctl reload --all   lets running programs read it again\n"
	     "\n"
	     "[hakmem]\n");
	write_ini_modes();
	write_ini_keys();
	puts("\n\n# ---- Other sections ----\n"
	     "#\n"
	     "# A mode is a section too: re-tune a built-in one, or define your own.\n"
	     "#\n"
	     "#   [balanced]\n"
	     "#   purge_delay = 500ms\n"
	     "#\n"
	     "#   [web]\n"
	     "#   inherits = fast\n"
	     "#   bigcache_limit = 1G\n"
	     "#\n"
	     "# Mode and keys for some programs only, by the name of the executable or by systemd unit, "
	     "with\n"
	     "# '*', '?' and '[a-z]'. A unit's word beats a program's, and both beat [hakmem].\n"
	     "#\n"
	     "#   [program:redis-server]\n"
	     "#   mode = web\n"
	     "#   control = on\n"
	     "#\n"
	     "#   [unit:postgresql@*.service]\n"
	     "#   mode = fast");
	write_ini_daemon();
}

static void write_man_modes(void)
{
	puts(".Bl -tag -width balancedx -compact");
	for (int m = 0; m < HK_MODE_COUNT; m++)
		printf(".It Cm %s\n%s.\n", hk_mode_names[m], mode_docs[m]);
	puts(".El\n.Bl -column tinypoolxxxx minimalx adaptivex adaptivex learn-frozenx adaptivex");
	printf(".It Em key");
	for (int m = 0; m < HK_MODE_COUNT; m++)
		printf(" Ta Cm %s", hk_mode_names[m]);
	for (int k = 0; k < MODE_KEYS; k++) {
		printf("\n.It Ic %s", hk_keys[k].name);
		for (int m = 0; m < HK_MODE_COUNT; m++)
			printf(" Ta %s", preset(k, m));
	}
	puts("\n.El");
}

static void write_man_keys(void)
{
	char text[1024];

	for (int k = 0; k < HK_KEY_COUNT; k++) {
		if (group_of(k) != NULL)
			printf("%s.Ss %s\n.Bl -tag -width Ds\n", k == 0 ? "" : ".El\n", group_of(k));
		printf(".It Ic %s\n", hk_keys[k].name);
		mdoc_text(hk_keys[k].doc);
		describe(k, text);
		puts(".br");
		mdoc_text(text);
	}
	puts(".El");
}

static void write_man_daemon(void)
{
	char text[128];

	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < HK_COUNT(daemon_keys); i++) {
		printf(".It Ic %s\n", daemon_keys[i].name);
		mdoc_text(daemon_keys[i].doc);
		puts(".br");
		snprintf(text, sizeof(text), "default %s", daemon_keys[i].fallback);
		mdoc_text(text);
	}
	puts(".El");
}

static bool fill(const char *name, const char *argument)
{
	(void) argument;
	if (strcmp(name, "MODES") == 0)
		write_man_modes();
	else if (strcmp(name, "KEYS") == 0)
		write_man_keys();
	else if (strcmp(name, "DAEMON") == 0)
		write_man_daemon();
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	int status = 2;

	if (argc == 2 && strcmp(argv[1], "ini") == 0) {
		write_ini();
		status = 0;
	} else if (argc == 3 && strcmp(argv[1], "man") == 0) {
		status = mdoc_fill(argv[2], fill);
	} else {
		fprintf(stderr, "usage: gen-conf ini | gen-conf man TEMPLATE\n");
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("gen-conf");
		status = 1;
	}
	return status;
}
