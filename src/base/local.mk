# SPDX-License-Identifier: MIT
noinst_LTLIBRARIES += libhk_base.la libhk_base_rare.la
libhk_base_la_CFLAGS = $(HK_START_CFLAGS)
libhk_base_la_SOURCES = \
	src/base/atfork.c src/base/bits.h src/base/counter.h src/base/filter.c \
	src/base/lock.c src/base/lock.h \
	src/base/log.c src/base/log.h \
	src/base/sys.c src/base/sys.h \
	src/base/text.c src/base/text.h \
	src/base/words.c src/base/words.h
libhk_base_rare_la_CFLAGS = $(HK_START_CFLAGS)
libhk_base_rare_la_SOURCES = src/base/prompt.c src/base/room.c src/base/room.h src/base/unwind.c src/base/unwind.h src/base/unwind_int.h src/base/unwind_table.c
