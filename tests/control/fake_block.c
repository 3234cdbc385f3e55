/* SPDX-License-Identifier: MIT
 *
 * A program with a control block of its own making, for the tests of hakmemctl: "layout" of another
 * version, "noise" that is of this version only on the surface, "nothing" but a pointer into the void.
 */
#include "control/block.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct hk_block *hakmem_control_block;

static void make_noise(struct hk_block *block)
{
	unsigned char *bytes = (unsigned char *) block;
	uint64_t x = 88172645463325252U;

	for (size_t i = 0; i < sizeof *block; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bytes[i] = (unsigned char) (x | 1); /* no byte is 0: no text ends */
	}
	block->size = sizeof *block;
	block->pulse[0] = 2;
	hk_block_seal(&block->values[0], 2);
	for (unsigned i = 0; i < HK_SLOTS; i++)
		block->slot[i].pid = (uint32_t) getpid();
}

int main(int argc, char **argv)
{
	struct hk_block *block = mmap(NULL, sizeof *block, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (block == MAP_FAILED || argc != 2)
		return 2;
	if (strcmp(argv[1], "noise") == 0)
		make_noise(block);
	block->magic = HK_BLOCK_MAGIC;
	block->layout = strcmp(argv[1], "layout") == 0 ? 99 : HK_BLOCK_LAYOUT;
	if (block->layout == 99)
		strcpy(block->version, "9.9.9");
	hakmem_control_block = strcmp(argv[1], "nothing") == 0 ? (struct hk_block *) 4096 : block;
	puts("ready");
	fflush(stdout);
	sleep(60);
	return 0;
}
