# SPDX-License-Identifier: MIT
# In two parts, as src/config: what every start runs; the control thread, the verbs, and what else is rare.
noinst_LTLIBRARIES += libhk_control.la libhk_control_start.la libhk_control_rare.la
libhk_control_la_SOURCES =
libhk_control_la_LIBADD = libhk_control_start.la libhk_control_rare.la
libhk_control_start_la_CFLAGS = $(HK_START_CFLAGS)
libhk_control_start_la_SOURCES = \
	src/control/block.c src/control/block.h \
	src/control/process.c src/control/process.h \
	src/control/pulse.c \
	src/control/slots.c src/control/slots.h
libhk_control_rare_la_CFLAGS = $(HK_RARE_CFLAGS)
libhk_control_rare_la_SOURCES = \
	src/control/call.h \
	src/control/change.c \
	src/control/client.c \
	src/control/diff.c \
	src/control/door.h \
	src/control/json.c src/control/json.h \
	src/control/limits.c \
	src/control/publish.c \
	src/control/report.c \
	src/control/report_config.c \
	src/control/say.c \
	src/control/socket.c \
	src/control/tally.c src/control/tally.h \
	src/control/thread.c \
	src/control/verbs.c \
	src/control/watch.c
