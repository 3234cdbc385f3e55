/* SPDX-License-Identifier: MIT
 *
 * A C module for dlopen: allocates when loaded, hands blocks out, takes blocks in.
 */
#include <stdlib.h>
#include <string.h>

char *module_make(size_t size);
void module_free(char *p);

static char *mine;

__attribute__((constructor)) static void load(void)
{
	mine = malloc(333);
}

__attribute__((destructor)) static void unload(void)
{
	free(mine);
}

char *module_make(size_t size)
{
	char *p = malloc(size);

	if (p != NULL)
		memset(p, 0x42, size);
	return p;
}

void module_free(char *p)
{
	free(p);
}
