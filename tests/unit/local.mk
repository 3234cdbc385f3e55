check_PROGRAMS += test_elo test_elo_engine
TESTS += test_elo test_elo_engine
test_elo_SOURCES = tests/unit/test_elo.c
test_elo_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_LDADD = libhk_elo.la libhk_base.la $(CHECK_LIBS) -lm
test_elo_engine_SOURCES = tests/unit/test_elo_engine.c tests/unit/test_elo_core.c
test_elo_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_engine_LDADD = libhk_elo.la libhk_base.la $(CHECK_LIBS)
