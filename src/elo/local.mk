# SPDX-License-Identifier: MIT
noinst_LTLIBRARIES += libhk_elo.la libhk_elo_rare.la
libhk_elo_la_CFLAGS = $(HK_START_CFLAGS)
libhk_elo_la_SOURCES = \
	src/elo/elo.h \
	src/elo/engine.c src/elo/engine.h \
	src/elo/lifecycle.c src/elo/lifecycle.h \
	src/elo/match.c src/elo/match.h \
	src/elo/rating.c src/elo/rating.h \
	src/elo/strategies.c
# What no start runs, but one that begins with LEARN.
libhk_elo_rare_la_CFLAGS = $(HK_START_CFLAGS)
libhk_elo_rare_la_SOURCES = src/elo/canary.c src/elo/field.c src/elo/observe.c src/elo/observe.h src/elo/request.c src/elo/shadow.c \
	src/elo/shadow.h src/elo/shift.c src/elo/shift.h src/elo/windows.c
