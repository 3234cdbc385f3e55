/* SPDX-License-Identifier: MIT
 *
 * hakmemd: command line, start, the loop, signals. The loop turns once; then what its callbacks have noted is done,
 * one thing after the other, until nothing is left.
 */
#include "daemon/daemon.h"
#include "ctl/lint.h"
#include "ctl/output.h"
#include "hakmem.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

extern char **environ;

#define THREADS "32" /* worker threads of libuv: each waits for one process at a time */

struct hk_own hk_own;

static const char help_text[] =
        "usage: hakmemd [--check] [--help] [--version]\n\n"
        "The host's daemon for hakmem: watches the configuration files, validates a changed one and lets every live\n"
        "service read it again; keeps the list of services; serves /metrics and /healthz over HTTP where the ini says.\n"
        "It stays in the foreground and logs to standard error. See hakmemd(8).\n\n"
        "  --check           examine the configuration files and end: 0 clean, 1 errors; hakmemctl check looks at\n"
        "                    live services, too\n"
        "  -h, --help        this help\n"
        "  -V, --version     the version\n\n"
        "SIGHUP: read the own settings ([hakmemd] in the ini) again. SIGTERM, SIGINT: end.\n"
        "Exit status: 0 done, 1 failed, 2 usage.\n";

/* ---- settings ---- */

bool hk_own_read(void)
{
	struct hk_diags diags = {.count = 0};
	struct hk_config config;

	hk_config_resolve(&hk_own.identity, &hk_own.env, NULL, NULL, &config, &diags);
	memcpy(hk_own.control_dir, config.values.text[HK_TEXT_CONTROL_DIR], sizeof hk_own.control_dir);
	memset(&diags, 0, sizeof diags);
	hk_settings_read(&hk_own.identity, &hk_own.settings, &diags);
	return hk_http_configure(hk_own.settings.listen);
}

static void configure(void)
{
	struct hk_diags diags = {.count = 0};
	struct stat st;

	hk_env_read(environ, &hk_own.env, &hk_own.identity, &diags);
	if (stat("/", &st) == 0) {
		hk_own.root_inode = st.st_ino;
		hk_own.root_device = st.st_dev;
	}
}

static int check(void)
{
	struct hk_lint lint;

	hk_lint_run(hk_own.identity.conf, &lint);
	for (size_t i = 0; i < json_array_size(lint.messages); i++) {
		const json_t *message = json_array_get(lint.messages, i);
		printf("%s: %s\n", hk_out_text(message, "level"), json_string_value(json_object_get(message, "message")));
	}
	for (size_t i = 0; json_array_size(lint.messages) == 0 && i < json_array_size(lint.files); i++)
		printf("%s: clean\n", json_string_value(json_array_get(lint.files, i)));
	return lint.errors > 0;
}

/* ---- signals, systemd ---- */

static void on_signal(uv_signal_t *handle, int number)
{
	(void) handle;
	hk_own.stop |= number != SIGHUP;
	hk_own.again |= number == SIGHUP;
}

static void catch_signals(void)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	static uv_signal_t handles[HK_COUNT(numbers)];

	signal(SIGPIPE, SIG_IGN); /* a service that goes away in mid-request is an error, not our end */
	for (size_t i = 0; i < HK_COUNT(numbers); i++) {
		uv_signal_init(uv_default_loop(), &handles[i]);
		uv_signal_start(&handles[i], on_signal, numbers[i]);
	}
}

static void on_watchdog(uv_timer_t *timer)
{
	(void) timer;
	hk_notify("WATCHDOG=1");
}

static void start_watchdog(void)
{
	static uv_timer_t timer;
	unsigned ms = hk_notify_watchdog_ms();

	uv_timer_init(uv_default_loop(), &timer);
	if (ms > 0)
		uv_timer_start(&timer, on_watchdog, ms, ms);
}

static void read_again(void)
{
	hk_notify("RELOADING=1");
	hk_log(HK_LOG_INFO, "SIGHUP: reading the settings again");
	if (hk_reload_check())
		(void) hk_own_read();
	else
		hk_log(HK_LOG_ERROR, "they stay as they are until the file is in order");
	hk_notify("READY=1");
}

/* ---- the loop ---- */

static void tell_status(void)
{
	static char last[HK_LISTEN_MAX + 64];
	const char *where = hk_http_listens();
	char text[sizeof last];
	unsigned n = hk_roster()->n;

	snprintf(text, sizeof text, "%u service%s%s%s", n, n == 1 ? "" : "s", where[0] != '\0' ? "; metrics on " : "", where);
	if (strcmp(text, last) == 0)
		return;
	strcpy(last, text);
	hk_notify("STATUS=%s", text);
}

static void work(void)
{
	const struct hk_set *set;

	if (hk_own.again) {
		hk_own.again = false;
		read_again();
	}
	hk_roster_update();
	tell_status();
	while ((set = hk_watch_changed()) != NULL)
		hk_reload_set(set);
	hk_metrics_work();
}

static int serve(void)
{
	setenv("UV_THREADPOOL_SIZE", THREADS, 0);
	catch_signals();
	if (!hk_reload_check())
		hk_log(HK_LOG_WARNING, "the files have errors (above): their other lines count");
	if (!hk_own_read())
		return 1;
	if (geteuid() != 0)
		hk_log(HK_LOG_WARNING, "not root: services of other users are not seen, unless their sockets admit this user");
	hk_watch_start();
	hk_processes_start();
	hk_roster_start();
	start_watchdog();
	hk_log(HK_LOG_INFO, "hakmemd %s watches %s%s; sockets in %s", HAKMEM_VERSION, hk_watch_name(hk_own.identity.conf),
	       hk_own.identity.conf[0] == '\0' ? " and " HK_SYSCONFDIR "/hakmem.d" : "", hk_own.control_dir);
	hk_notify("READY=1");
	while (!hk_own.stop) {
		uv_run(uv_default_loop(), UV_RUN_ONCE);
		work();
	}
	hk_notify("STOPPING=1");
	hk_http_stop();
	hk_log(HK_LOG_INFO, "ends");
	return 0;
}

int main(int argc, char **argv)
{
	int status = 2;

	setlocale(LC_CTYPE, "");
	configure();
	if (argc == 1) {
		status = serve();
	} else if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		status = fputs(help_text, stdout) < 0;
	} else if (argc == 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
		status = printf("hakmemd %s (control block layout %u)\n", HAKMEM_VERSION, HK_BLOCK_LAYOUT) < 0;
	} else if (argc == 2 && strcmp(argv[1], "--check") == 0) {
		status = check();
	} else {
		fprintf(stderr, "hakmemd: unknown argument '%s'\n%s", argv[argc > 2 ? 2 : 1], help_text);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "hakmemd: the output could not be written: %s\n", strerror(errno));
		status = 1;
	}
	_exit(status); /* not exit: a worker thread may be stuck in the kernel, and would be waited for */
}
