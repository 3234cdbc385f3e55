/* SPDX-License-Identifier: MIT
 *
 * malloc_info, mallinfo, mallinfo2, malloc_stats, mallopt, malloc_trim: there, and telling the truth
 * where it can be checked.
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
	CHECK(malloc_info(1, stdout) != 0);
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

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
int main(void)
{
	char *p[50];
	struct mallinfo old = mallinfo();
	size_t rss;

	CHECK(old.uordblks >= 0);
	mallinfo_moves();
	info_is_xml();
	stats_go_to_stderr();
	CHECK(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1); /* accepted, whatever becomes of it */
	CHECK(mallopt(M_TRIM_THRESHOLD, 1 << 20) == 1);

	for (int i = 0; i < 50; i++) {
		p[i] = NEW(1 << 20);
		fill(p[i], 1 << 20, 1);
	}
	rss = rss_bytes();
	for (int i = 0; i < 50; i++)
		free(p[i]);
	CHECK(malloc_trim(0) == 0 || malloc_trim(0) <= 1);
	CHECK(rss_bytes() + (40 << 20) < rss);
	return 0;
}
