noinst_LTLIBRARIES += libhk_config.la
libhk_config_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_config_la_SOURCES = \
	src/config/config.h src/config/keys.def \
	src/config/diag.c \
	src/config/doc.h \
	src/config/env.c \
	src/config/files.c \
	src/config/identity.c \
	src/config/keys.c \
	src/config/link.c \
	src/config/name.c src/config/name.h \
	src/config/parse.c \
	src/config/resolve.c \
	src/config/section.c \
	src/config/source.c src/config/source.h \
	src/config/valid.c \
	src/config/values.c \
	src/config/warn.c
