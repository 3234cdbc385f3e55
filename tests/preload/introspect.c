/* SPDX-License-Identifier: MIT
 *
 * malloc_info, mallinfo, mallinfo2, malloc_stats, mallopt, malloc_trim: there, and telling the truth
 * where it can be checked. Their return values.
 */
#include "t.h"

#include <fcntl.h>

static void mallinfo_moves(void)
{
	struct mallinfo2 before = mallinfo2(), after;
	char *p[100];

	for (int i = 0; i < 100; i++) {
		p[i] = NEW(1 << 20);
		fill(p[i], 1 << 20, 1);
	}
	after = mallinfo2();
	CHECK(after.uordblks + after.hblkhd >= before.uordblks + before.hblkhd + (99u << 20));
	CHECK(after.arena + after.hblkhd >= after.uordblks);
	for (int i = 0; i < 100; i++)
		free(p[i]);
}

static void info_is_xml(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	CHECK(f != NULL);
	CHECK(malloc_info(0, f) == 0);
	CHECK(fclose(f) == 0 && size > 20);
	CHECK(strstr(text, "<malloc version=") != NULL && strstr(text, "</malloc>") != NULL);
	free(text);
	CHECK(malloc_info(1, stdout) != 0 && malloc_info(-1, stdout) != 0);
}

static void stats_go_to_stderr(void)
{
	char text[64] = "";
	int pipes[2], saved = dup(2);

	CHECK(pipe2(pipes, O_NONBLOCK) == 0 && dup2(pipes[1], 2) == 2);
	malloc_stats();
	CHECK(fflush(stderr) == 0);
	dup2(saved, 2);
	CHECK(read(pipes[0], text, sizeof(text)) > 0);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

/* Parameters that malloc.h names are taken, whatever becomes of them; M_MXFAST has bounds in glibc's manual. */
static void mallopt_answers(void)
{
	static const int params[] = {M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_CHECK_ACTION, M_PERTURB,
	                             M_ARENA_TEST, M_ARENA_MAX, M_NLBLKS, M_GRAIN, M_KEEP};
	int most = (int) (80 * sizeof(size_t) / 4);

	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++)
		CHECK(mallopt(params[i], params[i] == M_PERTURB ? 0 : 1 << 20) == 1);
	CHECK(mallopt(M_MXFAST, 0) == 1 && mallopt(M_MXFAST, most) == 1);
	CHECK(mallopt(M_MXFAST, most + 1) == 0 && mallopt(M_MXFAST, -1) == 0);
	CHECK(mallopt(12345, 1) == 0 || !HAVE_HAKMEM); /* glibc says 1 to anything */
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
int main(void)
{
	char *p[50];
	struct mallinfo old = mallinfo();
	size_t rss;
	int trimmed;

	CHECK(old.uordblks >= 0);
	mallinfo_moves();
	info_is_xml();
	stats_go_to_stderr();
	mallopt_answers();

	for (int i = 0; i < 50; i++) {
		p[i] = NEW(1 << 20);
		fill(p[i], 1 << 20, 1);
	}
	rss = rss_bytes();
	for (int i = 0; i < 50; i++)
		free(p[i]);
	trimmed = malloc_trim(0);
	CHECK(HAVE_HAKMEM ? trimmed == 1 : trimmed == 0 || trimmed == 1); /* in glibc they were gone at once */
	CHECK(malloc_trim(0) == 0 || !HAVE_HAKMEM);                       /* nothing left */
	CHECK(rss_bytes() + (40 << 20) < rss);
	return 0;
}
