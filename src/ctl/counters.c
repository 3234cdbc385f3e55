/* SPDX-License-Identifier: MIT
 *
 * stats: every number of a service, for people, as JSON, or as Prometheus text.
 */
#include "ctl/counter_docs.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/prometheus.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nested objects become name_inner. */
static void flatten(const json_t *object, const char *prefix, json_t *ret)
{
	const char *name;
	char full[128];
	json_t *value;

	json_object_foreach((json_t *) (uintptr_t) object, name, value)
	{
		snprintf(full, sizeof full, "%s%s%s", prefix, prefix[0] != '\0' ? "_" : "", name);
		if (json_is_object(value))
			flatten(value, full, ret);
		else
			json_object_set(ret, full, value);
	}
}

static const char *number(const json_t *value, char *buf, size_t size)
{
	if (json_is_real(value))
		snprintf(buf, size, "%.6g", json_real_value(value));
	else
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return buf;
}

/* "41943040 (40M)" */
static const char *readable(const char *name, const json_t *value, char *buf, size_t size)
{
	char text[64];
	size_t n = strlen(name);

	number(value, text, sizeof text);
	if (n > 6 && strcmp(name + n - 6, "_bytes") == 0 && json_integer_value(value) >= 1000)
		snprintf(buf, size, "%s (%s)", text, hk_out_bytes((uint64_t) json_integer_value(value)));
	else
		snprintf(buf, size, "%s", text);
	return buf;
}

static void print_people(const struct hk_answer *answer, bool several)
{
	json_t *flat = json_object(), *value;
	const char *name;
	char text[96];

	flatten(answer->reply, "", flat);
	if (several)
		printf("%s:\n", hk_ctl_label(answer->service));
	json_object_foreach(flat, name, value)
	{
		if (json_is_string(value))
			printf("%-18s %22s\n", hk_out_safe(name), hk_out_safe(json_string_value(value)));
		if (json_is_number(value) && strcmp(name, "pid") != 0)
			printf("%-18s %22s  %s\n", hk_out_safe(name), readable(name, value, text, sizeof text),
			       hk_counter_doc(name));
	}
	printf("%-18s %22d  %s\n", "door", answer->door, hk_counter_doc("door"));
	json_decref(flat);
}

void hk_ctl_print_counters(void)
{
	for (const struct hk_counter_doc *doc = hk_counter_docs; doc->name != NULL; doc++) {
		if (doc->name[0] == '\0')
			printf("\n%s\n", doc->doc);
		else
			printf("  %-18s %s\n", doc->name, doc->doc);
	}
}

/* A reader of the file sees the old or the new one, never a part. */
static int write_file(const char *path, const struct hk_answer *answers, unsigned n)
{
	char name[PATH_MAX];
	FILE *file = NULL;
	bool good = false;
	struct stat st;
	int fd = -1;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) /* rename would put a file in the place of a device or a pipe */
		return hk_ctl_fail(HK_EXIT_FAILED, "%s is no regular file: leave out --output and redirect the output", path);
	if (snprintf(name, sizeof name, "%s.XXXXXX", path) < (int) sizeof name)
		fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0 && (file = fdopen(fd, "w")) != NULL) {
		hk_prom_write(file, answers, n);
		good = fflush(file) == 0 && !ferror(file) && fchmod(fd, 0644) == 0;
		good &= fclose(file) == 0;
		good = good && rename(name, path) == 0;
	}
	if (good)
		return HK_EXIT_DONE;
	hk_ctl_fail(HK_EXIT_FAILED, "%s cannot be written: %s", path, strerror(errno));
	if (fd >= 0)
		unlink(name);
	return HK_EXIT_FAILED;
}

/* Monitoring wants to hear that there is nothing, too, and of those that could not be asked. */
static int print_prometheus(struct hk_ctl *ctl, const struct hk_answer *answers, unsigned n, int status)
{
	if (ctl->output == NULL)
		hk_prom_write(stdout, answers, n);
	else if (write_file(ctl->output, answers, n) != HK_EXIT_DONE)
		return HK_EXIT_FAILED;
	return status;
}

int hk_do_stats(struct hk_ctl *ctl)
{
	struct hk_services services;
	struct hk_answer *answers;
	int status = hk_ctl_prepare(ctl, ctl->args, ctl->nargs, &services, &answers);

	if (status != HK_EXIT_DONE)
		return status;
	if (services.n == 0 && !ctl->prometheus)
		hk_ctl_say_none(ctl, &services);
	status = hk_ctl_ask(ctl, "stats", false, &services, answers) > 0 ? HK_EXIT_FAILED : HK_EXIT_DONE;
	if (ctl->prometheus)
		return print_prometheus(ctl, answers, services.n, status);
	if (services.n == 0)
		status = HK_EXIT_NO_TARGET;
	if (ctl->json)
		return hk_out_json(hk_ctl_array(answers, services.n)) != 0 ? HK_EXIT_FAILED : status;
	for (unsigned i = 0; i < services.n; i++)
		if (answers[i].error[0] == '\0')
			print_people(&answers[i], services.n > 1);
	return status;
}
