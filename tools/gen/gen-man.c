/* SPDX-License-Identifier: MIT
 *
 * gen-man TEMPLATE: man/hakmemctl.1, the template with what hakmemctl's own tables say filled in: for @VERB name@ its head,
 * what it does, its options and remarks; for @OPTION --name@ the same of an option that every verb has; @COUNTERS@.
 * The prose behind them is the template's. A verb or option that the template leaves out, has twice or invents is an error.
 */
#include "ctl/counter_docs.h"
#include "ctl/ctl.h"
#include "mdoc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define MAX_NAMES 64

static const char *given[MAX_NAMES]; /* what the template had so far */
static unsigned ngiven;
static int status;

static void complain(const char *what, const char *name)
{
	fprintf(stderr, "gen-man: the template %s %s\n", what, name);
	status = 1;
}

static bool was_given(const char *name)
{
	for (unsigned i = 0; i < ngiven; i++)
		if (strcmp(given[i], name) == 0)
			return true;
	return false;
}

static void note(const char *name)
{
	if (was_given(name))
		complain("has twice:", name);
	else if (ngiven < MAX_NAMES)
		given[ngiven++] = name;
}

/* Behind the end of the line, or at the end of the text. */
static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line != '\0');
}

/* ---- arguments and options as macros ---- */

static bool starts(const char *text, const char *what)
{
	return strncmp(text, what, strlen(what)) == 0;
}

/* "TARGET [KEY=VALUE...]|--all" → " Ar TARGET Oo Ar KEY Ns = Ns Ar VALUE ... Oc | Fl \-all" */
static void print_arguments(const char *text)
{
	while (*text != '\0') {
		size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), option = starts(text, "--") ? strcspn(text, " |]=") : 0;

		if (option > 0)
			printf(" Fl \\-%.*s", (int) option - 2, text + 2);
		else if (n > 0)
			printf(" Ar %.*s", (int) n, text);
		else if (starts(text, "..."))
			printf(" ...");
		else if (*text != ' ')
			printf(" %s", *text == '[' ? "Oo" : *text == ']' ? "Oc" : *text == '=' ? "Ns = Ns" : "|");
		text += option > 0 ? option : n > 0 ? n : starts(text, "...") ? 3 : 1;
	}
}

/* "--door=1|2" → "Fl \-door Ns = Ns Ar 1 | 2", "-h, --help" → "Fl h , \-help" */
static void print_option(const char *name, size_t n)
{
	char word[64];
	char *value;

	snprintf(word, sizeof word, "%.*s", (int) n, name);
	value = strchr(word, '=');
	if (value != NULL)
		*value++ = '\0';
	if (word[1] == '-')
		printf(".It Fl \\-%s", word + 2);
	else
		printf(".It Fl %c , \\-%s", word[1], strstr(word, "--") + 2);
	if (value != NULL)
		printf(" Ns = Ns Ar");
	for (char *save = NULL, *one = value != NULL ? strtok_r(value, "|", &save) : NULL; one != NULL;
	     one = strtok_r(NULL, "|", &save))
		printf("%s %s", one == value ? "" : " |", one);
	putchar('\n');
}

/* "  --once            print one round": where its name ends, and what it does. */
static size_t option_name(const char *line, const char **ret_doc)
{
	const char *end = strstr(line, "  ");

	*ret_doc = end + strspn(end, " ");
	return (size_t) (end - line);
}

/* ---- texts ---- */

/* As a sentence of its own. */
static void sentence(const char *text, size_t n)
{
	char line[1024];

	snprintf(line, sizeof line, "%c%.*s%s", toupper((unsigned char) *text), (int) n - 1, text + 1,
	         text[n - 1] == '.' ? "" : ".");
	mdoc_text(line);
}

/* What help says of one verb below its first line: options become a list, the rest paragraphs. */
static void print_detail(const char *detail)
{
	char prose[1024] = "";
	const char *doc;
	bool list = false;

	for (const char *line = detail; *line != '\0'; line = next_line(line)) {
		size_t n = strcspn(line, "\n");

		if (starts(line, "  -")) {
			if (!list)
				puts(".Bl -tag -width Ds -compact");
			list = true;
			print_option(line + 2, option_name(line + 2, &doc));
			sentence(doc, (size_t) (line + n - doc));
		} else if (n > 0) {
			snprintf(prose + strlen(prose), sizeof prose - strlen(prose), "%s%.*s", *prose != '\0' ? " " : "",
			         (int) n, line);
		}
	}
	if (list)
		puts(".El");
	if (*prose != '\0') {
		puts(list ? ".Pp" : ".br");
		mdoc_text(prose);
	}
}

static bool fill_verb(const char *name)
{
	for (const struct hk_command *c = hk_commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) != 0)
			continue;
		note(c->name);
		printf(".It Cm %s", c->name);
		if (c->detail != NULL && strstr(c->detail, "  --") != NULL)
			printf(" Oo Ar option ... Oc");
		print_arguments(c->arguments);
		putchar('\n');
		sentence(c->doc, strlen(c->doc));
		if (c->detail != NULL)
			print_detail(c->detail);
		return true;
	}
	complain("invents the verb", name);
	return true;
}

/* The line of hk_ctl_options that has the long option name. */
static const char *find_option(const char *name)
{
	for (const char *line = hk_ctl_options; *line != '\0'; line = next_line(line)) {
		const char *at = strstr(line, name);

		if (at != NULL && at < line + strcspn(line, "\n") && strchr(" =", at[strlen(name)]) != NULL)
			return line;
	}
	return NULL;
}

static bool fill_option(const char *name)
{
	const char *line = find_option(name), *doc;

	if (line == NULL) {
		complain("invents the option", name);
		return true;
	}
	note(line);
	print_option(line + 2, option_name(line + 2, &doc));
	sentence(doc, strcspn(doc, "\n"));
	return true;
}

static bool fill_counters(void)
{
	bool list = false;

	for (const struct hk_counter_doc *doc = hk_counter_docs; doc->name != NULL; doc++) {
		if (doc->name[0] == '\0') {
			printf("%s.Pp\n%s:\n.Bl -tag -width \"tinypool_hit_rate\" -compact\n", list ? ".El\n" : "", doc->doc);
			list = true;
		} else {
			printf(".It Li %s\n", doc->name);
			mdoc_text(doc->doc);
		}
	}
	puts(".El");
	return true;
}

static bool fill(const char *name, const char *argument)
{
	if (strcmp(name, "VERB") == 0)
		return fill_verb(argument);
	if (strcmp(name, "OPTION") == 0)
		return fill_option(argument);
	return strcmp(name, "COUNTERS") == 0 && fill_counters();
}

#undef main
int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: gen-man TEMPLATE\n");
		return 2;
	}
	status |= mdoc_fill(argv[1], fill);
	for (const struct hk_command *c = hk_commands; c->name != NULL; c++)
		if (!was_given(c->name))
			complain("leaves out the verb", c->name);
	for (const char *line = hk_ctl_options; *line != '\0'; line = next_line(line))
		if (!was_given(line))
			complain("leaves out the option", line);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("gen-man");
		status = 1;
	}
	return status;
}
