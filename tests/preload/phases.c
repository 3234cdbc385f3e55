/* SPDX-License-Identifier: MIT
 *
 * For memory_group.sh and idle.sh: a heap of small blocks dies, then large blocks come that its memory cannot serve. phases MB keeps
 * less than MB megabytes alive at any time, and as much again warm unless somebody gives it back. "hold" waits with
 * one phase's memory free until stdin ends; "outside" takes as much again by mmap, past malloc.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MB ((size_t) 1 << 20)

static void *must(void *p)
{
	if (p == NULL) {
		(void) fputs("no memory\n", stderr);
		exit(3);
	}
	return p;
}

/* bytes in blocks of `size`, linked through their first word. */
static void *fill(size_t bytes, size_t size)
{
	void **list = NULL;

	for (size_t n = 0; n < bytes / size; n++) {
		void **p = must(malloc(size));

		memset(p, 1, size);
		*p = list;
		list = p;
	}
	return list;
}

static void drop(void *list)
{
	while (list != NULL) {
		void *next = *(void **) list;

		free(list);
		list = next;
	}
}

/* As programs with allocators of their own do, right after much was freed. */
static void outside(size_t bytes)
{
	for (size_t size = 300; size <= 300000; size *= 10) {
		char *p;

		drop(fill(bytes, size));
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			exit(3);
		memset(p, 1, bytes);
		(void) munmap(p, bytes);
	}
}

int main(int argc, char **argv)
{
	size_t bytes = (size_t) (argc > 1 ? atoi(argv[1]) : 100) * MB * 9 / 10;
	char byte;

	if (argc > 2 && strcmp(argv[2], "outside") == 0) {
		outside(bytes);
		return 0;
	}
	for (int round = 0; round < 3; round++) {
		char *p;

		drop(fill(bytes, 400));
		p = must(malloc(bytes));
		memset(p, 1, bytes);
		free(p);
	}
	drop(fill(bytes, 100000));
	if (argc > 2 && strcmp(argv[2], "hold") == 0) {
		(void) !write(STDOUT_FILENO, "free\n", 5);
		(void) !read(STDIN_FILENO, &byte, 1);
	}
	(void) !write(STDOUT_FILENO, "done\n", 5);
	return 0;
}
