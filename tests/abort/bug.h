/* SPDX-License-Identifier: MIT
 *
 * Frame of the one-bug programs. `PROG ok` runs to its end without the bug and prints "done";
 * `PROG` announces the line that must appear on stderr ("expect …" on stdout) and commits it.
 * hidden() keeps the compiler from seeing where a pointer comes from.
 */
#ifndef HK_TESTS_BUG_H
#define HK_TESTS_BUG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOREIGN "free of a pointer that malloc did not return"

static inline void *hidden(const volatile void *p)
{
	void *volatile q = (void *) (uintptr_t) p;

	return q;
}

/* True when the bug is wanted; then says what must come: "hakmem: TEXT: ADDRESS" (NULL: any address). */
static inline int bug(int argc, const char *text, const volatile void *address)
{
	char line[200];
	int n;

	if (argc > 1)
		return 0;
	n = address == NULL ? snprintf(line, sizeof(line), "expect hakmem: %s: *\n", text)
	                    : snprintf(line, sizeof(line), "expect hakmem: %s: %p\n", text, hidden(address));
	return write(STDOUT_FILENO, line, (size_t) n) == n;
}

static inline int done(void)
{
	return write(STDOUT_FILENO, "done\n", 5) == 5 ? 0 : 1;
}

#endif
