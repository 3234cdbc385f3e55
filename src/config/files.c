/* SPDX-License-Identifier: MIT
 *
 * Which files hold, and how they are opened: the main file and the drop-ins in lexical order, or the
 * one that HAKMEM_CONF names. The files may be anybody's: only regular ones are read, nothing
 * blocks, and below identity->root no symbolic link leads out of that root. No opendir, which allocates.
 */
#include "config/doc.h"

#include "base/sys.h"
#include "config/name.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAIN_FILE HK_SYSCONFDIR "/hakmem.ini"
#define DROP_INS HK_SYSCONFDIR "/hakmem.d"
#define NAME_SIZE 256
#define PAGES_BYTES hk_align_up(sizeof(struct hk_pages), HK_PAGE)

/* Returns a descriptor or −errno. path is absolute, as the process in question sees it. */
static int open_below(const char *root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t) (flags | O_CLOEXEC),
	                       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char whole[sizeof(((struct hk_identity *) 0)->root) + HK_PATH_MAX];
	int dir, fd;

	flags |= O_CLOEXEC;
	if (root[0] == '\0') {
		fd = open(path, flags);
		return fd < 0 ? -errno : fd;
	}
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = (int) syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		/* Linux before 5.6, or a filter: at least the last step must not be a link. */
		(void) hk_text_copy(whole, sizeof(whole), root);
		(void) hk_text_append(whole, sizeof(whole), path);
		fd = open(whole, flags | O_NOFOLLOW);
	}
	if (fd < 0)
		fd = -errno;
	(void) close(dir);
	return fd;
}

/* A regular file; /dev/null too, the customary word for "none". 0 or −errno. */
static int check_kind(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
		return 0;
	return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

static void complain(struct hk_doc *doc, unsigned file, int e)
{
	switch (e) {
	case -EISDIR:
		hk_doc_error(doc, file, 0, "is a directory, not a file");
		break;
	case -EINVAL:
	case -ENXIO: /* a socket */
		hk_doc_error(doc, file, 0, "is not a regular file");
		break;
	case -ENOENT:
	case -ENOTDIR:
		hk_diag_add(doc->diags, false, "HAKMEM_CONF names a file that does not exist: %.130s: built-in defaults hold",
		            doc->file[file]);
		break;
	case -EACCES:
	case -EPERM:
		hk_diag_add(doc->diags, false, "%.150s: may not be read: nothing in it counts", doc->file[file]);
		break;
	default:
		hk_diag_add(doc->diags, false, "%.150s: cannot be opened (error %d): nothing in it counts", doc->file[file], -e);
	}
}

static bool make_pages(struct hk_doc *doc)
{
	if (doc->pages != NULL)
		return true;
	doc->pages = hk_sys_map(PAGES_BYTES, HK_PAGE);
	if (doc->pages == NULL)
		return false;
	doc->setting = doc->pages->setting;
	doc->section = doc->pages->section;
	doc->file = doc->pages->file;
	return true;
}

void hk_doc_drop(struct hk_doc *doc)
{
	if (doc->pages != NULL)
		hk_sys_unmap(doc->pages, PAGES_BYTES);
}

/* fd: the open file, or why there is none. */
static void take_file(struct hk_doc *doc, const char *path, int fd)
{
	unsigned file = doc->n_files;
	int e;

	if (file == HK_DOC_FILES) {
		hk_doc_error(doc, file - 1, 0, "is the last file read: more than %d are too many",
		             HK_DOC_FILES);
		return;
	}
	if (!hk_text_copy(doc->file[file], HK_PATH_MAX, path)) {
		hk_doc_error(doc, file, 0, "the path is longer than %d bytes", HK_PATH_MAX - 1);
		return;
	}
	e = fd < 0 ? fd : check_kind(fd);
	if (e == 0) {
		doc->n_files++;
		hk_doc_parse(doc, file, fd);
	} else {
		complain(doc, file, e);
	}
}

static int read_file(struct hk_doc *doc, const char *path, bool may_be_missing)
{
	int r = 0, fd = open_below(doc->identity->root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	if (may_be_missing && (fd == -ENOENT || fd == -ENOTDIR))
		return 0;
	if (make_pages(doc))
		take_file(doc, path, fd);
	else
		r = -ENOMEM;
	if (fd >= 0)
		(void) close(fd);
	return r;
}

/* A file that counts: "*.ini", not hidden, as for every other drop-in folder. */
static bool is_drop_in(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 4 && n < NAME_SIZE && strcmp(name + n - 4, ".ini") == 0;
}

/*
 * The first name behind last in lexical order. The folder is scanned anew for each file: no list has
 * to be kept, and there are few. Returns false at the end.
 */
static bool next_drop_in(int dir, const char *last, char best[NAME_SIZE])
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		unsigned short length;
		unsigned char type;
		char name[];
	};
	char buf[2048] HK_ALIGNED(8);
	long n;

	best[0] = '\0';
	if (lseek(dir, 0, SEEK_SET) != 0)
		return false;
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *) (const void *) (buf + at);

			if (is_drop_in(e->name) && strcmp(e->name, last) > 0 &&
			    (best[0] == '\0' || strcmp(e->name, best) < 0))
				(void) hk_text_copy(best, NAME_SIZE, e->name);
			at += e->length;
		}
	}
	return best[0] != '\0';
}

static int read_drop_ins(struct hk_doc *doc)
{
	char names[2][NAME_SIZE] = {"", ""}, path[sizeof(DROP_INS) + NAME_SIZE];
	int r = 0, dir = open_below(doc->identity->root, DROP_INS, O_RDONLY | O_DIRECTORY);
	unsigned most = HK_DOC_FILES - doc->n_files;

	if (dir < 0) {
		if (dir != -ENOENT && dir != -ENOTDIR)
			hk_diag_add(doc->diags, false, DROP_INS ": may not be read (error %d)", -dir);
		return 0;
	}
	for (unsigned i = 0; r == 0 && i <= most && next_drop_in(dir, names[i & 1], names[~i & 1]); i++) {
		(void) hk_text_copy(path, sizeof(path), DROP_INS "/");
		(void) hk_text_append(path, sizeof(path), names[~i & 1]);
		r = read_file(doc, path, true); /* gone since the scan is no event */
	}
	(void) close(dir);
	return r;
}

int hk_doc_read(struct hk_doc *doc)
{
	int r;

	if (doc->identity->conf[0] != '\0')
		return read_file(doc, doc->identity->conf, false);
	r = read_file(doc, MAIN_FILE, true);
	return r != 0 ? r : read_drop_ins(doc);
}
