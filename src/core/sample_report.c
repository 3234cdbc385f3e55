/* SPDX-License-Identifier: MIT
 *
 * Reports on samples. A closed page that is touched sends SIGSEGV; if it is a sample's, the report is written, and then the signal
 * goes where it would have gone without us: to the program's handler, or to the kernel, which ends the process. A handler that the program installs
 * later takes the place of ours, and is left alone: then there is no report, but the access is stopped all the same.
 */
#include "core/sample.h"

#include "base/log.h"
#include "base/sys.h"
#include "base/unwind.h"
#include "core/sample_int.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

static struct {
	struct sigaction before; /* where the signal goes on to */
	bool watching;
	bool displaced;          /* the program's handler may lead back to ours: never again */
} watch;

/* ---- the text ---- */

static void tell_stack(const uintptr_t *stack, size_t frames)
{
	char name[300];

	if (frames == 0)
		hk_log_line("    no stack could be read (that takes glibc 2.35 on x86-64)");
	for (size_t i = 0; i < frames; i++) {
		(void) hk_unwind_name(stack[i], name, sizeof(name));
		hk_log_line("    #%zu %s", i, name);
	}
}

static void tell_trace(const char *what, const struct hk_trace *trace)
{
	uint64_t ms = (hk_sys_now_ns() - trace->time_ns) / 1000000;

	hk_log_line("  %s by thread %u, %llu.%03u s ago:", what, trace->thread, (unsigned long long) (ms / 1000), (unsigned) (ms % 1000));
	tell_stack(trace->stack, hk_min(trace->frames, HK_SAMPLE_FRAMES));
}

static void tell_sample(const struct hk_sample *sample)
{
	if (sample->freed.time_ns != 0)
		tell_trace("freed", &sample->freed);
	tell_trace("allocated", &sample->allocated);
	hk_log_line("  names of the places above: addr2line -Cife MODULE OFFSET");
}

/* The sample in whose mapping the address is, or NULL. Reads without the lock: the process is about to end. */
static const struct hk_sample *find(uintptr_t address)
{
	for (size_t i = 1; hk_samples != NULL && i < HK_SAMPLES; i++) {
		uintptr_t bytes = atomic_load_explicit(&hk_samples[i].map_bytes, memory_order_acquire);

		if (address - hk_samples[i].map < bytes)
			return &hk_samples[i];
	}
	return NULL;
}

static void tell(const void *p)
{
	const struct hk_sample *sample = find((uintptr_t) p);
	uintptr_t stack[HK_SAMPLE_FRAMES];

	if (sample == NULL)
		return;
	hk_log_line("misuse of a block of %llu bytes at %#llx (security = sampled):", (unsigned long long) sample->size,
	            (unsigned long long) sample->block);
	tell_stack(stack, hk_unwind_here(stack, HK_SAMPLE_FRAMES));
	tell_sample(sample);
}

static const char *access_of(const ucontext_t *context)
{
#ifdef __x86_64__
	return (context->uc_mcontext.gregs[REG_ERR] & 2) != 0 ? "write" : "read";
#else
	(void) context;
	return "access";
#endif
}

static void report(const struct hk_sample *sample, uintptr_t address, const void *context)
{
	const char *access = access_of(context), *fault, *side;
	uintptr_t stack[HK_SAMPLE_FRAMES], distance;

	if (address < sample->block) {
		distance = sample->block - address;
		side = "before the beginning";
	} else if (address >= sample->block + sample->size) {
		distance = address - sample->block - sample->size;
		side = "beyond the end";
	} else {
		distance = address - sample->block;
		side = "inside";
	}
	fault = sample->freed.time_ns != 0 ? " after free" : "";
	hk_log_line("%s%s: %#llx, %llu bytes %s of a block of %llu bytes at %#llx (security = sampled), by thread %u:", access, fault,
	            (unsigned long long) address, (unsigned long long) distance, side, (unsigned long long) sample->size,
	            (unsigned long long) sample->block, hk_sys_tid());
	tell_stack(stack, hk_unwind_signal(context, stack, HK_SAMPLE_FRAMES));
	tell_sample(sample);
}

/* ---- the signal ---- */

/* As if there were no handler of ours. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	const struct sigaction to = watch.before;

	if ((to.sa_flags & SA_RESETHAND) != 0 && to.sa_handler != SIG_IGN) /* this once */
		watch.before = (struct sigaction){.sa_handler = SIG_DFL};
	if ((to.sa_flags & SA_SIGINFO) != 0) {
		to.sa_sigaction(number, info, context);
	} else if (to.sa_handler == SIG_IGN && info->si_code <= 0) {
		return; /* sent by somebody, who is ignored */
	} else if (to.sa_handler == SIG_DFL || to.sa_handler == SIG_IGN) {
		(void) signal(number, SIG_DFL); /* the instruction is tried again, and ends the process */
		if (info->si_code <= 0)
			(void) raise(number);
	} else {
		to.sa_handler(number);
	}
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	static _Atomic uint32_t told; /* once is enough, also where the program's handler returns */
	const struct hk_sample *sample = info->si_code > 0 ? find((uintptr_t) info->si_addr) : NULL;
	int saved = errno; /* the program's handler may return to what was interrupted */

	if (sample != NULL && atomic_exchange(&told, 1) == 0)
		report(sample, (uintptr_t) info->si_addr, context);
	errno = saved;
	pass_on(number, info, context);
}

static bool is_ours(const struct sigaction *action)
{
	return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_fault;
}

void hk_report_watch(void)
{
	struct sigaction ours = {.sa_sigaction = on_fault}, now;

	atomic_store(&hk_fatal_more, tell);
	if (watch.watching || watch.displaced || sigaction(SIGSEGV, NULL, &now) != 0)
		return;
	if (!is_ours(&now))
		watch.before = now;
	ours.sa_mask = watch.before.sa_mask;
	ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (watch.before.sa_flags & (SA_NODEFER | SA_RESTART));
	watch.watching = sigaction(SIGSEGV, &ours, NULL) == 0;
}

void hk_report_unwatch(void)
{
	struct sigaction now;

	if (!watch.watching || sigaction(SIGSEGV, NULL, &now) != 0)
		return;
	watch.watching = false;
	if (is_ours(&now))
		(void) sigaction(SIGSEGV, &watch.before, NULL);
	else
		watch.displaced = true;
}
