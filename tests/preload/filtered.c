/* SPDX-License-Identifier: MIT
 *
 * Under a seccomp filter that kills for process_madvise, as systemd's do for calls that they do not list, memory is given back
 * all the same. That the filter bites is seen in a child.
 */
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#define BLOCKS 200

static void install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_madvise, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		exit(77);
}

static int killed_for_it(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void) syscall(SYS_process_madvise, -1, NULL, 0UL, 0, 0U);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* Free runs with live blocks between them: a purge has many ranges. */
static void churn(void)
{
	static char *block[BLOCKS];

	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(300000);
		CHECK(block[i] != NULL);
		memset(block[i], 1, 300000);
	}
	for (int i = 0; i < BLOCKS; i += 2)
		free(block[i]);
	(void) malloc_trim(0);
	for (int i = 1; i < BLOCKS; i += 2)
		free(block[i]);
}

int main(void)
{
	churn(); /* once without: what works then must not be tried later */
	install();
	CHECK(killed_for_it());
	churn();
	return 0;
}
