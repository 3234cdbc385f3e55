/* SPDX-License-Identifier: MIT
 *
 * hakmemctl: command line, the table of verbs, help. Whatever was printed must have arrived:
 * a full disk or a closed pipe is a failure, too.
 */
#include "base/sys.h"
#include "config/name.h"
#include "ctl/complete.h"
#include "ctl/output.h"
#include "ctl/pool.h"
#include "hakmem.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define DEFAULT_TIMEOUT_MS 2000
#define MAX_TIME_MS (3600 * 1000)
#define HASTE (-20)
#define HASTE_NS 100000000 /* of CPU time that may be had in haste */

/* clang-format off */
const struct hk_command hk_commands[] = {
	{"list", "[TARGET...]", "live processes under control: pid, program, unit, mode, phase, RSS",
	 NULL, hk_do_list, 0, -1},
	{"status", "[TARGET...]", "one screen: version, mode, phase, memory by kind, hit rates, warnings",
	 NULL, hk_do_status, 0, -1},
	{"stats", "[TARGET...]", "all counters, each with what it means",
	 "  --prometheus      in the Prometheus text format\n"
	 "  --output=FILE     the same into FILE, which is replaced as a whole\n", hk_do_stats, 0, -1},
	{"explain", "TARGET...", "where all of the RSS is, what stands out, and the key worth changing",
	 "Waits ten times as long as --timeout says: it reads the page tables of the process.\n", hk_do_explain, 1, -1},
	{"top", "[TARGET...]", "live full-screen view: memory, allocations, faults; freeze, learn, trim by a key",
	 "  --interval=TIME   between rounds (default 1s, 100ms to 1min)\n"
	 "  --once            print one round, without a terminal too; --json does so for programs\n",
	 hk_do_top, 0, -1},
	{"freeze", "TARGET...", "stop learning; keep the strategy that leads", NULL, hk_do_change, 1, -1},
	{"learn", "TARGET...", "let the ELO engine learn", NULL, hk_do_change, 1, -1},
	{"canary", "TARGET...", "try a challenger on a few percent of the windows", NULL, hk_do_change, 1, -1},
	{"log", "TARGET...", "who changed what lately; what the engine decided, and its ratings", NULL, hk_do_log, 1, -1},
	{"export", "TARGET...", "what was learned, as an ini section for the next start", NULL, hk_do_export, 1, -1},
	{"reload", "TARGET...|--all", "re-read the file that the service was started with: all or nothing",
	 "  --all             every service of this host\n", hk_do_change, 0, -1},
	{"get", "TARGET [KEY...]", "live values with their origin", NULL, hk_do_get, 1, -1},
	{"set", "TARGET KEY=VALUE...", "change live values: together or not at all",
	 "  --force           also a hard_limit below what is in use, which stops allocation\n\n"
	 "Values are written as in the file: sizes with K, M, G; durations with us, ms, s, min; on and off. KEY=- takes\n"
	 "an earlier set back, so that the file holds again; mode=NAME changes the mode. What is set ends with the\n"
	 "process: hakmemctl export prints it for the file. hakmemctl get TARGET lists the keys with their values, and\n"
	 "hakmem.ini(5) explains them.\n", hk_do_set, 2, -1},
	{"trim", "TARGET...", "give free memory back to the system now", NULL, hk_do_change, 1, -1},
	{"check", "[FILE...|--diff TARGET]", "lint the ini: exit status 0 clean, 1 errors",
	 "Without FILE: $HAKMEM_CONF, else " HK_SYSCONFDIR "/hakmem.ini and " HK_SYSCONFDIR "/hakmem.d/*.ini.\n"
	 "Live services that have read the files are looked at, and not changed.\n"
	 "  --diff            what a reload would change in each TARGET, and from where to where\n",
	 hk_do_check, 0, -1},
	{"modes", "", "the table of presets as the file resolves it", NULL, hk_do_modes, 0, 0},
	{"run", "[KEY=VALUE...] -- COMMAND [ARGUMENT...]", "run a command preloaded",
	 "Each KEY=VALUE (and mode=NAME) is checked and given to COMMAND as its variable HAKMEM_<KEY>.\n"
	 "Exit status: that of COMMAND; 127 if it is not found, 126 if it cannot be run.\n", hk_do_exec, 0, -1},
	{"doctor", "[TARGET|PATH...]", "will the library be loaded, was it, what stands in the way",
	 "Without argument: this host. PATH: a program's file. Exit status 1 if anything stands in the way.\n", hk_do_doctor,
	 0, -1},
	{"enable", "UNIT... [KEY=VALUE...]", "write the systemd drop-in that preloads the library",
	 "  --dry-run         print the drop-in, write nothing\n"
	 "  --restart         restart the unit, too\n"
	 "  --no-reload       no systemctl daemon-reload\n"
	 "  --no-socket       no lines for the control socket\n"
	 "Each KEY=VALUE (and mode=NAME) is checked and given to the unit as its variable HAKMEM_<KEY>.\n", hk_do_enable, 1,
	 -1},
	{"disable", "UNIT...", "take the drop-in away again",
	 "  --dry-run         say what would go, change nothing\n"
	 "  --restart         restart the unit, too\n"
	 "  --no-reload       no systemctl daemon-reload\n", hk_do_disable, 1, -1},
	{"help", "[VERB]", "this list, or help on a verb", NULL, hk_do_help, 0, 1},
	{"version", "", "the version of hakmemctl", NULL, hk_do_version, 0, 0},
	{NULL, NULL, NULL, NULL, NULL, 0, 0},
};
/* clang-format on */

const char hk_ctl_options[] =
        "  --json            an array for programs, one object a service\n"
        "  --door=1|2        only the control socket (1), only the control block (2)\n"
        "  --timeout=TIME    wait this long for each service (default 2s)\n"
        "  -h, --help        help; after a verb, on that verb\n"
        "  -V, --version     the version\n";

int hk_ctl_fail(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("hakmemctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return status;
}

int hk_ctl_usage(const struct hk_ctl *ctl, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("hakmemctl: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	if (ctl->command != NULL)
		fprintf(stderr, "\nusage: hakmemctl %s %s\n", ctl->command->name, ctl->command->arguments);
	else
		fputs("\nusage: hakmemctl [OPTION...] VERB [ARGUMENT...]; hakmemctl help lists the verbs\n", stderr);
	return HK_EXIT_USAGE;
}

static const struct hk_command *find_command(const char *name)
{
	for (const struct hk_command *c = hk_commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static int unknown_verb(const struct hk_ctl *ctl, const char *name)
{
	struct hk_near near = {.want = name};

	for (const struct hk_command *c = hk_commands; c->name != NULL; c++)
		hk_near_offer(&near, c->name);
	if (near.best != NULL)
		return hk_ctl_usage(ctl, "unknown verb '%s': did you mean '%s'?", name, near.best);
	return hk_ctl_usage(ctl, "unknown verb '%s'", name);
}

static void help_on(const struct hk_command *c)
{
	printf("usage: hakmemctl %s %s\n\n%s\n", c->name, c->arguments, c->doc);
	if (strstr(c->arguments, "TARGET") != NULL)
		puts("TARGET: a pid, a program name, a systemd unit (both may be globs), or the path of a control socket.");
	if (c->detail != NULL)
		printf("\n%s", c->detail);
	if (c->run != hk_do_exec)
		printf("\nOptions:\n%s", hk_ctl_options);
	if (c->run == hk_do_stats)
		hk_ctl_print_counters();
	puts("\nExit status: 0 done, 1 refused or failed, 2 usage, 3 no such target.");
}

int hk_do_help(struct hk_ctl *ctl)
{
	if (ctl->nargs > 0) {
		const struct hk_command *c = find_command(ctl->args[0]);
		if (c == NULL)
			return unknown_verb(ctl, ctl->args[0]);
		if (ctl->json)
			return hk_out_json(hk_complete_table(c->name));
		help_on(c);
		return HK_EXIT_DONE;
	}
	if (ctl->json)
		return hk_out_json(hk_complete_table(NULL));
	puts("usage: hakmemctl [OPTION...] VERB [ARGUMENT...]\n\nVerbs:");
	for (const struct hk_command *c = hk_commands; c->name != NULL; c++)
		printf("  %-8s %-23s %s\n", c->name, strlen(c->arguments) <= 23 ? c->arguments : "[KEY=VALUE...] -- CMD",
		       c->doc);
	printf("\nOptions:\n%s", hk_ctl_options);
	puts("\nTARGET: a pid, a program name, a systemd unit (both may be globs), or the path of a control socket.\n"
	     "Exit status: 0 done, 1 refused or failed, 2 usage, 3 no such target.");
	return HK_EXIT_DONE;
}

int hk_do_version(struct hk_ctl *ctl)
{
	if (ctl->json)
		return hk_out_json(json_pack("[{s:s,s:i}]", "version", HAKMEM_VERSION, "layout", HK_BLOCK_LAYOUT));
	printf("hakmemctl %s (control block layout %u)\n", HAKMEM_VERSION, HK_BLOCK_LAYOUT);
	return HK_EXIT_DONE;
}

/* "2", "0.5", "500ms", "2s", "1min" → ms; 0 if it is none of these. */
static unsigned parse_time(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || !(n > 0))
		return 0;
	if (strcmp(end, "ms") == 0)
		n /= 1000;
	else if (strcmp(end, "min") == 0)
		n *= 60;
	else if (*end != '\0' && strcmp(end, "s") != 0)
		return 0;
	n *= 1000;
	return n < 1 ? 1 : n > UINT_MAX ? UINT_MAX : (unsigned) n;
}

/* In ms. */
static int take_time(const struct hk_ctl *ctl, const char *option, unsigned least, unsigned most, unsigned *ret_ms)
{
	const char *text = strchr(option, '=') + 1;

	*ret_ms = parse_time(text);
	if (*ret_ms == 0)
		return hk_ctl_usage(ctl, "%s: '%s' is not a time: 2s, 500ms, 1min", option, text);
	if (*ret_ms < least || *ret_ms > most)
		return hk_ctl_usage(ctl, "%s: it must be %ums to %umin", option, least, most / 60000);
	return 0;
}

static int parse_option(struct hk_ctl *ctl, const char *option)
{
	if (strcmp(option, "--json") == 0)
		ctl->json = true;
	else if (strcmp(option, "--prometheus") == 0)
		ctl->prometheus = true;
	else if (strcmp(option, "--diff") == 0)
		ctl->diff = true;
	else if (strcmp(option, "--all") == 0)
		ctl->all = true;
	else if (strcmp(option, "--once") == 0)
		ctl->once = true;
	else if (strcmp(option, "--dry-run") == 0)
		ctl->dry_run = true;
	else if (strcmp(option, "--restart") == 0)
		ctl->restart = true;
	else if (strcmp(option, "--no-reload") == 0)
		ctl->no_reload = true;
	else if (strcmp(option, "--no-socket") == 0)
		ctl->no_socket = true;
	else if (strcmp(option, "--force") == 0)
		ctl->force = true;
	else if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0)
		ctl->help = true;
	else if (strcmp(option, "--version") == 0 || strcmp(option, "-V") == 0)
		ctl->version = true;
	else if (strcmp(option, "--door=1") == 0 || strcmp(option, "--door=2") == 0)
		ctl->door = option[7] - '0';
	else if (strncmp(option, "--door", 6) == 0)
		return hk_ctl_usage(ctl, "'%s': --door=1 is the control socket, --door=2 the memory of the process", option);
	else if (strncmp(option, "--output=", 9) == 0 && option[9] != '\0')
		ctl->output = option + 9;
	else if (strncmp(option, "--timeout=", 10) == 0)
		return take_time(ctl, option, 1, MAX_TIME_MS, &ctl->timeout_ms);
	else if (strncmp(option, "--interval=", 11) == 0)
		return take_time(ctl, option, 100, 60000, &ctl->interval_ms);
	else
		return hk_ctl_usage(ctl, "unknown option '%s'", option);
	return 0;
}

/* The verb, its arguments, options among them, and what follows "--". argv is reused for the arguments. */
static int parse(struct hk_ctl *ctl, int argc, char **argv)
{
	bool verb = false;
	int r = 0;

	ctl->args = argv;
	for (int i = 1; r == 0 && i < argc; i++) {
		if (strcmp(argv[i], "--") == 0) {
			ctl->rest = argv + i + 1;
			ctl->nrest = argc - i - 1;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1] != '\0' && verb && ctl->command != NULL && ctl->command->run == hk_do_exec &&
		    ctl->nargs > 0 && strchr(ctl->args[ctl->nargs - 1], '=') == NULL) {
			r = hk_ctl_usage(ctl, "'%s %s': the command and its options go behind --", ctl->args[ctl->nargs - 1], argv[i]);
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			r = parse_option(ctl, argv[i]);
		} else if (!verb) {
			verb = true;
			ctl->command = find_command(argv[i]);
			r = ctl->command == NULL ? unknown_verb(ctl, argv[i]) : 0;
		} else {
			ctl->args[ctl->nargs++] = argv[i];
		}
	}
	return r;
}

static int check_arguments(const struct hk_ctl *ctl)
{
	const struct hk_command *c = ctl->command;

	if (ctl->all && strcmp(c->name, "reload") != 0)
		return hk_ctl_usage(ctl, "--all belongs to reload only%s", c->run == hk_do_change ? ": '*' names all services" : "");
	if (ctl->nargs < c->min)
		return hk_ctl_usage(ctl, "%s needs %s", c->name, c->arguments);
	if (c->max >= 0 && ctl->nargs > c->max)
		return hk_ctl_usage(ctl, "too many arguments: '%s'", ctl->args[c->max]);
	if (ctl->rest != NULL && c->run != hk_do_exec)
		return hk_ctl_usage(ctl, "'--' belongs to run only");
	if (ctl->force && c->run != hk_do_set)
		return hk_ctl_usage(ctl, "--force belongs to set only");
	if (ctl->diff && c->run != hk_do_check)
		return hk_ctl_usage(ctl, "--diff belongs to check only");
	if ((ctl->once || ctl->interval_ms > 0) && c->run != hk_do_top)
		return hk_ctl_usage(ctl, "%s belongs to top only", ctl->once ? "--once" : "--interval");
	if ((ctl->dry_run || ctl->restart || ctl->no_reload) && c->run != hk_do_enable && c->run != hk_do_disable)
		return hk_ctl_usage(ctl, "--dry-run, --restart and --no-reload belong to enable and disable only");
	if (ctl->no_socket && c->run != hk_do_enable)
		return hk_ctl_usage(ctl, "--no-socket belongs to enable only");
	if (ctl->restart && (ctl->dry_run || ctl->no_reload))
		return hk_ctl_usage(ctl, "--restart does not go with --dry-run or --no-reload");
	if (ctl->prometheus && c->run != hk_do_stats)
		return hk_ctl_usage(ctl, "--prometheus belongs to stats only");
	if (ctl->output != NULL && !ctl->prometheus)
		return hk_ctl_usage(ctl, "--output belongs to stats --prometheus only");
	return 0;
}

static int unhurried; /* the priority that the program was started with */

/* Who steers a machine that is busy to the brim wants to get a word in: the kernel gives root precedence. Long work gives it
   back (hk_ctl_patience), and verbs that live on or start other programs do without. */
static void hurry(const struct hk_ctl *ctl)
{
	static int (*const steady[])(struct hk_ctl *) = {hk_do_exec, hk_do_top, hk_do_doctor, hk_do_enable, hk_do_disable};

	for (size_t i = 0; i < HK_COUNT(steady); i++)
		if (ctl->command->run == steady[i])
			return;
	hk_pool_pause = hk_ctl_patience;
	hk_sys_prompt();
	unhurried = getpriority(PRIO_PROCESS, 0);
	(void) setpriority(PRIO_PROCESS, 0, HASTE);
}

void hk_ctl_patience(void)
{
	struct timespec used;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0 || (used.tv_sec == 0 && used.tv_nsec < HASTE_NS) ||
	    getpriority(PRIO_PROCESS, 0) != HASTE)
		return;
	(void) setpriority(PRIO_PROCESS, 0, unhurried);
}

static void configure(struct hk_ctl *ctl)
{
	struct hk_diags diags = {0};

	hk_env_read(environ, &ctl->env, &ctl->identity, &diags);
	hk_config_resolve(&ctl->identity, &ctl->env, NULL, NULL, &ctl->config, &diags);
	ctl->colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

int main(int argc, char **argv)
{
	static struct hk_ctl ctl = {.timeout_ms = DEFAULT_TIMEOUT_MS};
	int status;

	setlocale(LC_CTYPE, "");
	if (argc > 1 && strcmp(argv[1], "complete") == 0) {
		configure(&ctl);
		status = hk_do_complete(&ctl, argv + 2, argc - 2);
		fflush(stdout);
		_exit(status);
	}
	status = parse(&ctl, argc, argv);
	if (status == 0 && ctl.version)
		status = hk_do_version(&ctl);
	else if (status == 0 && ctl.command == NULL)
		status = ctl.help ? hk_do_help(&ctl) : hk_ctl_usage(&ctl, "a verb is missing");
	else if (status == 0 && ctl.help)
		help_on(ctl.command);
	else if (status == 0 && (status = check_arguments(&ctl)) == 0) {
		hurry(&ctl);
		configure(&ctl);
		status = ctl.command->run(&ctl);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		status = hk_ctl_fail(HK_EXIT_FAILED, "the output could not be written: %s", strerror(errno));
	_exit(status); /* not exit: a worker thread may be stuck in the kernel, and would be waited for */
}
