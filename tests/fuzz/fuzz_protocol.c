/* SPDX-License-Identifier: MIT
 *
 * Any bytes as request lines to the control door. Every reply must be terminated, start as a JSON object and say
 * whether it is ok; what is changed is published, so that the next line meets it. See replay.h.
 */
#include "control/block.h"
#include "replay.h"

#include <string.h>
#include <unistd.h>

static struct hk_block block;
static struct hk_block_values values;

static void start(void)
{
	static struct hk_diags diags;

	if (block.magic == HK_BLOCK_MAGIC)
		return;
	block.magic = HK_BLOCK_MAGIC;
	block.layout = HK_BLOCK_LAYOUT;
	block.size = sizeof(block);
	block.pid = (uint32_t) getpid();
	block.nslots = 1;
	strcpy(block.identity.program, "fuzz");
	strcpy(block.identity.conf, "/dev/null");
	(void) hk_config_resolve(&block.identity, &block.env, NULL, NULL, &values.config, &diags);
	values.generation = 1;
	block.pulse[0] = 1;
	(void) hk_block_publish(&block, &values);
}

static void request(const char *line)
{
	static char reply[65536];
	struct hk_request r = {.block = &block, .identity = &block.identity, .env = &block.env, .root = "", .may_change = true};
	bool changed = false;
	int status;

	memset(reply, 'x', sizeof(reply));
	status = hk_verb_run(&r, line, &values, &changed, reply, sizeof(reply));
	if (memchr(reply, '\0', sizeof(reply)) == NULL || strchr(reply, '\n') != NULL)
		abort();
	if (strncmp(reply, status == 0 ? "{\"ok\":true" : "{\"ok\":false", status == 0 ? 10 : 11) != 0)
		abort();
	if (changed && status != 0)
		abort();
	if (changed)
		(void) hk_block_publish(&block, &values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[4096];
	size_t n = 0;

	start();
	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] != '\n' && data[i] != '\0' && n < sizeof(line) - 1) {
			line[n++] = (char) data[i];
			continue;
		}
		line[n] = '\0';
		request(line);
		n = 0;
	}
	return 0;
}

#ifndef HK_LIBFUZZER
/* clang-format off */
static const char *const words[] = {
	"status", "stats", "list", "get", "set", "freeze", "learn", "canary", "reload", "trim", "log", "export", "help",
	"version", " ", " ", " ", " ", "\n", "\n", "=", "=", "-", "\"", "\\", "\x01", "\xff", "on", "off", "1", "64", "M", "ms",
	"thp", "mode", "fast", "purge_delay", "batch_max", "control", "log", "canary_percent", "bigcahe", "auto", "999999999999999999999",
};
/* clang-format on */

static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = 0;

	while (n + 32 < size / 8) {
		const char *word = words[fuzz_next() % (sizeof(words) / sizeof(words[0]))];

		memcpy(bytes + n, word, strlen(word));
		n += strlen(word);
	}
	return n;
}
#endif
