/* SPDX-License-Identifier: MIT
 *
 * A program may replace some forms of operator new and delete, and expects the others to call these, as the standard has it
 * ([new.delete]): delete of a size calls plain delete, new[] calls new. In the runtime they do; ours serve directly, until
 * a replaced form is seen. Apart from operators.c, so that the names mean whatever the linker found first.
 */
#include "core/sizeclass.h"
#include "shim/shim.h"

bool hk_operators_replaced;

static bool is_foreign(const void *found, const void *own)
{
	return found != own;
}

void hk_operators_look(void)
{
	hk_operators_replaced = is_foreign((const void *) (uintptr_t) _Znwm, (const void *) (uintptr_t) hk_own_new) ||
	                        is_foreign((const void *) (uintptr_t) _ZdlPv, (const void *) (uintptr_t) hk_own_delete) ||
	                        is_foreign((const void *) (uintptr_t) _Znam, (const void *) (uintptr_t) hk_own_new_array) ||
	                        is_foreign((const void *) (uintptr_t) _ZdaPv, (const void *) (uintptr_t) hk_own_delete_array) ||
	                        is_foreign((const void *) (uintptr_t) _ZnwmSt11align_val_t, (const void *) (uintptr_t) hk_own_new_aligned) ||
	                        is_foreign((const void *) (uintptr_t) _ZdlPvSt11align_val_t, (const void *) (uintptr_t) hk_own_delete_aligned);
	if (hk_operators_replaced)
		hk_sizeclass_distrust();
}

void *hk_pass_new(size_t size)
{
	return _Znwm(size);
}

void *hk_pass_new_aligned(size_t size, size_t align)
{
	return _ZnwmSt11align_val_t(size, align);
}

void hk_pass_delete(void *p)
{
	_ZdlPv(p);
}

void hk_pass_delete_array(void *p)
{
	_ZdaPv(p);
}

void hk_pass_delete_aligned(void *p, size_t align)
{
	_ZdlPvSt11align_val_t(p, align);
}
