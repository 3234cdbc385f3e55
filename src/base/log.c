/* SPDX-License-Identifier: MIT
 *
 * Log lines and fatal errors by write(2). hk_fatal formats by hand, because it may run where
 * even snprintf must not (a signal handler, a half-initialised libc).
 */
#include "base/log.h"

#include "base/sys.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char target_path[108]; /* "" is stderr, "none" is nowhere, else a path */

void hk_log_target(const char *target)
{
	if (strcmp(target, "stderr") == 0)
		target = "";
	(void) hk_text_copy(target_path, sizeof(target_path), target);
}

static void put(const char *text, size_t n)
{
	bool own = target_path[0] != '\0';
	int fd = STDERR_FILENO;

	if (strcmp(target_path, "none") == 0)
		return;
	if (own)
		fd = open(target_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return;
	(void) !write(fd, text, n);
	if (own) /* also where the program had closed its standard error, and this became number 2 */
		(void) close(fd);
}

void hk_log_line(const char *format, ...)
{
	char line[512];
	va_list args;
	int saved = errno, n, head = snprintf(line, sizeof(line), "hakmem[%d]: ", (int) getpid());

	va_start(args, format);
	n = vsnprintf(line + head, sizeof(line) - (size_t) head - 1, format, args);
	va_end(args);
	n = n < 0 ? head : (int) hk_min((size_t) (head + n), sizeof(line) - 2);
	line[n] = '\n';
	put(line, (size_t) n + 1);
	errno = saved;
}

/* Not a second time through a handler of SIGABRT that has just met the same fault. */
static _Noreturn void end_process(void)
{
	static _Atomic uint32_t dying;

	if (atomic_exchange(&dying, hk_sys_tid()) == hk_sys_tid())
		(void) signal(SIGABRT, SIG_DFL);
	abort();
}

void (*_Atomic hk_fatal_more)(const void *address);

void hk_fatal(const char *fault, const void *address)
{
	void (*more)(const void *) = atomic_exchange(&hk_fatal_more, NULL);
	char line[160], *end = line + sizeof(line) - 1, *digits = end;
	uintptr_t a = (uintptr_t) address;
	size_t n = 0, room;

	if (more != NULL)
		more(address);
	*--digits = '\n';
	do {
		*--digits = "0123456789abcdef"[a & 15];
		a >>= 4;
	} while (a != 0);
	*--digits = 'x';
	*--digits = '0';
	room = (size_t) (digits - line);
	for (const char *s = "hakmem: "; *s != '\0'; s++)
		line[n++] = *s;
	for (const char *s = fault; *s != '\0' && n < room - 2; s++)
		line[n++] = *s;
	line[n++] = ':';
	line[n++] = ' ';
	memmove(line + n, digits, (size_t) (end - digits));
	(void) !write(STDERR_FILENO, line, n + (size_t) (end - digits));
	end_process();
}
