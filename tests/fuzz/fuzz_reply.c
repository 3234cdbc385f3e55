/* SPDX-License-Identifier: MIT
 *
 * hakmemctl before a service that says whatever it likes: the input is its name, its unit and its reply. Any verb that
 * prints replies must end, within bounds, and hand the operator's terminal no control byte and no broken UTF-8; with
 * --json what it prints is JSON. Found and asked are services here by the wrapped functions below.
 */
#include "config/name.h"
#include "ctl/ask_int.h"
#include "ctl/ctl.h"
#define FUZZ_ROUNDS 300
#include "replay.h"

#include <locale.h>
#include <string.h>
#include <unistd.h>

/* By the linker: what hakmemctl calls under these names without the prefix. */
void __wrap_hk_services_find(const char *control_dir, pid_t only, unsigned timeout_ms, struct hk_services *ret);
unsigned __wrap_hk_ask(const struct hk_ask *ask, const struct hk_services *services, struct hk_answer *ret);

static struct hk_seen seen;
static const char *reply;
static size_t reply_size;
/* hakmemctl leaves these to the end of the process. */
static struct hk_services asked;
static struct hk_answer *answered;

void __wrap_hk_services_find(const char *control_dir, pid_t only, unsigned timeout_ms, struct hk_services *ret)
{
	(void) control_dir;
	(void) only;
	(void) timeout_ms;
	memset(ret, 0, sizeof(*ret));
	hk_services_add_seen(ret, &seen);
}

unsigned __wrap_hk_ask(const struct hk_ask *ask, const struct hk_services *services, struct hk_answer *ret)
{
	unsigned left = services->n;

	for (unsigned i = 0; i < services->n; i++) {
		struct hk_task *task = calloc(1, sizeof(*task));

		FUZZ_CHECK(task != NULL);
		ret[i] = (struct hk_answer){.service = &services->at[i]};
		*task = (struct hk_task){.ask = ask, .answer = &ret[i], .left = &left, .users = 1};
		hk_task_reply(task, 1, reply, reply_size);
	}
	FUZZ_CHECK(left == 0);
	asked = *services;
	answered = ret;
	return ret[0].error[0] != '\0';
}

static void check_text(char *text, size_t size)
{
	char *rest = NULL;

	FUZZ_CHECK(strlen(text) == size);
	for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		FUZZ_CHECK(!hk_text_clean(line));
}

static void check_json(const char *text)
{
	json_error_t why;
	json_t *array = json_loads(text, 0, &why);

	FUZZ_CHECK(json_is_array(array));
	json_decref(array);
}

static void forget(void)
{
	if (answered != NULL)
		hk_answers_drop(answered, asked.n);
	free(answered);
	answered = NULL;
	hk_services_drop(&asked);
}

/* One verb with standard output and error as texts. */
static void run(struct hk_ctl *ctl)
{
	FILE *out = stdout, *err = stderr;
	char *text = NULL, *errors = NULL;
	size_t size = 0, errors_size = 0;
	int status;

	stdout = open_memstream(&text, &size);
	stderr = open_memstream(&errors, &errors_size);
	FUZZ_CHECK(stdout != NULL && stderr != NULL);
	status = ctl->command->run(ctl);
	FUZZ_CHECK(fclose(stdout) == 0 && fclose(stderr) == 0);
	stdout = out;
	stderr = err;
	FUZZ_CHECK(status == HK_EXIT_DONE || status == HK_EXIT_FAILED);
	if (ctl->json)
		check_json(text);
	check_text(text, size);
	check_text(errors, errors_size);
	free(text);
	free(errors);
	forget();
}

/* The text up to the next newline; *data goes behind it. */
static void take_line(const uint8_t **data, size_t *size, char *ret, size_t room)
{
	const uint8_t *newline = memchr(*data, '\n', *size);
	size_t n = newline != NULL ? (size_t) (newline - *data) : *size;

	snprintf(ret, room, "%.*s", (int) n, (const char *) *data);
	n += newline != NULL;
	*data += n;
	*size -= n;
}

static const struct {
	const char *name;
	bool prometheus, argument;
} verbs[] = {
	{"status", false, false}, {"list", false, false}, {"stats", false, false}, {"stats", true, false},
	{"get", false, false},    {"set", false, true},   {"log", false, false},   {"export", false, false},
	{"trim", false, false},   {"reload", false, false}, {"freeze", false, false},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char target[16], argument[] = "thp=off";
	char *args[2] = {target, argument};
	struct hk_ctl ctl = {.timeout_ms = 1000, .args = args, .nargs = 1};
	unsigned verb;

	if (size == 0)
		return 0;
	setlocale(LC_CTYPE, "C.UTF-8");
	verb = data[0] % HK_COUNT(verbs);
	ctl.json = data[0] >= 128;
	ctl.prometheus = !ctl.json && verbs[verb].prometheus;
	data++;
	size--;
	snprintf(target, sizeof(target), "%d", (int) getpid());
	seen = (struct hk_seen){.pid = getpid(), .state = HK_SEEN_BLOCK, .start_time = 1, .inode = 1};
	take_line(&data, &size, seen.program, sizeof(seen.program));
	take_line(&data, &size, seen.block_unit, sizeof(seen.block_unit));
	snprintf(seen.comm, sizeof(seen.comm), "%.20s", seen.block_unit);
	reply = (const char *) data;
	reply_size = size;
	ctl.nargs += verbs[verb].argument;
	for (ctl.command = hk_commands; strcmp(ctl.command->name, verbs[verb].name) != 0;)
		ctl.command++;
	run(&ctl);
	return 0;
}

#ifndef HK_LIBFUZZER
/* clang-format off */
static const char *const words[] = {
	"{", "}", "[", "]", ",", ":", "\"ok\":true", "\"ok\":false", "\"error\":", "\"keys\":", "\"key\":", "\"value\":", "\"changes\":", "\"log\":",
	"\"ini\":", "\"pending\":", "\"warnings\":", "\"processes\":", "\"rss_bytes\":", "\"uptime_s\":", "1e308", "-1", "1e-5", "18446744073709551615",
	"null", "true", "\"\\u001b[2J\"", "\"\xc2\x9b\x33\"", "\"a\"", "{\"ok\":true,", "\"ratings\":[{", "\"errors\":[", "\"time_s\":",
};
/* clang-format on */

static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = 1 + (size_t) sprintf((char *) bytes + 1, "prog\nsvc.service\n{\"ok\":true,");

	bytes[0] = (uint8_t) fuzz_next();
	while (fuzz_next() % 20 != 0 && n + 64 < size) {
		const char *word = words[fuzz_next() % HK_COUNT(words)];

		memcpy(bytes + n, word, strlen(word));
		n += strlen(word);
	}
	bytes[n++] = '}';
	return n;
}
#endif
