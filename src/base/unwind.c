/* SPDX-License-Identifier: MIT
 *
 * Stacks: the walk from frame to frame. What a frame's table says is read in unwind_table.c.
 */
#include "base/unwind.h"

#include "base/sys.h"
#include "base/text.h"
#include "base/unwind_int.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef HK_UNWIND

#define HK_STACK_MAX ((uintptr_t) 128 << 20) /* deeper than this is another stack */
#define HK_FRAMES_MAX 256U                   /* own ones and those that are not asked for included */

static uintptr_t main_top;

void hk_unwind_start(const void *top)
{
	main_top = (uintptr_t) top;
}

/* The end of the stack that sp is on. Of one that the program has made itself only the page is sure to be there. */
static uintptr_t stack_end(uintptr_t sp)
{
	uintptr_t thread = (uintptr_t) pthread_self(); /* glibc keeps it above the stack */

	if (sp < thread && thread - sp < HK_STACK_MAX)
		return thread;
	if (sp < main_top && main_top - sp < HK_STACK_MAX)
		return main_top & ~(uintptr_t) 7;
	return (sp | (HK_PAGE - 1)) + 1;
}

/* The kernel reads the word before it refuses the call. What is taken for the thread's stack may be one that the program has made, with
   a closed page behind. */
static bool is_readable(uintptr_t address)
{
	int saved = errno;
	bool readable = syscall(SYS_rt_sigprocmask, -1, address, NULL, sizeof(uint64_t)) == 0 || errno != EFAULT;

	errno = saved;
	return readable;
}

/* A word of the stack. */
static bool peek(struct hk_frame *frame, uintptr_t address, uintptr_t *ret)
{
	uintptr_t page = address & ~(uintptr_t) (HK_PAGE - 1);

	if (address < frame->reg[HK_REG_SP] || address > frame->end - sizeof(*ret) || address % sizeof(*ret) != 0)
		return false;
	if (page != frame->page && !is_readable(address))
		return false;
	frame->page = page;
	*ret = *(const uintptr_t *) address;
	return true;
}

static bool step_signal(struct hk_frame *frame)
{
	uintptr_t at = frame->reg[HK_REG_SP]; /* the kernel's frame begins with the context, its return address gone */

	if (at + sizeof(ucontext_t) > frame->end || !is_readable(at) || !is_readable(at + sizeof(ucontext_t) - sizeof(uint64_t)))
		return false;
	hk_frame_of_context(frame, (const ucontext_t *) at);
	frame->interrupted = true;
	return frame->reg[HK_REG_SP] > at && frame->reg[HK_REG_SP] < frame->end; /* else it has come from another stack */
}

/* To the caller's frame. */
static bool step(struct hk_frame *frame)
{
	struct hk_frame_rules rules;
	struct hk_frame next = *frame;
	uintptr_t cfa;

	if (!hk_frame_rules(frame->pc - !frame->interrupted, &rules))
		return false;
	if (rules.signal)
		return step_signal(frame);
	cfa = frame->reg[rules.cfa_reg] + (uintptr_t) rules.cfa_offset;
	if (rules.cfa_memory && !peek(frame, cfa, &cfa))
		return false;
	if (cfa <= frame->reg[HK_REG_SP] || cfa > frame->end)
		return false;
	for (unsigned r = 0; r < HK_REGS; r++)
		if (rules.saved[r] && !peek(frame, cfa + (uintptr_t) (intptr_t) rules.offset[r], &next.reg[r]))
			return false;
	if (!rules.saved[HK_REG_RA])
		return false; /* the outermost */
	next.pc = next.reg[HK_REG_RA];
	next.reg[HK_REG_SP] = cfa;
	next.interrupted = false;
	next.page = frame->page;
	*frame = next;
	return frame->pc != 0;
}

static bool is_ours(uintptr_t pc)
{
	struct dl_find_object ours, found;

	return _dl_find_object((void *) (uintptr_t) &is_ours, &ours) == 0 && _dl_find_object((void *) pc, &found) == 0 &&
	       ours.dlfo_link_map == found.dlfo_link_map;
}

static size_t walk(struct hk_frame *frame, uintptr_t *ret, size_t max, bool all)
{
	size_t n = 0;

	frame->end = stack_end(frame->reg[HK_REG_SP]);
	frame->page = 1;
	for (unsigned i = 0; i < HK_FRAMES_MAX && n < max; i++) {
		if (all || n > 0 || !is_ours(frame->pc))
			ret[n++] = frame->pc - !frame->interrupted;
		if (!step(frame))
			break;
	}
	return n;
}

HK_NOINLINE size_t hk_unwind_here(uintptr_t *ret, size_t max)
{
	struct hk_frame frame;

	if (_dl_find_object == NULL)
		return 0;
	hk_frame_here(&frame);
	return walk(&frame, ret, max, false);
}

size_t hk_unwind_signal(const void *context, uintptr_t *ret, size_t max)
{
	struct hk_frame frame;

	if (_dl_find_object == NULL)
		return 0;
	hk_frame_of_context(&frame, context);
	frame.interrupted = true;
	return walk(&frame, ret, max, true);
}

bool hk_unwind_name(uintptr_t address, char *ret, size_t size)
{
	struct dl_find_object found;
	uintptr_t offset = address;
	bool known = _dl_find_object != NULL && _dl_find_object((void *) address, &found) == 0;

	ret[0] = '\0';
	if (known) {
		offset = address - found.dlfo_link_map->l_addr;
		if (found.dlfo_link_map->l_name[0] != '\0') {
			(void) hk_text_copy(ret, size, found.dlfo_link_map->l_name);
		} else {
			ssize_t n = readlink("/proc/self/exe", ret, size - 1);

			ret[n > 0 ? n : 0] = '\0';
		}
		(void) hk_text_append(ret, size, "+");
	}
	(void) hk_text_append_hex(ret, size, offset);
	return known;
}

#else
void hk_unwind_start(const void *top)
{
	(void) top;
}

size_t hk_unwind_here(uintptr_t *ret, size_t max)
{
	(void) ret, (void) max;
	return 0;
}

size_t hk_unwind_signal(const void *context, uintptr_t *ret, size_t max)
{
	(void) context, (void) ret, (void) max;
	return 0;
}

bool hk_unwind_name(uintptr_t address, char *ret, size_t size)
{
	ret[0] = '\0';
	(void) hk_text_append_hex(ret, size, address);
	return false;
}
#endif
