/* SPDX-License-Identifier: MIT
 *
 * A write into a freed block that keeps its memory, found by a trim: a handler of SIGABRT that needs the same lock, because it
 * allocates such blocks and trims, must not wait for itself. Only security = full has them; run.sh sets that for programs
 * whose name ends in _full.
 */
#include "bug.h"

#include <malloc.h>
#include <signal.h>

#define BYTES 40000

static void handler(int sig)
{
	for (int i = 0; i < 100; i++)
		free(hidden(malloc(BYTES)));
	(void) malloc_trim(0);
	(void) signal(sig, SIG_DFL);
	(void) raise(sig);
}

int main(int argc, char **argv)
{
	char *p = hidden(malloc(BYTES));

	(void) argv;
	(void) signal(SIGABRT, handler);
	free(p);
	if (bug(argc, "write after free", p))
		((char *) hidden(p))[BYTES / 2] = 1;
	(void) malloc_trim(0);
	return done();
}
