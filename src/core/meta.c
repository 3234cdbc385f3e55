/* SPDX-License-Identifier: MIT
 *
 * Metadata: bump allocation out of 64 KiB mappings, free lists by cache lines.
 */
#include "core/meta.h"

#include "base/lock.h"
#include "base/sys.h"
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

static void *bump(size_t size)
{
	char *p;

	if ((size_t) (meta.end - meta.next) < size) {
		p = hk_sys_map(HK_META_MAP, HK_PAGE);
		if (p == NULL)
			return NULL;
		meta.next = p;
		meta.end = p + HK_META_MAP;
		HK_STAT_ADD(metadata_bytes, HK_META_MAP);
		HK_STAT_ADD(mappings, 1);
	}
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
