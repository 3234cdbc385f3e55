# SPDX-License-Identifier: MIT
# hkbench must call malloc as written: no builtin that would leave out a pair.
noinst_PROGRAMS += hkbench
hkbench_CFLAGS = $(AM_CFLAGS) -fno-builtin-malloc -fno-builtin-calloc -fno-builtin-realloc -fno-builtin-free
hkbench_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tools/bench
hkbench_SOURCES = tools/bench/hkbench.c tools/bench/hkbench.h tools/bench/single.c tools/bench/json.c \
	tools/bench/threads.c
hkbench_LDADD = -lpthread
EXTRA_DIST += tools/bench/bench_allocators tools/bench/RESULTS.md
