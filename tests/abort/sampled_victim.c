/* SPDX-License-Identifier: MIT
 *
 * sampled_victim KIND: misuses blocks of 48 bytes until it is stopped, in functions that a report should name. KIND: read, write
 * (after free), over, under, double, interior; "handled" is read with a handler of the program's own for SIGSEGV, "jump" the
 * same that goes on with siglongjmp, "reset" one that is to get it once and returns; "late" is read after 4,000 sound blocks;
 * "none" does no wrong, nor does "stack", on a small stack of its own right below closed pages. At most 100,000 blocks, and no faster than asked for: "slow" as a second word.
 */
#include <stdlib.h>

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __clang__
#define NAMED __attribute__((noinline))
#define WITHOUT_FRAME
#else
#define NAMED __attribute__((noinline, noclone))
#define WITHOUT_FRAME __attribute__((optimize("O1", "omit-frame-pointer")))
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

	static int calls;

	(void) number;
	(void) !write(STDOUT_FILENO, text, sizeof(text) - 1);
	if (strcmp(kind, "jump") == 0)
		siglongjmp(back, 1);
	if (strcmp(kind, "reset") != 0 || ++calls > 1)
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
	else if (strcmp(kind, "none") != 0 && strcmp(kind, "stack") != 0)
		use_here(p);
}

NAMED static void often(void)
{
	for (int i = 0; i < 100; i++)
		once();
}

/* The reader of stacks takes the caller's frame to go on where the small stack ends. */
NAMED WITHOUT_FRAME static void elsewhere(void (*function)(void))
{
#ifdef __x86_64__
	char *map = mmap(NULL, 3 * 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + 65536, 65536, PROT_READ | PROT_WRITE) != 0)
		_exit(2);
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
	                 "movq %%rbp, %%r12\n\t"
	                 "movq %0, %%rsp\n\t"
	                 "movq %0, %%rbp\n\t"
	                 "call *%1\n\t"
	                 "movq %%r12, %%rbp\n\t"
	                 "movq %%rbx, %%rsp"
	                 :
	                 : "r"(map + 131072), "r"(function)
	                 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "memory", "cc");
#else
	function();
#endif
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
	if (strcmp(kind, "reset") == 0)
		(void) sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_segv, .sa_flags = (int) SA_RESETHAND}, NULL);
	if (strcmp(kind, "stack") == 0) {
		elsewhere(often);
		return 0;
	}
	if (sigsetjmp(back, 1) != 0)
		return 0;
	if (strcmp(kind, "late") == 0) {
		kind = "none";
		for (int i = 0; i < 4000; i++)
			far_below();
		kind = "read";
	}
	for (int i = 0; i < 100000; i++) {
		far_below();
		if (argc > 2)
			usleep(1000);
	}
	return 0;
}
