noinst_LTLIBRARIES += libhk_core.la
libhk_core_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_core_la_SOURCES = \
	src/core/hk.h src/core/knobs.h src/core/stats.h
