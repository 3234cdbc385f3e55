/* SPDX-License-Identifier: MIT
 *
 * A write into memory that was given back, and a handler of SIGABRT that allocates from the very slab: it must not meet the fault
 * again, nor another one that is none.
 */
#include "bug.h"

#include <malloc.h>
#include <signal.h>

static void *p[200];

static void handler(int sig)
{
	for (int i = 0; i < 200; i++)
		free(hidden(malloc(16)));
	for (int i = 0; i < 200; i++)
		p[i] = malloc(16);
	(void) signal(sig, SIG_DFL);
	(void) raise(sig);
}

int main(int argc, char **argv)
{
	char *victim;

	(void) argv;
	(void) signal(SIGABRT, handler);
	for (int i = 0; i < 200; i++)
		p[i] = malloc(16);
	victim = p[100];
	for (int i = 0; i < 200; i++)
		free(hidden(p[i]));
	(void) malloc_trim(0);
	if (bug(argc, "write beyond a neighbouring block", NULL))
		memset(hidden(victim), 'x', 16);
	for (int i = 0; i < 200; i++)
		p[i] = malloc(16);
	return done();
}
