/* SPDX-License-Identifier: MIT
 *
 * What hakmemctl reads in the memory of a process that may be hostile: the control block (door 2), the tables of an
 * ELF object, the page map. The process is this one. The first byte says what the rest is laid over: a whole block, an
 * ELF image, the map's root and leaves. Readers must stay in bounds and end; what door 2 says is JSON without control
 * bytes, whoever wrote the block.
 */
#include "core/span.h"
#include "ctl/door2.h"
#include "ctl/elf.h"
#include "ctl/heapmap.h"
#include "ctl/program.h"
#include "ctl/scan.h"
#define FUZZ_ROUNDS 200
#include "replay.h"

#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IMAGE_BYTES ((size_t) 64 * 1024)
#define LEAVES 1 /* each is walked in full, which takes most of the time */

struct input {
	const uint8_t *data;
	size_t size;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t n = 0;

	for (; bytes > 0; bytes--) {
		n = n << 8 | (in->size > 0 ? *in->data : 0);
		in->data += in->size > 0;
		in->size -= in->size > 0;
	}
	return n;
}

static void *map_anonymous(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	FUZZ_CHECK(p != MAP_FAILED);
	return p;
}

/* ---- the block ---- */

static struct hk_block *block;

static void make_block(void)
{
	static struct hk_block_values values;
	static struct hk_diags diags;

	if (block == NULL)
		block = map_anonymous(sizeof(*block));
	memset(block, 0, offsetof(struct hk_block, slot) + 4 * sizeof(block->slot[0]));
	memset(&values, 0, sizeof(values));
	block->magic = HK_BLOCK_MAGIC;
	block->layout = HK_BLOCK_LAYOUT;
	block->size = sizeof(*block);
	block->pid = (uint32_t) getpid();
	block->slots_high = 2;
	block->slot[0].pid = (uint32_t) getpid();
	strcpy(block->version, "1");
	strcpy(block->identity.program, "fuzz");
	strcpy(block->identity.conf, "/dev/null");
	(void) hk_config_resolve(&block->identity, &block->env, NULL, NULL, &values.config, &diags);
	hk_block_publish_first(block, &values);
}

/* Pieces of the block, each with its place, are overwritten; then the values may get a proper checksum. */
static void spoil_block(struct input *in)
{
	/* Some places decide more than others. */
	const struct {
		size_t at, size;
	} part[] = {
		{0, offsetof(struct hk_block, slot) + 4 * sizeof(block->slot[0])},
		{offsetof(struct hk_block, pulse), 16},
		{offsetof(struct hk_block, values), sizeof(block->values[0])},
		{offsetof(struct hk_block, elo), sizeof(block->elo)},
		{offsetof(struct hk_block, slot), 3 * sizeof(block->slot[0])},
		{offsetof(struct hk_block, env), sizeof(block->env)},
		{offsetof(struct hk_block, version), 400},
		{offsetof(struct hk_block, departed), sizeof(block->departed)},
	};

	while (in->size > 4) {
		unsigned which = (unsigned) take(in, 1);
		size_t at = take(in, 2) % part[which % 8].size, n = take(in, 1);
		uint8_t *p = (uint8_t *) block + part[which % 8].at + at;

		n = hk_min(hk_min(n, part[which % 8].size - at), in->size);
		if (which & 8)
			memset(p, (int) take(in, 1), n);
		else
			for (size_t i = 0; i < n; i++)
				p[i] = (uint8_t) take(in, 1);
		if (which & 16)
			hk_block_seal(&block->values[0], block->pulse[0]);
	}
}

static void try_block(struct input *in)
{
	static const char *const lines[] = {"status", "stats", "list", "get", "get thp", "log", "export", "version"};
	static struct hk_door2 job;
	const char *line = lines[take(in, 1) % HK_COUNT(lines)];
	json_error_t why;
	json_t *object;

	make_block();
	spoil_block(in);
	job = (struct hk_door2){.pid = getpid(), .block = (uint64_t) (uintptr_t) block, .line = line};
	hk_door2_run(&job);
	if (job.error[0] != '\0')
		return;
	for (const char *c = job.reply; *c != '\0'; c++)
		FUZZ_CHECK((unsigned char) *c >= 0x20 && *c != 0x7f);
	object = json_loads(job.reply, JSON_REJECT_DUPLICATES, &why);
	FUZZ_CHECK(json_is_object(object) && json_is_boolean(json_object_get(object, "ok")));
	json_decref(object);
}

/* ---- ELF ---- */

static void try_elf(struct input *in)
{
	static struct hk_program program;
	static uint8_t *image;
	static int file = -1;
	char path[64];
	uint64_t addr;
	size_t n = hk_min(in->size, IMAGE_BYTES);
	int r;

	if (image == NULL) {
		image = map_anonymous(IMAGE_BYTES);
		file = memfd_create("image", 0);
		FUZZ_CHECK(file >= 0 && ftruncate(file, (off_t) IMAGE_BYTES) == 0);
	}
	memset(image, 0, IMAGE_BYTES);
	memcpy(image, in->data, n);
	r = hk_elf_find_dynamic(getpid(), (uint64_t) (uintptr_t) image, "hakmem_control_block", &addr);
	FUZZ_CHECK(r <= 0 && (r == 0) == (addr != 0));
	FUZZ_CHECK(pwrite(file, image, IMAGE_BYTES, 0) == (ssize_t) IMAGE_BYTES);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	r = hk_elf_find_static(path, (uint64_t) (uintptr_t) image, "hakmem_control_block", &addr);
	FUZZ_CHECK(r <= 0 && (r == 0) == (addr != 0));
	hk_program_read("", path, &program);
	FUZZ_CHECK(program.error == 0 && strnlen(program.loader, sizeof(program.loader)) < sizeof(program.loader));
}

/* ---- the page map ---- */

static uint8_t *fake_map;

/* In the place of scan.c's. */
int hk_scan_symbol(pid_t pid, const char *name, uint64_t *ret_addr)
{
	(void) pid;
	(void) name;
	*ret_addr = (uint64_t) (uintptr_t) fake_map;
	return 0;
}

static struct hk_leaf *leaf_at(unsigned i)
{
	return (struct hk_leaf *) (void *) (fake_map + hk_align_up(sizeof(struct hk_map), 65536) + i * sizeof(struct hk_leaf));
}

/* A span at granule g: fields that fit, but for those that the input says. */
static void make_span(struct input *in, unsigned leaf, size_t g)
{
	struct hk_span *span = &leaf_at(leaf)->span[g];
	unsigned odd = (unsigned) take(in, 1);
	uint64_t base = ((uint64_t) (leaf + 7) << HK_LEAF_SHIFT) + g * HK_GRANULE;

	span->base = (char *) (uintptr_t) base; /* NOLINT(performance-no-int-to-ptr) */
	span->kind = (uint8_t) (take(in, 1) % 10);
	span->granules = span->kind == HK_SPAN_SLAB ? HK_SLAB_GRANULES : 1 + (uint32_t) take(in, 1);
	span->class_number = (uint8_t) take(in, 1);
	span->capacity = span->class_number % HK_CLASSES != 0 ? (uint16_t) (HK_SLAB_BYTES / hk_sizeclass_bytes(span->class_number % HK_CLASSES)) : 0;
	span->carved = (uint16_t) (span->capacity / 2);
	span->bits = (uint64_t *) (void *) leaf_at(0);
	leaf_at(leaf)->dirty[g] = (uint8_t) take(in, 1);
	if (odd & 1)
		span->granules = (uint32_t) take(in, 4);
	if (odd & 2)
		span->capacity = (uint16_t) take(in, 2);
	if (odd & 4)
		span->carved = (uint16_t) take(in, 2);
	if (odd & 8)
		span->base = (char *) (uintptr_t) take(in, 8); /* NOLINT(performance-no-int-to-ptr) */
	if (odd & 16)
		span->bits = (uint64_t *) (uintptr_t) take(in, 8); /* NOLINT(performance-no-int-to-ptr) */
}

static void check_heapmap(const struct hk_heapmap *map)
{
	uint64_t end = 0;

	for (size_t i = 0; i < map->n; i++) {
		FUZZ_CHECK(map->at[i].start >= end && map->at[i].end > map->at[i].start);
		FUZZ_CHECK(map->at[i].use <= HK_USE_METADATA);
		FUZZ_CHECK(map->at[i].use != HK_USE_SLAB || (map->at[i].class_number > 0 && map->at[i].class_number < HK_CLASSES));
		end = map->at[i].end;
	}
}

static void try_heapmap(struct input *in)
{
	const size_t size = hk_align_up(sizeof(struct hk_map), 65536) + LEAVES * sizeof(struct hk_leaf);
	struct hk_heapmap map;
	uint64_t *root;

	if (fake_map == NULL)
		fake_map = map_anonymous(size);
	FUZZ_CHECK(madvise(fake_map, size, MADV_DONTNEED) == 0);
	root = (uint64_t *) (void *) (fake_map + offsetof(struct hk_map, root));
	for (unsigned i = 0; i < LEAVES; i++)
		root[i + 7] = ((uint64_t) (uintptr_t) leaf_at(i) - (uint64_t) (uintptr_t) fake_map) / 2;
	while (in->size > 4) {
		unsigned which = (unsigned) take(in, 1);

		if (which == 255)
			root[take(in, 2) % 64] = take(in, 4);
		else
			make_span(in, which % LEAVES, take(in, 3) % HK_LEAF_GRANULES);
	}
	if (hk_heapmap_read(getpid(), &map) == 0) {
		check_heapmap(&map);
		hk_heapmap_free(&map);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	unsigned what = (unsigned) take(&in, 1) % 3;

	if (what == 0)
		try_block(&in);
	else if (what == 1)
		try_elf(&in);
	else
		try_heapmap(&in);
	return 0;
}

#ifndef HK_LIBFUZZER
static size_t fuzz_invent(uint8_t *bytes, size_t size)
{
	size_t n = 8 + fuzz_next() % (size / 16);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t) (fuzz_next() % 3 == 0 ? 0 : fuzz_next() >> 8);
	return n;
}
#endif
