/* SPDX-License-Identifier: MIT
 *
 * fork in a signal handler that interrupts malloc, in a process of one thread: so do handlers of faults that call a
 * debugger. A filter sends SIGSYS for calls that the allocator makes for memory, most of them with something locked.
 */
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>

#define TRAPS 40

static volatile int traps;

/* The interrupted call fails. */
static void refuse(ucontext_t *context, long error)
{
#if defined(__x86_64__)
	context->uc_mcontext.gregs[REG_RAX] = -error;
#elif defined(__aarch64__)
	context->uc_mcontext.regs[0] = (unsigned long long) -error;
#else
#error "which register returns?"
#endif
}

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	int saved = errno, status;
	pid_t pid;

	(void) signal;
	(void) info;
	traps++;
	pid = fork();
	if (pid == 0)
		_exit(7);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	refuse(context, ENOMEM);
	errno = saved;
}

static void install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		exit(77);
}

int main(void)
{
	static char *block[2000];
	struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
	size_t n = 0;

	alarm(60);
	free(NEW(100));
	CHECK(sigaction(SIGSYS, &action, NULL) == 0);
	install();
	/* What there is gets used up, then every way to more is tried, and refused. */
	for (size_t size = 16; traps < TRAPS && n < 2000; size = size * 3 / 2 % 3000000 + 16) {
		block[n] = NEW(size);
		if (block[n] != NULL)
			fill(block[n++], 16, (unsigned) size);
	}
	CHECK(traps > 0);
	while (n > 0)
		free(block[--n]);
	(void) malloc_trim(0);
	return 0;
}
