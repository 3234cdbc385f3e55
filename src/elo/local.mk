noinst_LTLIBRARIES += libhk_elo.la
libhk_elo_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_elo_la_SOURCES = \
	src/elo/elo.h
