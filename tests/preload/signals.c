/* SPDX-License-Identifier: MIT
 *
 * What hakmem(7) calls safe in a signal handler: handlers that interrupt code outside of the allocator may allocate, free,
 * fork and leave by siglongjmp, on an alternate stack that has 16 KiB for them, also as the first thing that their thread
 * does; and a runtime's handler of SIGSEGV gets its faults. Signals come from timers and from another thread.
 */
#include "t.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#define WORKERS 3
#define SIGNALS 100 /* that each worker handles at least */
#define BLOCKS 24
#define ROOM ((size_t) 16 * 1024)
#define PAGE ((size_t) 4096)

struct blocks {
	char *p[BLOCKS];
	size_t size[BLOCKS];
	uint64_t state;
};

static __thread struct blocks *handlers; /* blocks that the handlers of this thread work on */
static __thread atomic_int handled;
static __thread sigjmp_buf out;
static __thread volatile sig_atomic_t has_out;
static __thread char *volatile closed; /* a page that a fault opens */
static atomic_int done;

static void touch(struct blocks *b)
{
	unsigned i = draw(&b->state) % BLOCKS;
	size_t size = 1 + draw(&b->state) % (draw(&b->state) % 8 > 0 ? 2000 : 400000);

	CHECK(b->p[i] == NULL || holds(b->p[i], b->size[i], i));
	if (draw(&b->state) % 2 == 0) {
		free(b->p[i]);
		b->p[i] = NEW(size);
	} else {
		b->p[i] = hidden(realloc(b->p[i], size));
	}
	CHECK(b->p[i] != NULL);
	b->size[i] = size;
	fill(b->p[i], size, i);
}

static void drop(struct blocks *b)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		CHECK(b->p[i] == NULL || holds(b->p[i], b->size[i], i));
		free(b->p[i]);
	}
}

static void fork_here(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		free(NEW(3000));
		free(NEW(300000));
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void on_signal(int signal)
{
	int saved = errno, n = ++handled;

	for (int i = 0; i < 4; i++)
		touch(handlers);
	if (n % 50 == 0)
		(void) malloc_trim(0);
	if (n % 50 == 25)
		fork_here();
	errno = saved;
	if (signal == SIGUSR1 && has_out && n % 8 == 0)
		siglongjmp(out, 1);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void) signal;
	(void) context;
	CHECK(info->si_addr == closed);
	touch(handlers);
	CHECK(mprotect(closed, PAGE, PROT_READ | PROT_WRITE) == 0);
}

/* A closed page below: who needs more is stopped. */
static char *take_stack(void)
{
	size_t size = ((size_t) sysconf(_SC_MINSIGSTKSZ) + ROOM + PAGE - 1) / PAGE * PAGE;
	char *stack = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t new = {.ss_sp = stack + PAGE, .ss_size = size};

	CHECK(stack != MAP_FAILED && mprotect(stack, PAGE, PROT_NONE) == 0);
	CHECK(sigaltstack(&new, NULL) == 0);
	return stack;
}

static void block(int how)
{
	sigset_t set;

	CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
	CHECK(sigaddset(&set, SIGALRM) == 0 && sigaddset(&set, SIGPROF) == 0);
	CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

static void spin(void)
{
	volatile unsigned sum = 0;

	block(SIG_UNBLOCK);
	for (unsigned i = 0; i < 20000; i++)
		sum += i;
	CHECK(sum > 0);
	block(SIG_BLOCK);
}

static void *work(void *arg)
{
	struct blocks mine = {.state = (uintptr_t) arg}, of_handlers = {.state = (uintptr_t) arg + 100};

	handlers = &of_handlers;
	(void) take_stack();
	closed = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(closed != MAP_FAILED);
	(void) raise(SIGALRM);
	spin(); /* nothing was allocated by this thread before */
	while (handled < SIGNALS) {
		(void) sigsetjmp(out, 1);
		has_out = 1;
		spin();
		for (int i = 0; i < 10; i++)
			touch(&mine);
		CHECK(mprotect(closed, PAGE, PROT_NONE) == 0);
		*closed = 1;
	}
	drop(&mine);
	drop(&of_handlers);
	done++;
	return NULL;
}

static void start_timers(timer_t *ret_timer)
{
	struct itimerspec each_ms = {{0, 1000000}, {0, 1000000}};
	struct itimerval profile = {{0, 1000}, {0, 1000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

	CHECK(timer_create(CLOCK_MONOTONIC, &event, ret_timer) == 0 && timer_settime(*ret_timer, 0, &each_ms, NULL) == 0);
	CHECK(setitimer(ITIMER_PROF, &profile, NULL) == 0);
}

int main(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_ONSTACK | SA_SIGINFO};
	pthread_t worker[WORKERS];
	timer_t timer;

	CHECK(sigfillset(&action.sa_mask) == 0 && sigdelset(&action.sa_mask, SIGSEGV) == 0);
	fault.sa_mask = action.sa_mask;
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(sigaction(SIGPROF, &action, NULL) == 0 && sigaction(SIGSEGV, &fault, NULL) == 0);
	block(SIG_BLOCK);
	for (long i = 0; i < WORKERS; i++)
		CHECK(pthread_create(&worker[i], NULL, work, (void *) i) == 0);
	start_timers(&timer);
	for (int i = 0; done < WORKERS; i++) {
		(void) pthread_kill(worker[i % WORKERS], SIGUSR1); /* not joined yet */
		usleep(200);
	}
	CHECK(timer_delete(timer) == 0);
	for (int i = 0; i < WORKERS; i++)
		CHECK(pthread_join(worker[i], NULL) == 0);
	return 0;
}
