/* SPDX-License-Identifier: MIT
 *
 * A main for a fuzz harness where libFuzzer is not: it replays the files it is given, or makes and tries
 * inputs of its own, the same ones every time ("-N": how many; default FUZZ_ROUNDS).
 */
#ifndef HK_FUZZ_REPLAY_H
#define HK_FUZZ_REPLAY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_INPUT_MAX 4096
#ifndef FUZZ_ROUNDS
#define FUZZ_ROUNDS 2000
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef HK_LIBFUZZER
static uint64_t fuzz_state = 88172645463325252U;

static uint64_t fuzz_next(void)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return fuzz_state;
}

/* Defined by the harness: fill bytes with something likely to be interesting. */
static size_t fuzz_invent(uint8_t *bytes, size_t size);

static int replay(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n = f != NULL ? fread(bytes, 1, sizeof(bytes), f) : 0;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	fclose(f);
	return LLVMFuzzerTestOneInput(bytes, n);
}

int main(int argc, char **argv)
{
	long rounds = argc == 1 ? FUZZ_ROUNDS : argv[1][0] == '-' ? atol(argv[1] + 1) : 0;
	int r = 0;

	for (long i = 0; i < rounds; i++) {
		uint8_t bytes[FUZZ_INPUT_MAX];

		(void) LLVMFuzzerTestOneInput(bytes, fuzz_invent(bytes, sizeof(bytes)));
	}
	for (int i = 1; rounds == 0 && i < argc; i++)
		r |= replay(argv[i]);
	return r;
}
#endif

#endif
