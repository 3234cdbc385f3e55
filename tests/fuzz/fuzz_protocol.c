/* SPDX-License-Identifier: MIT
 *
 * Any bytes as request lines to the control door, those of an operator and those of a reader in turn, with a
 * configuration file that the input brings along. Every reply must be one JSON object that says whether it is ok, within its
 * buffer; what is refused or only looks changes nothing; what is changed is published, so that the next line meets it.
 */
#include "control/block.h"
#include "replay.h"

#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct hk_block block;
static struct hk_block_values values;
static int conf = -1;

static void start(void)
{
	static struct hk_diags diags;

	if (conf < 0) {
		conf = memfd_create("conf", 0);
		FUZZ_CHECK(conf >= 0);
	}
	memset(&block, 0, offsetof(struct hk_block, slot[1])); /* the other slots are never used */
	memset(&values, 0, sizeof(values));
	block.magic = HK_BLOCK_MAGIC;
	block.layout = HK_BLOCK_LAYOUT;
	block.size = sizeof(block);
	block.pid = (uint32_t) getpid();
	block.slots_high = 1;
	strcpy(block.identity.program, "fuzz");
	snprintf(block.identity.conf, sizeof(block.identity.conf), "/proc/self/fd/%d", conf);
	FUZZ_CHECK(ftruncate(conf, 0) == 0);
	(void) hk_config_resolve(&block.identity, &block.env, NULL, NULL, &values.config, &diags);
	values.generation = 1;
	block.pulse[0] = 1;
	FUZZ_CHECK(hk_block_publish(&block, &values) == 0);
}

/* The object of a reply; size: of its buffer. */
static json_t *parse(const char *reply, size_t size)
{
	json_error_t why;
	json_t *object;

	FUZZ_CHECK(memchr(reply, '\0', size) != NULL);
	for (const char *c = reply; *c != '\0'; c++)
		FUZZ_CHECK((unsigned char) *c >= 0x20 && *c != 0x7f);
	object = json_loads(reply, JSON_REJECT_DUPLICATES, &why);
	FUZZ_CHECK(json_is_object(object));
	return object;
}

static void check_published(const json_t *reply)
{
	static struct hk_block_values now;

	FUZZ_CHECK(hk_block_publish(&block, &values) == 0);
	FUZZ_CHECK(hk_block_read(&block, &now) == 0);
	FUZZ_CHECK((uint64_t) json_integer_value(json_object_get(reply, "generation")) == now.generation);
	for (unsigned k = 0; k < HK_KEY_COUNT; k++)
		FUZZ_CHECK(hk_values_equal(&now.config.values, &values.config.values, (enum hk_key_id) k));
}

static void request(const char *line, bool may_change)
{
	static char reply[HK_REPLY_MAX];
	struct hk_request r = {.block = &block, .identity = &block.identity, .env = &block.env, .root = "", .may_change = may_change};
	bool changed = false;
	int status;
	json_t *object;

	memset(reply, 'x', sizeof(reply));
	status = hk_verb_run(&r, line, &values, &changed, reply, sizeof(reply));
	object = parse(reply, sizeof(reply));
	FUZZ_CHECK(json_is_boolean(json_object_get(object, "ok")));
	FUZZ_CHECK(json_is_true(json_object_get(object, "ok")) == (status == 0));
	FUZZ_CHECK(status == 0 || json_string_length(json_object_get(object, "error")) > 0);
	FUZZ_CHECK(!changed || (status == 0 && may_change));
	if (changed) {
		check_published(object);
		hk_verb_complete(&r, &values, reply, sizeof(reply));
		json_decref(object);
		object = parse(reply, sizeof(reply));
		FUZZ_CHECK(json_is_integer(json_object_get(object, "applied")));
	}
	json_decref(object);
}

/* "<line": a line of the configuration file; ">line": from one who may only look. */
static void take(const char *line)
{
	size_t n = strlen(line);

	if (line[0] != '<')
		request(line[0] == '>' ? line + 1 : line, line[0] != '>');
	else
		FUZZ_CHECK(write(conf, line + 1, n - 1) == (ssize_t) (n - 1) && write(conf, "\n", 1) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[HK_LINE_MAX + 1];
	size_t n = 0;

	start();
	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] != '\n' && data[i] != '\0' && n < sizeof(line) - 1) {
			line[n++] = (char) data[i];
			continue;
		}
		line[n] = '\0';
		take(line);
		n = 0;
	}
	return 0;
}

#ifndef HK_LIBFUZZER
/* clang-format off */
static const char *const words[] = {
	"status", "stats", "list", "get", "set", "freeze", "learn", "canary", "reload", "trim", "log", "export", "help", "diff",
	"version", " ", " ", " ", " ", "\n", "\n", "=", "=", "-", "\"", "\\", "\x01", "\xff", "on", "off", "1", "64", "M", "ms",
	"thp", "mode", "fast", "purge_delay", "batch_max", "control", "log", "canary_percent", "bigcahe", "auto", "999999999999999999999",
	"<", "<[hakmem]\n", "<[fast]\n", "<inherits = ", ">", "--force ", "hard_limit=", "security=full",
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
