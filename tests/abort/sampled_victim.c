/* SPDX-License-Identifier: MIT
 *
 * sampled_victim KIND: misuses blocks of 48 bytes until it is stopped, in functions that a report should name. KIND: read, write
 * (after free), over, under, double, interior; "handled" is read with a handler of the program's own for SIGSEGV, "jump" the
 * same that goes on with siglongjmp; "none" does no wrong. At most 100,000 blocks, and no faster than asked for: "slow" as a second word.
 */
#include <stdlib.h>

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#ifdef __clang__
#define NAMED __attribute__((noinline))
#else
#define NAMED __attribute__((noinline, noclone))
#endif

static volatile char sink;
static sigjmp_buf back;
static const char *kind;

NAMED static char *alloc_here(void)
{
	char *p = malloc(48);

	if (p != NULL)
		memset(p, 7, 48);
	return p;
}

NAMED static void free_here(char *p)
{
	free(p);
	sink = 1;
}

NAMED static void use_here(volatile char *p)
{
	if (strcmp(kind, "write") == 0)
		p[8] = 1;
	else
		sink = p[8];
}

NAMED static void stray_here(volatile char *p, long at)
{
	p[at] = 9;
	sink = 1;
}

static void on_segv(int number)
{
	static const char text[] = "my own handler\n";

	(void) number;
	(void) !write(STDOUT_FILENO, text, sizeof(text) - 1);
	if (strcmp(kind, "jump") == 0)
		siglongjmp(back, 1);
	_exit(7);
}

NAMED static void once(void)
{
	char *p = alloc_here();

	if (strcmp(kind, "over") == 0)
		stray_here(p, 48);
	if (strcmp(kind, "under") == 0)
		stray_here(p, -1);
	if (strcmp(kind, "interior") == 0)
		p += 16;
	free_here(p);
	if (strcmp(kind, "double") == 0)
		free_here(p);
	else if (strcmp(kind, "none") != 0)
		use_here(p);
}

/* So that main's frame is some pages away. */
NAMED static void far_below(void)
{
	volatile char room[12288];

	room[0] = 1;
	once();
	room[sizeof(room) - 1] = room[0];
}

int main(int argc, char **argv)
{
	kind = argc > 1 ? argv[1] : "none";
	if (strcmp(kind, "handled") == 0 || strcmp(kind, "jump") == 0)
		(void) signal(SIGSEGV, on_segv);
	if (sigsetjmp(back, 1) != 0)
		return 0;
	for (int i = 0; i < 100000; i++) {
		far_below();
		if (argc > 2)
			usleep(1000);
	}
	return 0;
}
