# SPDX-License-Identifier: MIT
noinst_LTLIBRARIES += libhk_core.la libhk_core_rare.la
libhk_core_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_core_la_SOURCES = \
	src/core/alloc.c src/core/alloc_inl.h src/core/hk.h \
	src/core/heap.c src/core/heap.h src/core/heap_int.h src/core/heap_lists.c src/core/heap_life.c \
	src/core/knobs.c src/core/knobs.h \
	src/core/large.c src/core/large.h \
	src/core/meta.c src/core/meta.h \
	src/core/pageheap.c src/core/pageheap.h src/core/runs.c src/core/runs.h \
	src/core/pagemap.c src/core/span.h \
	src/core/pool.c src/core/pool.h src/core/pool_int.h \
	src/core/pool_give.c \
	src/core/purge.c src/core/purge.h \
	src/core/sizeclass.c src/core/sizeclass.h \
	src/core/stats.c src/core/stats.h \
	src/core/thp.c src/core/thp.h
# What no start runs.
libhk_core_rare_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_core_rare_la_SOURCES = src/core/ebb.c src/core/ebb.h src/core/ebb_turn.c src/core/guard.c src/core/guard.h src/core/harden.c src/core/harden.h src/core/pool_hard.c src/core/pool_purge.c src/core/pressure.c src/core/pressure.h src/core/purge_all.c src/core/sample.c src/core/sample.h src/core/sample_int.h src/core/sample_report.c src/core/soften.c src/core/stats_sum.c
