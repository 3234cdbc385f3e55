# SPDX-License-Identifier: MIT
# In two parts: what every start runs, and what only files, mistakes and operators need (HK_RARE_CFLAGS).
noinst_LTLIBRARIES += libhk_config.la libhk_config_start.la libhk_config_rare.la
libhk_config_la_SOURCES =
libhk_config_la_LIBADD = libhk_config_start.la libhk_config_rare.la
libhk_config_start_la_CFLAGS = $(HK_START_CFLAGS)
libhk_config_start_la_SOURCES = \
	src/config/config.h src/config/keys.def src/config/daemon.def \
	src/config/env.c \
	src/config/files.c \
	src/config/identity.c \
	src/config/keys.c \
	src/config/name.c src/config/name.h \
	src/config/resolve.c \
	src/config/values.c
libhk_config_rare_la_CFLAGS = $(HK_RARE_CFLAGS)
libhk_config_rare_la_SOURCES = \
	src/config/diag.c \
	src/config/doc.h \
	src/config/link.c \
	src/config/parse.c \
	src/config/section.c \
	src/config/source.c src/config/source.h \
	src/config/valid.c \
	src/config/warn.c
