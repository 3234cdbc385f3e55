/* SPDX-License-Identifier: MIT
 *
 * Log lines and systemd's notifications.
 */
#include "daemon/daemon.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void hk_log(enum hk_log_level level, const char *format, ...)
{
	char line[1200];
	time_t now = time(NULL);
	struct tm tm;
	size_t n = 0;
	va_list args;

	if (getenv("JOURNAL_STREAM") != NULL)
		n = (size_t) snprintf(line, sizeof line, "<%d>", (int) level);
	else if (localtime_r(&now, &tm) != NULL && (n = strftime(line, sizeof line, "%Y-%m-%d %H:%M:%S ", &tm)) > 0)
		n += (size_t) snprintf(line + n, sizeof line - n, "hakmemd: ");
	va_start(args, format);
	vsnprintf(line + n, sizeof line - n - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return; /* nobody reads: nothing can be done about it */
}

void hk_notify(const char *format, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[256];
	va_list args;
	socklen_t size;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof address.sun_path)
		return;
	strcpy(address.sun_path, path);
	size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void) sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *) &address, size);
	close(fd);
}

unsigned hk_notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long us = usec != NULL ? strtoull(usec, NULL, 10) : 0;

	if (pid != NULL && strtol(pid, NULL, 10) != getpid())
		return 0;
	return (unsigned) hk_min(us / 2000, 3600000);
}
