# SPDX-License-Identifier: MIT
# Fuzz harnesses. make check gives each its corpus and some inputs of its own making; tests/fuzz/run.sh builds them
# with libFuzzer or AFL++, by these two variables.
HK_FUZZ_DEFINE =
HK_FUZZ_LINK =
HK_FUZZ_CORE = libhk_core.la libhk_core_rare.la libhk_base.la libhk_base_rare.la
HK_FUZZ_CONTROL = libhk_control.la libhk_elo.la libhk_elo_rare.la libhk_core.la libhk_core_rare.la libhk_config.la libhk_base.la libhk_base_rare.la $(INIH_LIBS)
HK_FUZZERS = fuzz_calls fuzz_ini fuzz_values fuzz_protocol fuzz_reply fuzz_foreign
check_PROGRAMS += $(HK_FUZZERS)
TESTS += $(HK_FUZZERS) tests/fuzz/calls.sh
EXTRA_DIST += tests/fuzz/run.sh tests/fuzz/calls.sh tests/fuzz/corpus tests/fuzz/dict
fuzz_calls_SOURCES = tests/fuzz/fuzz_calls.c tests/fuzz/replay.h
fuzz_calls_CPPFLAGS = $(AM_CPPFLAGS) $(HK_FUZZ_DEFINE)
fuzz_calls_LDFLAGS = $(AM_LDFLAGS) $(HK_FUZZ_LINK)
fuzz_calls_LDADD = $(HK_FUZZ_CORE)
fuzz_ini_SOURCES = tests/fuzz/fuzz_ini.c tests/fuzz/replay.h
fuzz_ini_CPPFLAGS = $(AM_CPPFLAGS) $(HK_FUZZ_DEFINE)
fuzz_ini_LDFLAGS = $(AM_LDFLAGS) $(HK_FUZZ_LINK)
fuzz_ini_LDADD = libhk_config.la libhk_base.la $(INIH_LIBS)
fuzz_values_SOURCES = tests/fuzz/fuzz_values.c tests/fuzz/replay.h
fuzz_values_CPPFLAGS = $(AM_CPPFLAGS) $(HK_FUZZ_DEFINE)
fuzz_values_LDFLAGS = $(AM_LDFLAGS) $(HK_FUZZ_LINK)
fuzz_values_LDADD = libhk_config.la libhk_base.la $(INIH_LIBS)
fuzz_protocol_SOURCES = tests/fuzz/fuzz_protocol.c tests/fuzz/replay.h
fuzz_protocol_CPPFLAGS = $(AM_CPPFLAGS) $(HK_FUZZ_DEFINE) $(JANSSON_CFLAGS)
fuzz_protocol_LDFLAGS = $(AM_LDFLAGS) $(HK_FUZZ_LINK)
fuzz_protocol_LDADD = $(HK_FUZZ_CONTROL) $(JANSSON_LIBS)
# hakmemctl itself, but for where services are found and how they are asked: there the input takes their place.
fuzz_reply_SOURCES = src/ctl/main.c tests/fuzz/fuzz_reply.c tests/fuzz/replay.h
fuzz_reply_CPPFLAGS = $(hakmemctl_CPPFLAGS) $(HK_FUZZ_DEFINE) -Dmain=hk_ctl_main
fuzz_reply_CFLAGS = $(AM_CFLAGS) -Wno-missing-prototypes
fuzz_reply_LDFLAGS = $(AM_LDFLAGS) $(HK_FUZZ_LINK) -Wl,--wrap=hk_services_find -Wl,--wrap=hk_ask
fuzz_reply_LDADD = $(hakmemctl_LDADD)
fuzz_foreign_SOURCES = tests/fuzz/fuzz_foreign.c tests/fuzz/replay.h
fuzz_foreign_CPPFLAGS = $(AM_CPPFLAGS) $(HK_FUZZ_DEFINE) $(JANSSON_CFLAGS)
fuzz_foreign_LDFLAGS = $(AM_LDFLAGS) $(HK_FUZZ_LINK)
fuzz_foreign_LDADD = libhk_ctl.a $(HK_FUZZ_CONTROL) $(JANSSON_LIBS)
