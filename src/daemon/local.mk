# The host's daemon: hakmemctl's way of finding and asking services, on a loop that does not end.
if HAKMEMD
sbin_PROGRAMS += hakmemd
endif
hakmemd_CPPFLAGS = $(hakmemctl_CPPFLAGS) $(MICROHTTPD_CFLAGS)
hakmemd_LDADD = $(hakmemctl_LDADD) $(MICROHTTPD_LIBS)
hakmemd_SOURCES = \
	src/ctl/ask.c \
	src/ctl/counter_docs.c \
	src/ctl/door1.c \
	src/ctl/door2.c \
	src/ctl/elf.c \
	src/ctl/lint.c src/ctl/lint_glob.c src/ctl/lint_names.c src/ctl/lint_sections.c \
	src/ctl/output.c \
	src/ctl/pool.c \
	src/ctl/prometheus.c \
	src/ctl/scan.c \
	src/ctl/service.c \
	src/ctl/settings.c \
	src/ctl/sockets.c \
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
