/* SPDX-License-Identifier: MIT
 *
 * One frame of a stack, and what its object's call frame information says of it. Registers are numbered as DWARF does
 * (System V ABI for AMD64, figure 3.36).
 */
#ifndef HK_BASE_UNWIND_INT_H
#define HK_BASE_UNWIND_INT_H

#include "base/bits.h"

#include <dlfcn.h>
#include <link.h>
#include <ucontext.h>

#if defined(__x86_64__) && defined(DLFO_STRUCT_HAS_EH_DBASE)
#define HK_UNWIND 1
#pragma weak _dl_find_object /* glibc 2.35 */

#define HK_REGS 17U
#define HK_REG_SP 7U
#define HK_REG_RA 16U

struct hk_frame {
	uintptr_t pc, end;       /* end of the stack */
	uintptr_t page;          /* of the stack, known to be readable; 1: none is */
	uintptr_t reg[HK_REGS];
	bool interrupted;        /* pc is the next instruction, not the one after a call */
};

struct hk_frame_rules {
	unsigned cfa_reg;        /* the frame's address is this register … */
	intptr_t cfa_offset;     /* … and so much; … */
	bool cfa_memory;         /* … or the word that is there */
	bool signal;             /* the kernel's trampoline */
	bool saved[HK_REGS];     /* the caller's value is on the stack, … */
	int32_t offset[HK_REGS]; /* … so far from the frame's address; else it is unchanged */
};

/* False if there is nothing for pc, or something that is beyond this reader. */
bool hk_frame_rules(uintptr_t pc, struct hk_frame_rules *ret);

static inline void hk_frame_of_context(struct hk_frame *frame, const ucontext_t *context)
{
	static const uint8_t place[HK_REGS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
	                                       REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (unsigned r = 0; r < HK_REGS; r++)
		frame->reg[r] = (uintptr_t) context->uc_mcontext.gregs[place[r]];
	frame->pc = frame->reg[HK_REG_RA];
}

/* The frame that this is inlined into. Only what calls preserve matters for those further out. */
HK_INLINE void hk_frame_here(struct hk_frame *frame)
{
	for (unsigned r = 0; r < HK_REGS; r++)
		frame->reg[r] = 0;
	frame->interrupted = true;
	__asm__ volatile("leaq 0(%%rip), %%rax\n\t"
	                 "movq %%rax, %0\n\t"
	                 "movq %%rbx, 24(%1)\n\t"
	                 "movq %%rbp, 48(%1)\n\t"
	                 "movq %%rsp, 56(%1)\n\t"
	                 "movq %%r12, 96(%1)\n\t"
	                 "movq %%r13, 104(%1)\n\t"
	                 "movq %%r14, 112(%1)\n\t"
	                 "movq %%r15, 120(%1)"
	                 : "=m"(frame->pc)
	                 : "r"(frame->reg)
	                 : "rax", "memory");
}
#endif

#endif
