/* SPDX-License-Identifier: MIT
 *
 * A program that holds known amounts of memory, for the test of hakmemctl explain. Arguments KIND=MIB, in
 * this order carried out; then it prints "ready" and waits, or (busy=1) goes on allocating small blocks.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MIB ((size_t) 1 << 20)

static unsigned seed = 12345;

static void *touched(size_t size)
{
	char *p = malloc(size);

	if (p == NULL)
		_exit(1);
	memset(p, 1, size);
	return p;
}

/* Blocks of size bytes, in all mib MiB; of every `of` blocks, picked at random, keep are kept. */
static void blocks(size_t mib, size_t size, unsigned keep, unsigned of)
{
	size_t n = mib * MIB / size;
	void **all = touched(n * sizeof *all);

	for (size_t i = 0; i < n; i++)
		all[i] = touched(size);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245U + 12345U;
		if ((seed >> 16) % of >= keep)
			free(all[i]);
	}
	free(all);
}

/* Blocks of 4 MiB, a page of each 2 MiB touched. */
static void sparse(size_t mib)
{
	for (size_t i = 0; i < mib / 4; i++) {
		char *p = malloc(4 * MIB);
		if (p == NULL)
			_exit(1);
		p[MIB / 2] = p[MIB / 2 * 5] = 1;
	}
}

/* A freed block that the kernel may take, as hakmem itself leaves them under pressure. */
static void soften(size_t size)
{
	void *p = touched(size);
	volatile uintptr_t addr = (uintptr_t) p; /* or the compiler warns */

	free(p);
	if (madvise((void *) addr, size, MADV_FREE) != 0)
		_exit(1);
}

static void *idle(void *bytes)
{
	volatile char used[MIB];

	for (size_t i = 0; i < sizeof used; i += 512)
		used[i] = 1;
	*(volatile char *) bytes = used[MIB / 2];
	pause();
	return NULL;
}

static void map(size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	memset(p, 1, size);
}

/* Children go when their parent does, however it ends. */
static void fork_some(size_t n)
{
	pid_t parent = getpid(), child = 1;

	for (; n > 0 && child != 0; n--)
		child = fork();
	if (child == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
		_exit(1);
}

static void carry_out(const char *kind, size_t n)
{
	static char byte;
	pthread_t thread;

	if (strcmp(kind, "small") == 0)
		blocks(n, 192, 1, 1);
	else if (strcmp(kind, "scattered") == 0)
		blocks(n, 256, 1, 4);
	else if (strcmp(kind, "large") == 0)
		blocks(n, 2 * MIB, 1, 1);
	else if (strcmp(kind, "freed") == 0)
		blocks(n, 2 * MIB, 0, 1);
	else if (strcmp(kind, "untouched") == 0)
		*(void *volatile *) &(void *) {NULL} = malloc(n * MIB);
	else if (strcmp(kind, "sparse") == 0)
		sparse(n);
	else if (strcmp(kind, "softened") == 0)
		soften(n * MIB);
	else if (strcmp(kind, "mmap") == 0)
		map(n * MIB, MAP_PRIVATE);
	else if (strcmp(kind, "shared") == 0)
		map(n * MIB, MAP_SHARED);
	else if (strcmp(kind, "brk") == 0)
		memset(sbrk((intptr_t) (n * MIB)), 1, n * MIB);
	else if (strcmp(kind, "threads") == 0)
		for (; n > 0; n--)
			(void) pthread_create(&thread, NULL, idle, &byte);
	else if (strcmp(kind, "fork") == 0)
		fork_some(n);
	else if (strcmp(kind, "busy") != 0)
		_exit(2);
}

int main(int argc, char **argv)
{
	int busy = 0;

	for (int i = 1; i < argc; i++) {
		char *value = strchr(argv[i], '=');
		if (value == NULL)
			return 2;
		*value = '\0';
		busy |= strcmp(argv[i], "busy") == 0;
		carry_out(argv[i], strtoul(value + 1, NULL, 10));
	}
	puts("ready");
	fflush(stdout);
	while (busy) {
		void *kept[600];
		for (int i = 0; i < 600; i++)
			kept[i] = malloc(40 + (size_t) (i % 7) * 50);
		for (int i = 0; i < 600; i++)
			free(kept[i]);
		usleep(2000);
	}
	pause();
	return 0;
}
