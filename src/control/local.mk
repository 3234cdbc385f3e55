noinst_LTLIBRARIES += libhk_control.la
libhk_control_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_control_la_SOURCES = \
	src/control/block.h
