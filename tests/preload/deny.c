/* SPDX-License-Identifier: MIT
 *
 * Preloaded behind the library, so that it comes first: a seccomp filter that answers the system calls in HK_DENY
 * ("NUMBER …") with the error HK_DENY_ERROR (a number), before the library's constructor runs.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MOST 64

__attribute__((constructor)) static void deny(void)
{
	const char *list = getenv("HK_DENY"), *error = getenv("HK_DENY_ERROR");
	struct sock_filter code[2 * MOST + 2];
	struct sock_fprog program = {.len = 0, .filter = code};
	unsigned value;

	if (list == NULL || *list == '\0')
		return;
	value = error != NULL ? (unsigned) strtoul(error, NULL, 10) : EPERM;
	code[program.len++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (char *end; *list != '\0' && program.len < 2 * MOST; list = end) {
		unsigned number = (unsigned) strtoul(list, &end, 10);

		if (end == list)
			_exit(99);
		code[program.len++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
		code[program.len++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | value);
	}
	code[program.len++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(77);
}
