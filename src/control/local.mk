noinst_LTLIBRARIES += libhk_control.la
libhk_control_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_control_la_SOURCES = \
	src/control/block.c src/control/block.h \
	src/control/call.h \
	src/control/change.c \
	src/control/client.c \
	src/control/door.h \
	src/control/json.c src/control/json.h \
	src/control/process.c src/control/process.h \
	src/control/pulse.c \
	src/control/report.c \
	src/control/report_config.c \
	src/control/slots.c src/control/slots.h \
	src/control/socket.c \
	src/control/thread.c \
	src/control/verbs.c \
	src/control/watch.c
