noinst_LTLIBRARIES += libhk_control.la
libhk_control_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_control_la_SOURCES = \
	src/control/block.c src/control/block.h \
	src/control/json.c src/control/json.h \
	src/control/slots.c src/control/slots.h
