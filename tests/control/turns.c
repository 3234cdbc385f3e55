/* SPDX-License-Identifier: MIT
 *
 * Threads and a child that set a key of their own each, one value after the other, until stdin ends; each value that was set must
 * be there. Preloaded: the interface is found by name. Prints "ready", then how many were set; status 1 if one was lost.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int (*set)(const char *key, const char *value);
static int (*get)(const char *key, char *buf, size_t size);
static atomic_ulong done, lost;

static int input_ended(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&in, 1, 0) > 0;
}

static void *setter(void *key)
{
	char value[16], seen[64];

	for (unsigned i = 0; !input_ended(); i++) {
		snprintf(value, sizeof value, "%u", 10 + i % 90);
		if (set(key, value) != 0)
			continue; /* others were faster each time: said, and nothing was changed */
		done++;
		while (get(key, seen, sizeof seen) == -EAGAIN)
			continue;
		if (strcmp(seen, value) != 0) {
			fprintf(stderr, "%s was set to %s and is %s\n", (const char *) key, value, seen);
			lost++;
		}
	}
	return NULL;
}

int main(void)
{
	static char keys[3][16] = {"batch_max", "elo_window", "sample_rate"}, last[] = "canary_percent";
	void *set_address = dlsym(RTLD_DEFAULT, "hakmem_set"), *get_address = dlsym(RTLD_DEFAULT, "hakmem_get");
	pthread_t thread[3];
	int status = 0;
	pid_t child;

	if (set_address == NULL || get_address == NULL)
		return 2;
	memcpy(&set, &set_address, sizeof set);
	memcpy(&get, &get_address, sizeof get);
	child = fork();
	if (child == 0) {
		char value[16];

		for (unsigned i = 0; !input_ended(); i++) {
			snprintf(value, sizeof value, "%u", 1 + i % 50);
			(void) set(last, value);
		}
		_exit(0);
	}
	for (unsigned i = 0; i < 3; i++)
		if (pthread_create(&thread[i], NULL, setter, keys[i]) != 0)
			return 2;
	puts("ready");
	fflush(stdout);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	waitpid(child, &status, 0);
	printf("set %lu lost %lu\n", done, lost);
	fflush(stdout);
	/* Nobody is at it any more: it must be possible. */
	for (unsigned i = 0; i < 3; i++)
		if (set(keys[i], "11") != 0)
			lost++;
	return lost != 0 || status != 0 || done == 0;
}
