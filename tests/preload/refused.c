/* SPDX-License-Identifier: MIT
 *
 * The kernel takes no memory back and moves none (here a filter answers munmap, madvise and mremap with an error, as a process at
 * its limit of mappings may see it): free keeps errno, realloc the content, calloc its zeros.
 */
#include "t.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define REFUSE(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM)

static void install(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(SYS_munmap),
		REFUSE(SYS_madvise),
		REFUSE(SYS_mremap),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		exit(77);
	errno = 0;
	CHECK(munmap(hidden((void *) 4096), 4096) != 0 && errno == ENOMEM);
}

static void kept(void *p)
{
	errno = EXDEV;
	free(p);
	CHECK(errno == EXDEV);
}

static void grow_and_shrink(size_t size)
{
	size_t more = size + size / 3, less = size / 5 + 1;
	char *p = hidden(calloc(1, size));

	CHECK(p != NULL && p[0] == 0 && p[size / 2] == 0 && p[size - 1] == 0);
	p[0] = p[less - 1] = p[size - 1] = 1;
	p = hidden(realloc(p, more));
	CHECK(p != NULL && p[0] == 1 && p[less - 1] == 1 && p[size - 1] == 1);
	p[more - 1] = 1;
	p = hidden(realloc(p, less));
	CHECK(p != NULL && p[0] == 1 && p[less - 1] == 1);
	kept(p);
}

int main(void)
{
	static const size_t sizes[] = {100, 5000, 30000, 300000, 3 << 20, 36 << 20};
	size_t n = sizeof(sizes) / sizeof(sizes[0]);

	for (int round = 0; round < 3; round++) {
		if (round == 1)
			install(); /* what was kept until then is met, too */
		for (size_t i = 0; i < n; i++) {
			grow_and_shrink(sizes[i]);
			kept(NEW(sizes[i]));
			kept(hidden(memalign((size_t) 1 << 21, sizes[i])));
		}
		errno = EXDEV;
		(void) malloc_trim(0);
		CHECK(errno == EXDEV || !HAVE_HAKMEM);
	}
	return 0;
}
