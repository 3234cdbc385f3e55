/* SPDX-License-Identifier: MIT
 *
 * Reading, writing and removing the drop-in.
 */
#include "ctl/dropin.h"
#include "ctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "# Written by hakmemctl enable"
#define SUM "# checksum "
#define MAX_SIZE 65536

const char *hk_dropin_base(void)
{
	const char *dir = getenv("HAKMEM_UNIT_DIR");

	return dir != NULL && dir[0] == '/' ? dir : "/etc/systemd/system";
}

void hk_dropin_path(const char *id, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s.d/hakmem.conf", hk_dropin_base(), id);
}

/* FNV-1a: against slips of hands, not against anybody's will. */
static uint64_t sum_of(const char *text)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char) *text) * 0x100000001b3U;
	return h;
}

/* What the checksum is of: everything behind its line. */
static bool sum_holds(const char *text)
{
	const char *line = strstr(text, "\n" SUM), *end;
	uint64_t sum;

	if (line == NULL || sscanf(line + sizeof SUM, "%" SCNx64, &sum) != 1)
		return false;
	end = strchr(line + 1, '\n');
	return end != NULL && sum_of(end + 1) == sum;
}

enum hk_dropin_state hk_dropin_look(const char *path, char **ret_text)
{
	struct stat st;
	char *text = calloc(1, MAX_SIZE + 1);
	enum hk_dropin_state state;
	int fd = -1;

	if (text == NULL || lstat(path, &st) != 0)
		state = errno == ENOENT || errno == ENOTDIR ? HK_DROPIN_NONE : HK_DROPIN_CLOSED;
	else if (!S_ISREG(st.st_mode) || st.st_size > MAX_SIZE)
		state = HK_DROPIN_FOREIGN;
	else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0 || read(fd, text, MAX_SIZE) < 0)
		state = HK_DROPIN_CLOSED;
	else if (strncmp(text, MARK, sizeof MARK - 1) != 0)
		state = HK_DROPIN_FOREIGN;
	else
		state = sum_holds(text) ? HK_DROPIN_OURS : HK_DROPIN_EDITED;
	if (fd >= 0)
		close(fd);
	if (ret_text != NULL)
		*ret_text = text;
	else
		free(text);
	return state;
}

/* ---- the text ---- */

/* A word of Environment=, as systemd reads it: quoted, with specifiers doubled. */
static void put_variable(FILE *out, const char *word)
{
	fputs("Environment=\"", out);
	for (; *word != '\0'; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', out);
		if (*word == '%')
			fputc('%', out);
		fputc(*word, out);
	}
	fputs("\"\n", out);
}

static char *body_of(const struct hk_needs *needs, char *const *variables, unsigned nvariables)
{
	char *body = NULL, *preload = NULL;
	size_t size;
	FILE *out = open_memstream(&body, &size);

	if (out == NULL)
		return NULL;
	if (asprintf(&preload, "LD_PRELOAD=%s", needs->preload) < 0) {
		fclose(out);
		free(body);
		return NULL;
	}
	fputs("[Service]\n", out);
	put_variable(out, preload);
	for (unsigned i = 0; i < nvariables; i++)
		put_variable(out, variables[i]);
	for (unsigned i = 0; i < needs->nlines; i++) {
		if (needs->reasons[i] != NULL)
			fprintf(out, "# because of %s\n", needs->reasons[i]);
		fprintf(out, "%s\n", needs->lines[i]);
	}
	free(preload);
	if (fclose(out) != 0) {
		free(body);
		return NULL;
	}
	return body;
}

char *hk_dropin_text(const char *id, const struct hk_needs *needs, char *const *variables,
                     unsigned nvariables)
{
	char *body = body_of(needs, variables, nvariables), *text = NULL;

	if (body == NULL || asprintf(&text,
	                             MARK "; hakmemctl disable %s takes it away.\n"
	                                  "# Once changed by hand it is left alone: put lines of your own "
	                                  "into another file here.\n" SUM "%016" PRIx64 "\n%s",
	                             id, sum_of(body), body) < 0)
		text = NULL;
	free(body);
	if (text == NULL)
		hk_out_of_memory();
	return text;
}

/* ---- the file ---- */

static int write_whole(int fd, const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		ssize_t n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t) n;
	}
	return fchmod(fd, 0644) != 0 || fsync(fd) != 0 ? -errno : 0;
}

/* The file in the place of what was there: nothing, or one of ours. */
static int put_in_place(const char *from, const char *path)
{
	enum hk_dropin_state state = hk_dropin_look(path, NULL);

	if (state == HK_DROPIN_NONE) {
		if (renameat2(AT_FDCWD, from, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EINVAL && errno != ENOSYS) /* a file system that cannot say so */
			return -errno;
	} else if (state != HK_DROPIN_OURS) {
		return -EEXIST;
	}
	return rename(from, path) == 0 ? 0 : -errno;
}

int hk_dropin_write(const char *path, const char *text)
{
	char dir[PATH_MAX], temporary[PATH_MAX];
	bool made;
	int fd, r;

	snprintf(dir, sizeof dir, "%.*s", (int) (strrchr(path, '/') - path), path);
	snprintf(temporary, sizeof temporary, "%.*s/.hakmem.XXXXXX", PATH_MAX - 32,
	         dir); /* systemd reads *.conf only */
	made = mkdir(dir, 0755) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	fd = mkostemp(temporary, O_CLOEXEC);
	r = fd < 0 ? -errno : write_whole(fd, text);
	if (fd >= 0 && close(fd) != 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = put_in_place(temporary, path);
	if (r < 0 && fd >= 0)
		(void) unlink(temporary);
	if (r < 0 && made)
		(void) rmdir(dir);
	return r;
}

int hk_dropin_remove(const char *path, bool *ret_empty)
{
	char dir[PATH_MAX];

	*ret_empty = false;
	if (unlink(path) != 0)
		return -errno;
	snprintf(dir, sizeof dir, "%.*s", (int) (strrchr(path, '/') - path), path);
	*ret_empty = rmdir(dir) == 0;
	return 0;
}
