/* SPDX-License-Identifier: MIT
 *
 * The scenarios of bench_learning: services of different kinds, each an endless repetition of its own rhythm, so that
 * one part of a run can be learned from and the next be measured. What one iteration is stands in the table at the end.
 */
#include "hkbench.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MB ((size_t) 1 << 20)
#define KB ((size_t) 1 << 10)

/* The service's own work: some thousand rounds of arithmetic a unit, about 10 µs. */
static void work(unsigned units)
{
	static volatile uint64_t sink;
	uint64_t x = sink | 1;
	for (unsigned i = 0; i < units * 2500; i++)
		x = x * 6364136223846793005U + 1442695040888963407U;
	sink = x;
}

static char *filled(size_t size)
{
	char *p = must(malloc(size));
	memset(p, 1, size);
	return p;
}

static void drop(char **block, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(block[i]);
		block[i] = NULL;
	}
}

/* Requests of 24 blocks of 2 MB, with quiet work between them. */
static void bursts(uint64_t n)
{
	static char *block[24];
	for (uint64_t i = 0; i < n; i++) {
		for (unsigned j = 0; j < 24; j++)
			block[j] = filled(2 * MB);
		lap(24); /* memory is looked at when a lap ends: while the blocks live, too */
		drop(block, 24);
		lap(1);
		for (unsigned j = 0; j < 40; j++) {
			work(50);
			lap(1);
		}
	}
}

/* A store that grows: each step uses a buffer of 1 to 2 MB and keeps a block of 192 KB. */
static void growth(uint64_t n)
{
	static char *kept[16384];
	static unsigned count;
	static uint64_t seed = 3;
	for (uint64_t i = 0; i < n; i++) {
		char *buffer = filled(MB + random_below(&seed, MB));
		if (count < 16384)
			kept[count++] = filled(192 * KB);
		work(5);
		free(buffer);
		lap(1);
	}
	touch(kept[0], 1);
}

/* A set of blocks of 1 to 3 MB rises to 140, falls to none. */
static void sawtooth(uint64_t n)
{
	static char *block[150];
	static uint64_t seed = 5;
	for (uint64_t i = 0; i < n; i++) {
		for (unsigned j = 10; j < 150; j++) {
			block[j] = filled(MB + random_below(&seed, 2 * MB));
			work(10);
			lap(1);
		}
		for (unsigned j = 10; j < 150; j++) {
			free(block[j]);
			work(5);
			lap(1);
		}
		for (unsigned j = 0; j < 50; j++) {
			work(50);
			lap(1);
		}
	}
}

/* A job every 1.3 seconds: 300 blocks of 1 MB, of which 60 live at a time. */
static void idle(uint64_t n)
{
	static char *block[60];
	for (uint64_t i = 0; i < n; i++) {
		for (unsigned j = 0; j < 300; j++) {
			free(block[j % 60]);
			block[j % 60] = filled(MB);
			lap(1);
		}
		drop(block, 60);
		rest(1300);
	}
}

/* Analyses of data that is read once: three parts of 4 to 7 MB, of sizes that do not come again. */
static void cold(uint64_t n)
{
	static uint64_t seed = 7;
	for (uint64_t i = 0; i < n; i++) {
		char *part[3];
		for (unsigned j = 0; j < 3; j++) {
			size_t size = 4 * MB + random_below(&seed, 3 * MB);
			part[j] = must(malloc(size));
			for (size_t at = 0; at < size; at += 4 * KB)
				part[j][at] = 1;
		}
		lap(3);
		drop(part, 3);
		work(20);
		lap(1);
	}
}

/* A buffer grows by half from 64 KB to 40 MB while it is filled, then dies. */
static void grow(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		char *p = NULL;
		for (size_t old = 0, size = 64 * KB; old < 40 * MB; old = size, size += size / 2) {
			p = must(realloc(p, size));
			memset(p + old, 1, size - old);
			work(2);
			lap(1);
		}
		free(p);
		work(100);
		lap(1);
	}
}

/* Four threads, each replacing one of ten blocks of 64 KB to 4 MB, with small ones between. */
static void *mixed_thread(void *arg)
{
	char *block[10] = {NULL}, *small[50] = {NULL};
	uint64_t seed = 11 + *(uint64_t *) arg;
	for (unsigned i = 0; i < 200; i++) {
		unsigned at = random_below(&seed, 10);
		free(block[at]);
		block[at] = filled(random_log_size(&seed, 64 * KB, 6));
		for (unsigned j = 0; j < 50; j++) {
			free(small[j]);
			small[j] = filled(16 + random_below(&seed, 1000));
		}
		work(3);
	}
	drop(block, 10);
	drop(small, 50);
	return NULL;
}

static void threads(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		pthread_t thread[4];
		uint64_t seed[4];
		for (unsigned j = 0; j < 4; j++) {
			seed[j] = i * 4 + j;
			if (pthread_create(&thread[j], NULL, mixed_thread, &seed[j]) != 0)
				die("no thread");
		}
		for (unsigned j = 0; j < 4; j++)
			(void) pthread_join(thread[j], NULL);
		lap(800);
		for (unsigned j = 0; j < 40; j++) {
			work(50);
			lap(1);
		}
	}
}

/* Frames: a big buffer of 48 MB, of which every eighth page is used, that lives for a moment, between smaller ones that stay for some frames. */
static void frames(uint64_t n)
{
	static char *stay[12];
	for (uint64_t i = 0; i < n; i++) {
		char *frame = must(malloc(48 * MB));
		for (size_t at = 0; at < 48 * MB; at += 32 * KB)
			frame[at] = 1;
		free(stay[i % 12]);
		stay[i % 12] = filled(3 * MB);
		lap(1);
		free(frame);
		work(30);
		lap(1);
	}
	drop(stay, 12);
}

/* A report, then a tenth of a second of nothing: 80 MB in one block of 40 MB and 40 of 1 MB. */
static void reports(uint64_t n)
{
	static char *block[40];
	for (uint64_t i = 0; i < n; i++) {
		char *page = filled(40 * MB);
		for (unsigned j = 0; j < 40; j++)
			block[j] = filled(MB);
		work(100);
		lap(41);
		drop(block, 40);
		free(page);
		rest(100);
		work(10);
		lap(1);
	}
}

/* An index of 1.2 GB, of which one page in 64 is used, is built anew for each round of 32 blocks of 1 MB. */
static void sparse(uint64_t n)
{
	static char *block[32];
	for (uint64_t i = 0; i < n; i++) {
		char *table = must(malloc(1200 * MB));
		for (size_t at = 0; at < 1200 * MB; at += 256 * KB)
			table[at] = 1;
		for (unsigned j = 0; j < 32; j++)
			block[j] = filled(MB);
		work(200);
		lap(33);
		drop(block, 32);
		free(table);
		lap(1);
	}
}

/* A file of 80 MB, gone from its folder at once. TMPDIR should be on a disk: in a tmpfs its pages could not be dropped. */
static int table_file(void)
{
	static char chunk[MB];
	const char *folder = getenv("TMPDIR");
	int fd = open(folder != NULL ? folder : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	for (unsigned i = 0; fd >= 0 && i < 80; i++)
		if (write(fd, chunk, MB) != (ssize_t) MB)
			die("no room for a file of 80 MB");
	if (fd < 0 || fdatasync(fd) != 0)
		die("no file in TMPDIR or /var/tmp");
	return fd;
}

/* For a memory group of 160 MB (bench_learning makes it): 90 blocks of 1 MB, filled and freed; then a file of 80 MB is read four
   times, which costs little as long as the group has room for its pages. */
static void tight(uint64_t n)
{
	static char *block[90], buffer[256 * KB];
	static int fd = -1;
	if (fd < 0)
		fd = table_file();
	for (uint64_t i = 0; i < n; i++) {
		for (unsigned j = 0; j < 90; j++)
			block[j] = filled(MB);
		lap(90);
		drop(block, 90);
		lap(1);
		for (unsigned turn = 0; turn < 4; turn++) {
			for (size_t at = 0; at < 80 * MB; at += sizeof buffer)
				if (pread(fd, buffer, sizeof buffer, (off_t) at) != (ssize_t) sizeof buffer)
					die("the file could not be read");
			work(500);
			lap(1);
		}
	}
}

/* Iterations: about two seconds. What is to be learned from needs at least 2,048 large allocations before that. */
const struct scenario scenarios[] = {
        {"bursts", 60, bursts, "24 blocks of 2 MB, filled and freed; quiet work", 0},
        {"growth", 1500, growth, "a buffer of 1 to 2 MB, used; a block of 192 KB, kept", 0},
        {"sawtooth", 8, sawtooth, "blocks of 1 to 3 MB: their number rises to 140, then falls to none", 0},
        {"idle", 4, idle, "300 blocks of 1 MB, 60 live at a time; 1.3 seconds of rest", 0},
        {"cold", 2000, cold, "three blocks of 4 to 7 MB, of no size twice, touched and freed", 0},
        {"realloc", 100, grow, "a buffer grows by half from 64 KB to 40 MB", 0},
        {"threads", 6, threads, "four threads replace blocks of 64 KB to 4 MB; quiet work", 0},
        {"frames", 400, frames, "48 MB for a moment, 3 MB that stay for 12 rounds", 0},
        {"reports", 20, reports, "40 MB and 40 blocks of 1 MB, filled and freed; a tenth of a second of rest", 0},
        {"sparse", 20, sparse, "1.2 GB used here and there and 32 blocks of 1 MB, freed", 0},
        {"tight", 20, tight, "90 blocks of 1 MB, filled and freed; a file of 80 MB is read four times", 0},
};
const size_t scenario_count = sizeof scenarios / sizeof scenarios[0];
