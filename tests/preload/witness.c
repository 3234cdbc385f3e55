/* SPDX-License-Identifier: MIT
 *
 * Preloaded behind the library under test: notes for each process whose malloc it got, as one line
 * "COMM PATH" at the end of the file $HK_WITNESS.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

/* In an executable at a fixed address the address of a function that it takes is a stub of its own
   (python, node): then a rarer name of the family must tell. */
static const char *library_of_malloc(void)
{
	static const char *const names[] = {"malloc", "calloc", "realloc", "pvalloc"};
	Dl_info info = {.dli_fname = "?"}, program = {.dli_fname = ""};

	(void) dladdr((void *) getauxval(AT_ENTRY), &program);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *address = dlsym(RTLD_DEFAULT, names[i]);

		if (address != NULL && dladdr(address, &info) != 0 && info.dli_fbase != program.dli_fbase)
			break;
	}
	return info.dli_fname;
}

__attribute__((constructor)) static void witness(void)
{
	const char *path = getenv("HK_WITNESS");
	char comm[17] = "", line[512];
	int fd, n;

	if (path == NULL)
		return;
	(void) prctl(PR_GET_NAME, comm);
	n = snprintf(line, sizeof(line), "%s %s\n", comm, library_of_malloc());
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return;
	(void) !write(fd, line, (size_t) n);
	(void) close(fd);
}
