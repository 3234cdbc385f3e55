/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a configuration file: libFuzzer's entry, and without libFuzzer a main that replays the
 * files it is given, or, given "-N", makes and tries N files of its own. A crash, a sanitizer's
 * word or a set that does not hold together is a bug.
 *   clang -fsanitize=fuzzer,address -DHK_LIBFUZZER -Isrc -DHK_SYSCONFDIR='"/etc"' \
 *       -D_GNU_SOURCE tests/fuzz/fuzz_ini.c src/config/[a-z]*.c src/base/[a-z]*.c -l:libinih.a
 */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_set(const struct hk_config *config)
{
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		struct hk_value value, again;
		char text[HK_VALUE_MAX];

		hk_values_get(&config->values, (enum hk_key_id) k, &value);
		(void) hk_value_format((enum hk_key_id) k, &value, text);
		if (hk_value_parse((enum hk_key_id) k, text, &again, NULL, 0) != 0 ||
		    !hk_value_equal((enum hk_key_id) k, &value, &again))
			abort();
		if (config->origin[k] >= HK_ORIGIN_COUNT ||
		    (config->line[k] != 0 && config->file[k] >= config->nfiles))
			abort();
	}
	if (config->base_mode >= HK_MODE_COUNT || config->mode[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hk_config config;
	static struct hk_diags diags;
	struct hk_identity identity = {.program = "prog", .unit = "svc@1.service"};
	int fd = memfd_create("fuzz", 0), errors;

	if (fd < 0 || write(fd, data, size) != (ssize_t) size)
		abort();
	snprintf(identity.conf, sizeof(identity.conf), "/proc/self/fd/%d", fd);
	memset(&diags, 0, sizeof(diags));
	errors = hk_config_resolve(&identity, NULL, NULL, NULL, &config, &diags);
	if (errors < 0 || (uint32_t) errors != diags.errors || config.nfiles != 1)
		abort();
	hk_config_warn(&config, &diags);
	check_set(&config);
	close(fd);
	return 0;
}

#ifndef HK_LIBFUZZER
static uint64_t state = 88172645463325252U;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* clang-format off */
static const char *const words[] = {
	"[", "]", "\n", "\n", "=", " = ", ";", " ;", "#", "\"", ":", "\r\n", "\t", "\xef\xbb\xbf",
	"[hakmem]\n", "[web]\n", "[shop]\n", "[fast]\n", "[program:p*]\n", "[unit:svc@*]\n",
	"inherits = web\n", "inherits = shop\n", "mode = web\n", "mode", "on", "off",
	"1", "9", "M", "ms", "K", "*", "?", "[!", "\\", "/", "x",
};
/* clang-format on */

/* A file of words that mean something, in an order that mostly does not. */
static size_t invent(uint8_t *bytes, size_t size)
{
	size_t n = 0;

	while (n + 120 < size && next() % 400 != 0) {
		uint64_t choice = next() % 64;
		const char *word = choice < HK_COUNT(words) ? words[choice] : "";
		enum hk_key_id key = (enum hk_key_id)(next() % HK_KEY_COUNT);

		if (choice == 60)
			n += (size_t) sprintf((char *) bytes + n, "%s = %s\n", hk_keys[key].name,
			                      hk_keys[key].preset[next() % 5]);
		else if (choice == 61)
			bytes[n++] = (uint8_t) next();
		else if (choice == 62)
			n += (size_t) sprintf((char *) bytes + n, "%*s", (int) (next() % 100), "y");
		else if (choice == 63)
			n += (size_t) sprintf((char *) bytes + n, "%s", hk_keys[key].name);
		else
			n += (size_t) sprintf((char *) bytes + n, "%s", word);
	}
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 21];

	for (int i = 1; i < argc; i++) {
		FILE *file;

		if (argv[i][0] == '-') {
			for (long n = atol(argv[i] + 1); n > 0; n--)
				LLVMFuzzerTestOneInput(bytes, invent(bytes, 8000));
			continue;
		}
		file = fopen(argv[i], "rb");
		if (file == NULL) {
			perror(argv[i]);
			return 1;
		}
		LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, sizeof(bytes), file));
		fclose(file);
	}
	return 0;
}
#endif
