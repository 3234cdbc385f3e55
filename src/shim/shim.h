/* SPDX-License-Identifier: MIT
 *
 * The outermost layer: what the dynamic linker sees. Every exported function is declared here or in a
 * system header.
 */
#ifndef HK_SHIM_SHIM_H
#define HK_SHIM_SHIM_H

#include "base/bits.h"

#define HK_EXPORT __attribute__((visibility("default")))
#define HK_ALIAS(name) __attribute__((alias(name)))

/* start.c: the configuration and the control block, once, from the constructor. */
void hk_shim_start(void);

/* replaced.c: whether the program brings some of operator new and delete itself; from the constructor. */
void hk_operators_look(void);
extern bool hk_operators_replaced;
/* The forms that the others stand on, ours or the program's. */
void *hk_pass_new(size_t size);
void *hk_pass_new_aligned(size_t size, size_t align);
void hk_pass_delete(void *p);
void hk_pass_delete_array(void *p);
void hk_pass_delete_aligned(void *p, size_t align);

/* operators.c: those of them that are ours, and by which names. */
void *hk_own_new(size_t size);
void *hk_own_new_array(size_t size);
void *hk_own_new_aligned(size_t size, size_t align);
void hk_own_delete(void *p);
void hk_own_delete_array(void *p);
void hk_own_delete_aligned(void *p, size_t align);
void *_Znwm(size_t size);
void *_Znam(size_t size);
void *_ZnwmSt11align_val_t(size_t size, size_t align);
void _ZdlPv(void *p);
void _ZdaPv(void *p);
void _ZdlPvSt11align_val_t(void *p, size_t align);

/* Not, or not always, declared by libc. */
void *reallocarray(void *p, size_t n, size_t size);
void *memalign(size_t align, size_t size);
void *aligned_alloc(size_t align, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *p);
void cfree(void *p);
void free_sized(void *p, size_t size);
void free_aligned_sized(void *p, size_t align, size_t size);

void *__libc_malloc(size_t size);
void __libc_free(void *p);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_reallocarray(void *p, size_t n, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_cfree(void *p);
int __posix_memalign(void **ret, size_t align, size_t size);
void *__libc_aligned_alloc(size_t align, size_t size);

#endif
