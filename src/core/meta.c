/* SPDX-License-Identifier: MIT
 *
 * Metadata: bump allocation out of 64 KiB mappings, free lists by cache lines.
 */
#include "core/meta.h"

#include "base/lock.h"
#include "base/sys.h"
#include "core/pageheap.h"
#include "core/stats.h"

#define HK_META_MAX 4096
#define HK_META_MAP (64 * 1024)

struct free_piece {
	struct free_piece *next;
};

static struct {
	struct hk_lock lock;
	char *next, *end;
	struct free_piece *pieces[HK_META_MAX / HK_CACHE_LINE + 1];
} meta;

struct hk_lock *hk_meta_lock(void)
{
	return &meta.lock;
}

/* At a limit of address space no new mapping comes, but the page heap may have free memory. */
static bool more(void)
{
	size_t size = HK_META_MAP;
	struct hk_span *span;
	bool zero;

	meta.next = hk_sys_map(size, HK_PAGE);
	if (meta.next != NULL) {
		HK_STAT_ADD(mappings, 1);
	} else {
		size = HK_GRANULE;
		span = hk_pageheap_alloc(1, 1, &zero);
		if (span == NULL) {
			meta.end = NULL;
			return false;
		}
		meta.next = span->base;
	}
	meta.end = meta.next + size;
	HK_STAT_ADD(metadata_bytes, size);
	return true;
}

static void *bump(size_t size)
{
	char *p;

	if ((size_t) (meta.end - meta.next) < size && !more())
		return NULL;
	p = meta.next;
	meta.next += size;
	return p;
}

void *hk_meta_alloc(size_t size)
{
	size_t lines = (size + HK_CACHE_LINE - 1) / HK_CACHE_LINE;
	struct free_piece *piece;
	void *p;

	hk_lock_take(&meta.lock);
	piece = meta.pieces[lines];
	if (piece != NULL) {
		meta.pieces[lines] = piece->next;
		p = piece;
	} else {
		p = bump(lines * HK_CACHE_LINE);
	}
	hk_lock_drop(&meta.lock);
	return p;
}

void hk_meta_free(void *p, size_t size)
{
	size_t lines = (size + HK_CACHE_LINE - 1) / HK_CACHE_LINE;
	struct free_piece *piece = p;

	hk_lock_take(&meta.lock);
	piece->next = meta.pieces[lines];
	meta.pieces[lines] = piece;
	hk_lock_drop(&meta.lock);
}
