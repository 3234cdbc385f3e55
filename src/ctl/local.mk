# SPDX-License-Identifier: MIT
# All of hakmemctl but its main: for hakmemd and a fuzz harness, too.
noinst_LIBRARIES += libhk_ctl.a
bin_PROGRAMS += hakmemctl
hakmemctl_SOURCES = src/ctl/main.c
hakmemctl_LDFLAGS = $(AM_LDFLAGS) -Wl,-Map,hakmemctl.linked
hakmemctl_CPPFLAGS = $(libhk_ctl_a_CPPFLAGS)
libhk_ctl_a_CPPFLAGS = $(AM_CPPFLAGS) -DHK_PREFIX='"$(prefix)"' -DHK_LIBDIR='"$(libdir)"' $(UV_CFLAGS) $(JANSSON_CFLAGS) $(NCURSES_CFLAGS)
hakmemctl_LDADD = libhk_ctl.a libhk_control.la libhk_elo.la libhk_elo_rare.la libhk_core.la libhk_core_rare.la libhk_config.la libhk_base.la libhk_base_rare.la \
	$(INIH_LIBS) $(UV_LIBS) $(JANSSON_LIBS) $(NCURSES_LIBS)
libhk_ctl_a_SOURCES = \
	src/ctl/account.c src/ctl/account.h \
	src/ctl/advice.c src/ctl/advice.h \
	src/ctl/ask.c src/ctl/ask.h src/ctl/ask_int.h \
	src/ctl/change.c \
	src/ctl/check.h src/ctl/check_live.c src/ctl/check_units.c \
	src/ctl/complete.c src/ctl/complete.h \
	src/ctl/counter_docs.c src/ctl/counter_docs.h \
	src/ctl/counters.c \
	src/ctl/ctl.h \
	src/ctl/doctor.c src/ctl/doctor.h \
	src/ctl/doctor_host.c \
	src/ctl/doctor_live.c \
	src/ctl/doctor_process.c \
	src/ctl/door1.c \
	src/ctl/door2.c src/ctl/door2.h \
	src/ctl/dropin.c src/ctl/dropin.h \
	src/ctl/elf.c src/ctl/elf.h \
	src/ctl/enable.c \
	src/ctl/explain.c \
	src/ctl/files.c \
	src/ctl/finding.c src/ctl/finding.h \
	src/ctl/heapmap.c src/ctl/heapmap.h \
	src/ctl/keys.c \
	src/ctl/launch.c \
	src/ctl/learned.c \
	src/ctl/library.c \
	src/ctl/lint.c src/ctl/lint.h src/ctl/lint_glob.c src/ctl/lint_names.c src/ctl/lint_sections.c \
	src/ctl/look.c \
	src/ctl/needs.c src/ctl/needs.h \
	src/ctl/output.c src/ctl/output.h \
	src/ctl/pool.c src/ctl/pool.h \
	src/ctl/program.c src/ctl/program.h \
	src/ctl/prometheus.c src/ctl/prometheus.h \
	src/ctl/run.c \
	src/ctl/scan.c src/ctl/scan.h \
	src/ctl/service.c src/ctl/service.h \
	src/ctl/settings.c src/ctl/settings.h \
	src/ctl/smaps.c src/ctl/smaps.h \
	src/ctl/sockets.c \
	src/ctl/target.c \
	src/ctl/top.c src/ctl/top.h src/ctl/top_once.c src/ctl/top_rows.c src/ctl/top_screen.c \
	src/ctl/tuning.c src/ctl/tuning.h \
	src/ctl/unit.c src/ctl/unit.h
