/* SPDX-License-Identifier: MIT
 *
 * A handler of SIGABRT that allocates, frees and trims: no lock may be left behind where the double free was found. Then it
 * lets the signal do its work.
 */
#include "bug.h"

#include <malloc.h>
#include <signal.h>

static void handler(int sig)
{
	for (int i = 0; i < 3000; i++)
		free(hidden(malloc(64)));
	(void) malloc_trim(0);
	(void) signal(sig, SIG_DFL);
	(void) raise(sig);
}

int main(int argc, char **argv)
{
	char *p[64];

	(void) argv;
	(void) signal(SIGABRT, handler);
	for (int i = 0; i < 64; i++)
		p[i] = malloc(64);
	free(hidden(p[3]));
	free(hidden(p[4]));
	if (bug(argc, "double free", p[3])) {
		free(hidden(p[3]));
		(void) malloc_trim(0);
	}
	return done();
}
