# SPDX-License-Identifier: MIT
# The host's daemon: hakmemctl's way of finding and asking services, on a loop that does not end.
if HAKMEMD
sbin_PROGRAMS += hakmemd
endif
hakmemd_CPPFLAGS = $(hakmemctl_CPPFLAGS) $(MICROHTTPD_CFLAGS)
hakmemd_LDFLAGS = $(AM_LDFLAGS) -Wl,-Map,hakmemd.linked
hakmemd_LDADD = $(hakmemctl_LDADD) $(MICROHTTPD_LIBS)
hakmemd_SOURCES = \
	src/daemon/daemon.h \
	src/daemon/http.c \
	src/daemon/log.c \
	src/daemon/main.c \
	src/daemon/metrics.c \
	src/daemon/path.c \
	src/daemon/processes.c \
	src/daemon/reload.c \
	src/daemon/roster.c \
	src/daemon/watch.c
