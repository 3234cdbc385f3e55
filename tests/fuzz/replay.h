/* SPDX-License-Identifier: MIT
 *
 * A main for a fuzz harness where libFuzzer is not. Without arguments: the harness's corpus, then FUZZ_ROUNDS inputs of its
 * own making, the same ones every time. "-N": N of these. Else: the files and folders that are named.
 */
#ifndef HK_FUZZ_REPLAY_H
#define HK_FUZZ_REPLAY_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_INPUT_MAX 4096
#ifndef FUZZ_ROUNDS
#define FUZZ_ROUNDS 2000
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where a sanitizer or a debugger shows the line. */
#define FUZZ_CHECK(condition)                                                            \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                         \
		}                                                                        \
	} while (0)

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

static unsigned fuzz_replayed;

static int fuzz_replay(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n = f != NULL ? fread(bytes, 1, sizeof(bytes), f) : 0;
	uint8_t *exact; /* so that a sanitizer sees a step beyond the end */

	if (f == NULL || (exact = malloc(n + 1)) == NULL) {
		perror(path);
		return 1;
	}
	fclose(f);
	for (size_t i = 0; i < n; i++)
		exact[i + 1] = bytes[i];
	(void) LLVMFuzzerTestOneInput(exact + 1, n);
	free(exact);
	fuzz_replayed++;
	return 0;
}

static int fuzz_replay_all(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	char file[1024];
	int r = 0;

	if (dir == NULL)
		return fuzz_replay(path);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		r |= fuzz_replay(file);
	}
	closedir(dir);
	return r;
}

static int fuzz_corpus(const char *program)
{
	const char *src = getenv("HK_SRC"), *name = program;
	char path[1024];

	for (; *program != '\0'; program++)
		if (*program == '/')
			name = program + 1;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", src != NULL ? src : ".", name + sizeof("fuzz_") - 1);
	if (fuzz_replay_all(path) == 0 && fuzz_replayed > 0)
		return 0;
	fprintf(stderr, "no corpus in %s\n", path);
	return 1;
}

#undef main /* hakmemctl's own may be linked in under another name */
int main(int argc, char **argv)
{
	long rounds = argc == 1 ? FUZZ_ROUNDS : argv[1][0] == '-' ? atol(argv[1] + 1) : 0;
	int r = argc == 1 ? fuzz_corpus(argv[0]) : 0;

	for (long i = 0; i < rounds; i++) {
		uint8_t bytes[FUZZ_INPUT_MAX];

		(void) LLVMFuzzerTestOneInput(bytes, fuzz_invent(bytes, sizeof(bytes)));
	}
	for (int i = 1; rounds == 0 && i < argc; i++)
		r |= fuzz_replay_all(argv[i]);
	return r;
}
#endif

#endif
