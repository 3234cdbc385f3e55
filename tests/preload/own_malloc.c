/* SPDX-License-Identifier: MIT
 *
 * A program with a malloc of its own, which replaces what glibc's manual demands and no more: what else takes or gives memory
 * must then work on the program's blocks. Prints "done".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char heap[1 << 22];
static size_t used;
static unsigned calls;

static size_t size_of(const void *p)
{
	size_t size;

	memcpy(&size, (const char *) p - 16, sizeof(size));
	return size;
}

void *malloc(size_t size)
{
	size_t bytes = (size + 15) & ~(size_t) 15;
	char *p = heap + used;

	if (bytes < size || bytes + 16 > sizeof(heap) - used)
		return NULL;
	calls++;
	memcpy(p, &bytes, sizeof(bytes));
	used += bytes + 16;
	return p + 16;
}

void free(void *p)
{
	if (p != NULL && ((char *) p < heap || (char *) p >= heap + used))
		abort();
}

void *calloc(size_t n, size_t size)
{
	void *p = malloc(n * size);

	return p != NULL ? memset(p, 0, n * size) : NULL;
}

void *realloc(void *p, size_t size)
{
	void *fresh = malloc(size);

	if (fresh != NULL && p != NULL)
		memcpy(fresh, p, size_of(p) < size ? size_of(p) : size);
	free(p);
	return fresh;
}

int main(void)
{
	char *p = reallocarray(NULL, 10, 10), *line = NULL;
	size_t room = 0;
	FILE *file = fopen("/proc/self/status", "r");

	if (p == NULL || file == NULL || getline(&line, &room, file) < 5)
		return 2;
	fclose(file);
	strcpy(p, "kept");
	p = reallocarray(p, 1000, 10);
	if (p == NULL || strcmp(p, "kept") != 0)
		return 3;
	free(p);
	free(line);
	p = strdup("copied");
	free(p);
	if (calls < 5)
		return 4;
	puts("done");
	return 0;
}
