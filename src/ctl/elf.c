/* SPDX-License-Identifier: MIT
 *
 * Symbol look-up in a stranger's memory by the GNU hash (or the old one), and in a file's .symtab.
 * No state; runs on worker threads.
 */
#include "ctl/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_DYN 256
#define MAX_CHAIN 65536

/* What PT_DYNAMIC says of one object, as addresses in the process. */
struct object {
	pid_t pid;
	uint64_t bias, symtab, strtab, gnu_hash, hash;
};

int hk_remote_read(pid_t pid, uint64_t addr, void *buf, size_t size)
{
	struct iovec mine = {.iov_base = buf, .iov_len = size};
	struct iovec theirs = {.iov_base = (void *) (uintptr_t) addr, .iov_len = size};
	ssize_t n = process_vm_readv(pid, &mine, 1, &theirs, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t) n == size ? 0 : -EFAULT;
}

int hk_remote_write(pid_t pid, uint64_t addr, const void *buf, size_t size)
{
	struct iovec mine = {.iov_base = (void *) (uintptr_t) buf, .iov_len = size};
	struct iovec theirs = {.iov_base = (void *) (uintptr_t) addr, .iov_len = size};
	ssize_t n = process_vm_writev(pid, &mine, 1, &theirs, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t) n == size ? 0 : -EFAULT;
}

static bool header_ok(const Elf64_Ehdr *eh)
{
	return memcmp(eh->e_ident, ELFMAG, SELFMAG) == 0 && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_phentsize == sizeof(Elf64_Phdr) && eh->e_phnum > 0 && eh->e_phnum <= HK_ELF_PHDRS;
}

/* Load bias: what to add to an address of the file; the first PT_LOAD is what is mapped at base. */
static int find_bias(const Elf64_Phdr *ph, unsigned n, uint64_t base, uint64_t *ret_bias)
{
	for (unsigned i = 0; i < n; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		*ret_bias = base - (hk_align_down(ph[i].p_vaddr, 4096) - hk_align_down(ph[i].p_offset, 4096));
		return 0;
	}
	return -ENOEXEC;
}

/* The loader of glibc has relocated these words in place; that of musl has not. */
static uint64_t relocated(uint64_t word, uint64_t bias)
{
	return word < bias ? word + bias : word;
}

static int read_dynamic(struct object *o, uint64_t addr, uint64_t size)
{
	Elf64_Dyn dyn[MAX_DYN];
	size_t n = size / sizeof dyn[0];
	int r;

	if (n > MAX_DYN)
		n = MAX_DYN;
	r = hk_remote_read(o->pid, addr, dyn, n * sizeof dyn[0]);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n && dyn[i].d_tag != DT_NULL; i++) {
		uint64_t where = relocated(dyn[i].d_un.d_ptr, o->bias);
		if (dyn[i].d_tag == DT_SYMTAB)
			o->symtab = where;
		else if (dyn[i].d_tag == DT_STRTAB)
			o->strtab = where;
		else if (dyn[i].d_tag == DT_GNU_HASH)
			o->gnu_hash = where;
		else if (dyn[i].d_tag == DT_HASH)
			o->hash = where;
	}
	return o->symtab != 0 && o->strtab != 0 && (o->gnu_hash != 0 || o->hash != 0) ? 0 : -ENOENT;
}

static int open_object(struct object *o, uint64_t base)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph[HK_ELF_PHDRS];
	int r = hk_remote_read(o->pid, base, &eh, sizeof eh);

	if (r < 0)
		return r;
	if (!header_ok(&eh))
		return -ENOEXEC;
	r = hk_remote_read(o->pid, base + eh.e_phoff, ph, eh.e_phnum * sizeof ph[0]);
	if (r < 0)
		return r;
	r = find_bias(ph, eh.e_phnum, base, &o->bias);
	for (unsigned i = 0; r == 0 && i < eh.e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			return read_dynamic(o, o->bias + ph[i].p_vaddr, ph[i].p_memsz);
	return r < 0 ? r : -ENOENT;
}

/* Is symbol number index the defined object name? Its address, 0 if not, or −errno. */
static int symbol_is(const struct object *o, uint32_t index, const char *name, uint64_t *ret_addr)
{
	Elf64_Sym sym;
	char text[64];
	size_t want = strlen(name) + 1;
	int r = hk_remote_read(o->pid, o->symtab + (uint64_t) index * sizeof sym, &sym, sizeof sym);

	*ret_addr = 0;
	if (r < 0 || want > sizeof text)
		return r;
	if (sym.st_shndx == SHN_UNDEF || sym.st_value == 0)
		return 0;
	r = hk_remote_read(o->pid, o->strtab + sym.st_name, text, want);
	if (r == -EFAULT)
		return 0; /* a name shorter than ours at the very end of the table */
	if (r == 0 && memcmp(text, name, want) == 0)
		*ret_addr = o->bias + sym.st_value;
	return r;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name != '\0'; name++)
		h = h * 33 + (unsigned char) *name;
	return h;
}

static int find_by_gnu_hash(const struct object *o, const char *name, uint64_t *ret_addr)
{
	uint32_t head[4] = {0}; /* buckets, first hashed symbol, bloom words, bloom shift */
	uint32_t h = gnu_hash(name), index, link;
	int r = hk_remote_read(o->pid, o->gnu_hash, head, sizeof head);
	uint64_t buckets = o->gnu_hash + sizeof head + (uint64_t) head[2] * 8;
	uint64_t chains = buckets + (uint64_t) head[0] * 4;

	if (r < 0)
		return r;
	if (head[0] == 0)
		return -ENOENT;
	r = hk_remote_read(o->pid, buckets + (uint64_t) (h % head[0]) * 4, &index, sizeof index);
	if (r < 0)
		return r;
	if (index < head[1])
		return -ENOENT;
	for (uint32_t steps = 0; steps < MAX_CHAIN; steps++, index++) {
		r = hk_remote_read(o->pid, chains + (uint64_t) (index - head[1]) * 4, &link, sizeof link);
		if (r < 0)
			return r;
		if ((link | 1) == (h | 1)) {
			r = symbol_is(o, index, name, ret_addr);
			if (r < 0 || *ret_addr != 0)
				return r;
		}
		if (link & 1)
			break;
	}
	return -ENOENT;
}

static int find_by_old_hash(const struct object *o, const char *name, uint64_t *ret_addr)
{
	uint32_t head[2]; /* buckets, chains: the latter is the number of symbols */
	int r = hk_remote_read(o->pid, o->hash, head, sizeof head);

	for (uint32_t i = 1; r == 0 && i < head[1] && i < MAX_CHAIN; i++) {
		r = symbol_is(o, i, name, ret_addr);
		if (r == 0 && *ret_addr != 0)
			return 0;
	}
	return r < 0 ? r : -ENOENT;
}

int hk_elf_find_dynamic(pid_t pid, uint64_t base, const char *name, uint64_t *ret_addr)
{
	struct object o = {.pid = pid};
	int r = open_object(&o, base);

	*ret_addr = 0;
	if (r < 0)
		return r;
	return o.gnu_hash != 0 ? find_by_gnu_hash(&o, name, ret_addr) : find_by_old_hash(&o, name, ret_addr);
}

/* ---- .symtab of a file ---- */

void *hk_elf_read_file(int fd, uint64_t offset, size_t size)
{
	char *buf = malloc(size + 1);

	if (buf != NULL && pread(fd, buf, size, (off_t) offset) != (ssize_t) size) {
		free(buf);
		return NULL;
	}
	if (buf != NULL)
		buf[size] = '\0';
	return buf;
}

void hk_elf_each_symbol(int fd, const Elf64_Shdr *symbols, const Elf64_Shdr *strings,
                        bool (*visit)(const Elf64_Sym *symbol, const char *name, void *data), void *data)
{
	size_t n = symbols->sh_size / sizeof(Elf64_Sym);
	Elf64_Sym *sym;
	char *text;

	if (n == 0 || n > HK_ELF_SYMBOLS || strings->sh_size > HK_ELF_STRINGS)
		return;
	sym = hk_elf_read_file(fd, symbols->sh_offset, n * sizeof *sym);
	text = hk_elf_read_file(fd, strings->sh_offset, strings->sh_size);
	for (size_t i = 0; sym != NULL && text != NULL && i < n; i++)
		if (sym[i].st_shndx != SHN_UNDEF && sym[i].st_name < strings->sh_size &&
		    visit(&sym[i], text + sym[i].st_name, data))
			break;
	free(sym);
	free(text);
}

struct wanted {
	const char *name;
	uint64_t value; /* 0: not found yet */
};

static bool note_wanted(const Elf64_Sym *symbol, const char *name, void *data)
{
	struct wanted *wanted = data;

	if (strcmp(name, wanted->name) == 0)
		wanted->value = symbol->st_value;
	return wanted->value != 0;
}

static int find_in_file(int fd, uint64_t base, const char *name, uint64_t *ret_addr)
{
	Elf64_Ehdr eh;
	Elf64_Phdr *ph;
	Elf64_Shdr *sh;
	struct wanted wanted = {.name = name};
	uint64_t bias = 0;

	if (pread(fd, &eh, sizeof eh, 0) != sizeof eh || !header_ok(&eh))
		return -ENOEXEC;
	if (eh.e_shnum == 0 || eh.e_shnum > HK_ELF_SECTIONS || eh.e_shentsize != sizeof *sh)
		return -ENOENT;
	ph = hk_elf_read_file(fd, eh.e_phoff, eh.e_phnum * sizeof *ph);
	sh = hk_elf_read_file(fd, eh.e_shoff, eh.e_shnum * sizeof *sh);
	if (ph != NULL && sh != NULL && find_bias(ph, eh.e_phnum, base, &bias) == 0)
		for (unsigned i = 0; i < eh.e_shnum; i++)
			if (sh[i].sh_type == SHT_SYMTAB && sh[i].sh_link < eh.e_shnum) {
				hk_elf_each_symbol(fd, &sh[i], &sh[sh[i].sh_link], note_wanted, &wanted);
				break; /* a file has one; thousands over the same bytes would take minutes */
			}
	free(ph);
	free(sh);
	*ret_addr = wanted.value != 0 ? bias + wanted.value : 0;
	return wanted.value != 0 ? 0 : -ENOENT;
}

int hk_elf_find_static(const char *path, uint64_t base, const char *name, uint64_t *ret_addr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	*ret_addr = 0;
	if (fd < 0)
		return -errno;
	r = find_in_file(fd, base, name, ret_addr);
	close(fd);
	return r;
}
