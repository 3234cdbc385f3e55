/* SPDX-License-Identifier: MIT
 *
 * ELF files of strangers, read with bounds: header, program headers, dynamic section, names of symbols.
 */
#include "ctl/program.h"
#include "ctl/elf.h"
#include "ctl/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_DEPTH 4 /* scripts that are run by scripts */

#ifdef __x86_64__
#define OUR_MACHINE EM_X86_64
#else
#define OUR_MACHINE EM_AARCH64
#endif

bool hk_program_allocator(const char *path)
{
	static const char *const names[] = {
	        "libjemalloc", "libtcmalloc",  "libmimalloc", "libsnmalloc",        "librpmalloc",
	        "libhoard",    "libtbbmalloc", "libscudo",    "libhardened_malloc", "liblockless"};
	const char *name = strrchr(path, '/');

	name = name != NULL ? name + 1 : path;
	for (size_t i = 0; i < HK_COUNT(names); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

bool hk_program_find(const char *name, char *ret, size_t size)
{
	const char *list = getenv("PATH"), *end;

	if (strchr(name, '/') != NULL)
		return snprintf(ret, size, "%s", name) < (int) size && access(ret, F_OK) == 0;
	if (list == NULL)
		list = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (; *list != '\0'; list = *end != '\0' ? end + 1 : end) {
		end = strchrnul(list, ':');
		if (snprintf(ret, size, "%.*s/%s", (int) (end - list), list, name) < (int) size &&
		    access(ret, X_OK) == 0)
			return true;
	}
	return false;
}

/* ---- symbols ---- */

struct symbols {
	struct hk_program *ret;
	bool exported;
};

static bool note_symbol(const Elf64_Sym *symbol, const char *name, void *data)
{
	static const char *const others[] = {"je_malloc",       "je_mallocx", "tc_malloc",
	                                     "mi_malloc",       "rpmalloc",   "sn_malloc",
	                                     "scalable_malloc", "nedmalloc",  "dlmalloc"};
	const struct symbols *symbols = data;
	struct hk_program *ret = symbols->ret;

	if (symbols->exported && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL && strcmp(name, "malloc") == 0)
		snprintf(ret->own_malloc, sizeof ret->own_malloc, "%s", name);
	if (strcmp(name, "hakmem_control_block") == 0)
		ret->hakmem = true;
	for (size_t i = 0; i < HK_COUNT(others); i++)
		if (strcmp(name, others[i]) == 0)
			snprintf(ret->other, sizeof ret->other, "%s", name);
	return false;
}

/* Their shared run-times want to be the first library: address refuses to start behind another one, thread crashes. */
static bool is_sanitizer(const char *name)
{
	return strncmp(name, "libasan.so", 10) == 0 || strncmp(name, "libtsan.so", 10) == 0 ||
	       strncmp(name, "libhwasan.so", 12) == 0 || strncmp(name, "libclang_rt.asan", 16) == 0;
}

/* Libraries that are needed: names in the string table that the section is linked to. */
static void read_needed(int fd, const Elf64_Shdr *dynamic, const Elf64_Shdr *strings, struct hk_program *ret)
{
	size_t n = dynamic->sh_size / sizeof(Elf64_Dyn);
	Elf64_Dyn *dyn;
	char *text;

	if (n == 0 || n > HK_ELF_SECTIONS || strings->sh_size > HK_ELF_STRINGS)
		return;
	dyn = hk_elf_read_file(fd, dynamic->sh_offset, n * sizeof *dyn);
	text = hk_elf_read_file(fd, strings->sh_offset, strings->sh_size);
	for (size_t i = 0; dyn != NULL && text != NULL && i < n && dyn[i].d_tag != DT_NULL; i++) {
		const char *name;
		if (dyn[i].d_tag != DT_NEEDED || dyn[i].d_un.d_val >= strings->sh_size)
			continue;
		name = text + dyn[i].d_un.d_val;
		if (hk_program_allocator(name))
			snprintf(ret->allocator, sizeof ret->allocator, "%s", name);
		if (is_sanitizer(name))
			snprintf(ret->sanitizer, sizeof ret->sanitizer, "%s", name);
		if (strncmp(name, HK_LIBRARY_NAME, sizeof HK_LIBRARY_NAME - 1) == 0)
			ret->hakmem = true;
	}
	free(dyn);
	free(text);
}

static void read_sections(int fd, const Elf64_Ehdr *eh, struct hk_program *ret)
{
	uint32_t seen = 0; /* types: a file has one table of each; thousands over the same bytes would take minutes */
	Elf64_Shdr *sh;
	char *names = NULL;

	if (eh->e_shnum == 0 || eh->e_shnum > HK_ELF_SECTIONS || eh->e_shentsize != sizeof *sh)
		return;
	sh = hk_elf_read_file(fd, eh->e_shoff, eh->e_shnum * sizeof *sh);
	if (sh != NULL && eh->e_shstrndx < eh->e_shnum && sh[eh->e_shstrndx].sh_size < HK_ELF_STRINGS)
		names = hk_elf_read_file(fd, sh[eh->e_shstrndx].sh_offset, sh[eh->e_shstrndx].sh_size);
	for (unsigned i = 0; sh != NULL && i < eh->e_shnum; i++) {
		const Elf64_Shdr *linked = sh[i].sh_link < eh->e_shnum ? &sh[sh[i].sh_link] : NULL;
		const uint32_t bit = sh[i].sh_type < 32 ? (uint32_t) 1 << sh[i].sh_type : 0;
		if (names != NULL && sh[i].sh_name < sh[eh->e_shstrndx].sh_size &&
		    strcmp(names + sh[i].sh_name, ".go.buildinfo") == 0)
			ret->go = true;
		if (linked == NULL || (seen & bit) != 0)
			continue;
		seen |= bit;
		if (sh[i].sh_type == SHT_DYNSYM || sh[i].sh_type == SHT_SYMTAB)
			hk_elf_each_symbol(fd, &sh[i], linked, note_symbol,
			                   &(struct symbols){ret, sh[i].sh_type == SHT_DYNSYM});
		else if (sh[i].sh_type == SHT_DYNAMIC)
			read_needed(fd, &sh[i], linked, ret);
	}
	free(names);
	free(sh);
}

/* ---- the file ---- */

static void read_elf(int fd, struct hk_program *ret)
{
	Elf64_Phdr ph[HK_ELF_PHDRS];
	Elf64_Ehdr eh;

	/* Class and machine stand in the same place in both classes. */
	if (pread(fd, &eh, sizeof eh, 0) < (ssize_t) sizeof(Elf32_Ehdr) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		return;
	ret->elf = true;
	ret->bits64 = eh.e_ident[EI_CLASS] == ELFCLASS64;
	ret->machine = eh.e_machine;
	if (!ret->bits64 || eh.e_phentsize != sizeof ph[0] || eh.e_phnum == 0 || eh.e_phnum > HK_ELF_PHDRS ||
	    pread(fd, ph, eh.e_phnum * sizeof ph[0], (off_t) eh.e_phoff) !=
	            (ssize_t) (eh.e_phnum * sizeof ph[0]))
		return;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		if (ph[i].p_type != PT_INTERP || ph[i].p_filesz == 0)
			continue;
		ret->interpreted = true;
		if (pread(fd, ret->loader, hk_min(ph[i].p_filesz, sizeof ret->loader - 1),
		          (off_t) ph[i].p_offset) < 0)
			ret->loader[0] = '\0';
	}
	read_sections(fd, &eh, ret);
}

/* The interpreter behind "#!", or "" if the file is no script; of "#!/usr/bin/env NAME" that NAME. */
static void read_shebang(int fd, char *ret, size_t size)
{
	char line[256] = "", *path, *argument, *save = NULL;

	ret[0] = '\0';
	if (pread(fd, line, sizeof line - 1, 0) < 3 || line[0] != '#' || line[1] != '!')
		return;
	line[strcspn(line, "\n")] = '\0';
	path = strtok_r(line + 2, " \t", &save);
	argument = strtok_r(NULL, " \t", &save);
	if (path == NULL)
		return;
	snprintf(ret, size, "%s", path);
	path = strrchr(path, '/');
	if (path == NULL || strcmp(path, "/env") != 0 || argument == NULL)
		return;
	if (strcmp(argument, "-S") == 0)
		argument = strtok_r(NULL, " \t", &save);
	if (argument == NULL || !hk_program_find(argument, ret, size))
		ret[0] = '\0';
}

static bool look(const char *root, const char *path, struct hk_program *ret, char *next, size_t size)
{
	char full[PATH_MAX + 64], caps[64];
	int fd;

	snprintf(full, sizeof full, "%s%s", root, path);
	snprintf(ret->path, sizeof ret->path, "%s", path);
	next[0] = '\0';
	fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &ret->st) != 0 || !S_ISREG(ret->st.st_mode)) {
		ret->error = fd < 0 ? errno : EINVAL;
	} else {
		ret->file_caps = fgetxattr(fd, "security.capability", caps, sizeof caps) > 0;
		read_elf(fd, ret);
		if (!ret->elf)
			read_shebang(fd, next, size);
	}
	if (fd >= 0)
		close(fd);
	return next[0] != '\0';
}

void hk_program_read(const char *root, const char *path, struct hk_program *ret)
{
	char now[PATH_MAX], next[PATH_MAX];

	memset(ret, 0, sizeof *ret);
	snprintf(now, sizeof now, "%s", path);
	for (int depth = 0; depth < MAX_DEPTH && look(root, now, ret, next, sizeof next); depth++) {
		if (depth == 0)
			snprintf(ret->script, sizeof ret->script, "%s", path);
		memcpy(now, next, sizeof now);
	}
}

/* ---- what it means ---- */

static const char *machine_name(const struct hk_program *p)
{
	switch (p->machine) {
	case EM_X86_64:
		return p->bits64 ? "x86_64" : "x32";
	case EM_386:
		return "32-bit x86";
	case EM_AARCH64:
		return "aarch64";
	case EM_ARM:
		return "32-bit ARM";
	default:
		return "of another processor";
	}
}

static void judge_kind(const struct hk_program *p, struct hk_findings *all)
{
	if (p->machine != OUR_MACHINE || !p->bits64) {
		hk_found(all, HK_PROBLEM, "program",
		         "%s is a %s program: the library is %s, the loader skips it with a warning", p->path,
		         machine_name(p), OUR_MACHINE == EM_X86_64 ? "x86_64" : "aarch64");
		hk_remedy(all, "use the 64-bit build of the program; hakmem has no other");
	} else if (p->hakmem) {
		hk_found(all, HK_FINE, "program", "%s has hakmem linked in: no preload is needed", p->path);
	} else if (!p->interpreted) {
		hk_found(all, HK_PROBLEM, "program",
		         "%s is linked statically%s: there is no loader that would preload anything", p->path,
		         p->go ? " (a Go program)" : "");
		hk_remedy(all, p->go ? "none: its heap is Go's own"
		                     : "link it dynamically, or with -l:libhakmem.a -l:libinih.a -pthread");
	} else if (strstr(p->loader, "ld-musl") != NULL) {
		hk_found(all, HK_PROBLEM, "program", "%s is linked with musl (%s): the library is for glibc",
		         p->path, p->loader);
		hk_remedy(all, "use a build of the program for glibc");
	} else {
		hk_found(all, HK_FINE, "program", "%s is dynamic, for glibc (%s)", p->path, p->loader);
	}
}

/* Rights that change with the start: the loader is careful then. Not where the runner has them already. */
static void judge_rights(const struct hk_program *p, uid_t runner, struct hk_findings *all)
{
	const bool user = (p->st.st_mode & S_ISUID) != 0 && p->st.st_uid != runner;
	const char *what = user ? "set-user-ID" : p->st.st_mode & S_ISGID ? "set-group-ID" : NULL;

	if (what != NULL) {
		hk_found(all, HK_PROBLEM, "program", "%s is %s: the loader ignores a preload by path",
		         p->path, what);
		hk_remedy(all, "start it as that user without the bit (chmod %s %s)", user ? "u-s" : "g-s",
		          p->path);
	}
	if (p->file_caps && runner != 0) {
		hk_found(all, HK_PROBLEM, "program",
		         "%s has file capabilities: the loader ignores a preload by path", p->path);
		hk_remedy(all, "setcap -r %s, and give them by AmbientCapabilities= in its unit", p->path);
	}
}

static void judge_malloc(const struct hk_program *p, uid_t runner, struct hk_findings *all)
{
	if (p->own_malloc[0] != '\0') {
		hk_found(all, HK_PROBLEM, "malloc",
		         "%s exports a malloc of its own, which comes before any preload", p->path);
		hk_remedy(all, "use a build without the bundled allocator");
	}
	if (p->other[0] != '\0') {
		hk_found(all, HK_NOTE, "malloc",
		         "%s has an allocator linked in (%s): what it takes from there is not hakmem's",
		         p->path, p->other);
		hk_remedy(all, "use a build that calls malloc, if there is one");
	}
	if (p->sanitizer[0] != '\0') {
		hk_found(all, HK_PROBLEM, "malloc",
		         "%s is linked with %s, which must be the first library: preloaded, the program ends at its start", p->path,
		         p->sanitizer);
		hk_remedy(all, "use a build without the sanitizer, or with its run-time linked statically (-static-libasan, -static-libtsan)");
	}
	if (p->allocator[0] != '\0' && runner != HK_RUNNER_LIVE) /* of a process its mappings tell */
		hk_found(all, HK_NOTE, "malloc", "%s is linked with %s: preloaded, hakmem comes before it", p->path, p->allocator);
	if (p->go && p->interpreted)
		hk_found(all, HK_NOTE, "malloc",
		         "%s is a Go program: its heap is Go's own, only its C parts call malloc", p->path);
}

void hk_program_judge(const struct hk_program *p, uid_t runner, struct hk_findings *all)
{
	if (p->script[0] != '\0')
		hk_found(all, HK_FINE, "program", "%s is a script, run by %s", p->script, p->path);
	if (p->error != 0) {
		hk_found(all, HK_PROBLEM, "program", "%s cannot be looked at: %s", p->path,
		         p->error == EINVAL ? "not a regular file" : strerror(p->error));
		hk_remedy(all, p->error == EACCES ? "try as root" : "is the path right?");
		return;
	}
	if (!p->elf) {
		hk_found(all, HK_PROBLEM, "program", "%s is no program (neither ELF nor a script)", p->path);
		hk_remedy(all, "give the path of the program itself");
		return;
	}
	judge_kind(p, all);
	if (runner != HK_RUNNER_LIVE)
		judge_rights(p, runner, all);
	if (!p->hakmem)
		judge_malloc(p, runner, all);
}
