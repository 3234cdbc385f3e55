/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a configuration file. What comes of it must hold together, whatever the file; written out as a
 * file of its own it must give the same values without a message; and reading it twice must give the same.
 */
#include "config/config.h"
#define FUZZ_ROUNDS 400
#include "replay.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void check_set(struct hk_config *config)
{
	for (int k = 0; k < HK_KEY_COUNT; k++) {
		struct hk_value value, again;
		char text[HK_VALUE_MAX];

		hk_values_get(&config->values, (enum hk_key_id) k, &value);
		(void) hk_value_format((enum hk_key_id) k, &value, text);
		FUZZ_CHECK(hk_value_parse((enum hk_key_id) k, text, &again, NULL, 0) == 0);
		FUZZ_CHECK(hk_value_equal((enum hk_key_id) k, &value, &again));
		FUZZ_CHECK(config->origin[k] < HK_ORIGIN_COUNT);
		FUZZ_CHECK(config->line[k] == 0 || config->file[k] < config->nfiles);
	}
	FUZZ_CHECK(config->base_mode < HK_MODE_COUNT && config->mode[0] != '\0');
	FUZZ_CHECK(hk_config_valid(config));
}

/* Every message is complete, and fit for a log and for JSON. */
static void check_diags(const struct hk_diags *diags)
{
	FUZZ_CHECK(diags->errors <= diags->count);
	for (unsigned i = 0; i < diags->count && i < HK_DIAGS; i++) {
		struct hk_diags copy = *diags;

		hk_diags_tame(&copy);
		FUZZ_CHECK(diags->text[i][0] != '\0' && strcmp(copy.text[i], diags->text[i]) == 0);
	}
}

/* The file of these bytes, resolved for a process that both kinds of section may name. */
static int resolve(const void *data, size_t size, struct hk_config *ret, struct hk_diags *ret_diags)
{
	struct hk_identity identity = {.program = "prog", .unit = "svc@1.service"};
	int fd = memfd_create("fuzz", 0), errors;

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t) size);
	snprintf(identity.conf, sizeof(identity.conf), "/proc/self/fd/%d", fd);
	memset(ret_diags, 0, sizeof(*ret_diags));
	errors = hk_config_resolve(&identity, NULL, NULL, NULL, ret, ret_diags);
	FUZZ_CHECK(errors >= 0 && (uint32_t) errors == ret_diags->errors && ret->nfiles == 1);
	close(fd);
	return errors;
}

/* What an operator would write to get just this. */
static void write_out(const struct hk_config *config)
{
	static struct hk_config again;
	static struct hk_diags diags;
	static char text[HK_KEY_COUNT * (HK_VALUE_MAX + HK_NAME_MAX)];
	size_t n = (size_t) snprintf(text, sizeof(text), "[hakmem]\nmode = %s\n", hk_mode_names[config->base_mode]);

	for (int k = 0; k < HK_KEY_COUNT; k++) {
		char value[HK_VALUE_MAX];

		n += (size_t) snprintf(text + n, sizeof(text) - n, "%s = %s\n", hk_keys[k].name,
		                       hk_values_format(&config->values, (enum hk_key_id) k, value));
	}
	FUZZ_CHECK(resolve(text, n, &again, &diags) == 0 && diags.count == 0);
	for (int k = 0; k < HK_KEY_COUNT; k++)
		FUZZ_CHECK(hk_values_equal(&config->values, &again.values, (enum hk_key_id) k));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hk_config config, again;
	static struct hk_diags diags, diags_again;

	(void) resolve(data, size, &config, &diags);
	(void) resolve(data, size, &again, &diags_again);
	FUZZ_CHECK(diags.count == diags_again.count && memcmp(&config.values, &again.values, sizeof(config.values)) == 0);
	check_diags(&diags);
	hk_config_warn(&config, &diags);
	check_diags(&diags);
	check_set(&config);
	write_out(&config);
	return 0;
}

#ifndef HK_LIBFUZZER
/* clang-format off */
static const char *const words[] = {
	"[", "]", "\n", "\n", "=", " = ", ";", " ;", "#", "\"", ":", "\r\n", "\t", "\xef\xbb\xbf",
	"[hakmem]\n", "[web]\n", "[shop]\n", "[fast]\n", "[program:p*]\n", "[unit:svc@*]\n",
	"inherits = web\n", "inherits = shop\n", "mode = web\n", "mode", "on", "off",
	"1", "9", "M", "ms", "K", "*", "?", "[!", "\\", "/", "x",
};
/* clang-format on */

/* A file of words that mean something, in an order that mostly does not. */
static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = 0;

	while (n + 120 < size && fuzz_next() % 400 != 0) {
		uint64_t choice = fuzz_next() % 64;
		const char *word = choice < HK_COUNT(words) ? words[choice] : "";
		enum hk_key_id key = (enum hk_key_id)(fuzz_next() % HK_KEY_COUNT);

		if (choice == 60)
			n += (size_t) sprintf((char *) bytes + n, "%s = %s\n", hk_keys[key].name,
			                      hk_keys[key].preset[fuzz_next() % 5]);
		else if (choice == 61)
			bytes[n++] = (uint8_t) fuzz_next();
		else if (choice == 62)
			n += (size_t) sprintf((char *) bytes + n, "%*s", (int) (fuzz_next() % 100), "y");
		else if (choice == 63)
			n += (size_t) sprintf((char *) bytes + n, "%s", hk_keys[key].name);
		else
			n += (size_t) sprintf((char *) bytes + n, "%s", word);
	}
	return n;
}
#endif
