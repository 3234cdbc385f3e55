/* SPDX-License-Identifier: MIT
 *
 * A worker that has given up root's rights and forges the control block of its service, which root's
 * first process lives by. The arguments say how; the driver looks at what came of it.
 */
#include "control/block.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static struct hk_block *block;

/* Texts that name files, as the process's own. */
static void forge_names(const char *path)
{
	strcpy(block->socket, path);
	strcpy(block->identity.conf, path);
	strcpy(block->identity.root, path);
}

/* A set of values with a proper checksum. */
static int forge_values(const char *path)
{
	static struct hk_block_values values;

	if (hk_block_read(block, &values) != 0)
		return 1;
	strcpy(values.config.values.text[HK_TEXT_LOG], path);
	strcpy(values.set.values.text[HK_TEXT_LOG], path);
	values.set.mask |= (uint64_t) 1 << HK_KEY_LOG;
	values.config.values.num[HK_KEY_DEBUG] = HK_DEBUG_VERBOSE;
	values.config.values.num[HK_KEY_SECURITY] = HK_SECURITY_OFF;
	values.config.values.num[HK_KEY_BATCH_MAX] = 99;
	strcpy(values.what, "x\n* * * * * root id\n#");
	return hk_block_publish(block, &values) != 0;
}

/* Whole, but no values that text could have given. */
static int forge_nonsense(void)
{
	static struct hk_block_values values;

	if (hk_block_read(block, &values) != 0)
		return 1;
	memset(values.config.mode, 'x', sizeof(values.config.mode));
	values.config.values.num[HK_KEY_BATCH_MAX] = UINT64_MAX;
	values.config.values.num[HK_KEY_ELO_WINDOW] = 0;
	memset(&values.set, 0xff, sizeof(values.set));
	memset(&values.diags, 0x1b, sizeof(values.diags));
	memset(block->version, 'v', sizeof(block->version));
	memset(block->socket, 's', sizeof(block->socket));
	memset(&block->elo, 0xff, sizeof(block->elo));
	atomic_store(&block->slots_high, UINT32_MAX);
	return hk_block_publish(block, &values) != 0;
}

static int forge(const char *way, const char *path)
{
	if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0 || access(path, R_OK) == 0)
		return 2;
	if (strcmp(way, "names") == 0)
		forge_names(path);
	else
		return strcmp(way, "values") == 0 ? forge_values(path) : forge_nonsense();
	return 0;
}

static void churn(void)
{
	for (size_t i = 0; i < 2000; i++)
		free(malloc(100000 + i * 1000));
	(void) malloc_trim(0);
}

static int children(const char *way, const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(forge(way, path));
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return 1;
	child = fork(); /* one more that takes a slot of the forged block */
	if (child == 0) {
		churn();
		_exit(0);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

/* WAY PATH: forge, then go on as before; until stdin ends; print what a reader of the block may find there. */
int main(int argc, char **argv)
{
	struct hk_block **pointer = dlsym(RTLD_DEFAULT, "hakmem_control_block");
	char c;

	if (argc != 3 || pointer == NULL || *pointer == NULL)
		return 9;
	block = *pointer;
	if (children(argv[1], argv[2]) != 0)
		return 8;
	churn();
	puts("ready");
	(void) fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		churn();
	for (unsigned i = 0; i < HK_DIAGS; i++)
		printf("diag: %.*s\n", HK_DIAG_MAX, block->reload_diags.text[i]);
	return 0;
}
