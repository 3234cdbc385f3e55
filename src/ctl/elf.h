/* SPDX-License-Identifier: MIT
 *
 * Where an exported symbol of another process lies, read from its own memory and, for programs
 * linked statically, from /proc/PID/exe. Memory serves deleted libraries (upgrades), containers and
 * other mount namespaces alike. Everything read is a stranger's and bounded here.
 */
#ifndef HK_CTL_ELF_H
#define HK_CTL_ELF_H

#include "base/bits.h"

#include <elf.h>
#include <sys/types.h>

/* As much is believed of a file. */
#define HK_ELF_PHDRS 64
#define HK_ELF_SECTIONS 4096
#define HK_ELF_SYMBOLS (1U << 21)
#define HK_ELF_STRINGS (64U << 20) /* bytes */

/* Exactly size bytes from (to) another process. 0, or −errno (−EPERM, −ESRCH, −EFAULT for a part). */
int hk_remote_read(pid_t pid, uint64_t addr, void *buf, size_t size);
int hk_remote_write(pid_t pid, uint64_t addr, const void *buf, size_t size);

/* The address of name in the object whose ELF header is mapped at base: its dynamic symbols.
   0, −ENOENT, −ENOEXEC, or an error of hk_remote_read. */
int hk_elf_find_dynamic(pid_t pid, uint64_t base, const char *name, uint64_t *ret_addr);
/* The same from the full symbol table (.symtab) of a file mapped at base. */
int hk_elf_find_static(const char *path, uint64_t base, const char *name, uint64_t *ret_addr);

/* size bytes at offset of a file, with a NUL behind, to be freed; NULL: they cannot be read. */
void *hk_elf_read_file(int fd, uint64_t offset, size_t size);
/* Visit the defined symbols of a table of a file, their names in the table that it is linked to, until visit returns true. */
void hk_elf_each_symbol(int fd, const Elf64_Shdr *symbols, const Elf64_Shdr *strings,
                        bool (*visit)(const Elf64_Sym *symbol, const char *name, void *data), void *data);

#endif
