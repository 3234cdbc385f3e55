# SPDX-License-Identifier: MIT
check_PROGRAMS += test_elo test_elo_learn test_elo_engine test_elo_processes
TESTS += test_elo test_elo_learn test_elo_engine test_elo_processes
test_elo_SOURCES = tests/unit/test_elo.c tests/unit/elo_sim.h
test_elo_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_LDADD = libhk_elo.la libhk_elo_rare.la libhk_base.la $(CHECK_LIBS) -lm
test_elo_learn_SOURCES = tests/unit/test_elo_learn.c tests/unit/elo_sim.h
test_elo_learn_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_learn_LDADD = libhk_elo.la libhk_elo_rare.la libhk_base.la $(CHECK_LIBS) -lm
test_elo_engine_SOURCES = tests/unit/test_elo_engine.c tests/unit/elo_process.h
test_elo_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_engine_LDADD = libhk_elo.la libhk_elo_rare.la libhk_core.la libhk_core_rare.la libhk_config.la libhk_base.la libhk_base_rare.la $(INIH_LIBS) $(CHECK_LIBS)
test_elo_processes_SOURCES = tests/unit/test_elo_processes.c tests/unit/elo_process.h
test_elo_processes_CFLAGS = $(test_elo_engine_CFLAGS)
test_elo_processes_LDADD = $(test_elo_engine_LDADD)
check_PROGRAMS += test_config
TESTS += test_config
test_config_SOURCES = \
	tests/unit/test_config.c tests/unit/test_config.h \
	tests/unit/test_config_env.c \
	tests/unit/test_config_files.c \
	tests/unit/test_config_odd.c \
	tests/unit/test_config_values.c
test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_config_LDADD = libhk_config.la libhk_base.la $(INIH_LIBS) $(CHECK_LIBS)
check_PROGRAMS += test_control
TESTS += test_control
test_control_SOURCES = \
	tests/unit/test_control.c tests/unit/test_control.h \
	tests/unit/test_control_block.c \
	tests/unit/test_control_forged.c \
	tests/unit/test_control_live.c \
	tests/unit/test_control_verbs.c
test_control_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
test_control_LDADD = libhk_control.la libhk_elo.la libhk_elo_rare.la libhk_core.la libhk_core_rare.la libhk_config.la libhk_base.la libhk_base_rare.la \
	$(INIH_LIBS) $(CHECK_LIBS) $(JANSSON_LIBS)

check_PROGRAMS += test_core test_core_pool test_core_stress test_room
TESTS += test_core test_core_pool test_core_stress test_room
test_room_SOURCES = tests/unit/test_room.c
test_room_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_room_LDADD = libhk_base_rare.la libhk_base.la $(CHECK_LIBS)
test_core_SOURCES = tests/unit/test_core.c
test_core_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_core_LDADD = libhk_core.la libhk_core_rare.la libhk_config.la libhk_base.la libhk_base_rare.la $(INIH_LIBS) $(CHECK_LIBS)
test_core_pool_SOURCES = tests/unit/test_core_pool.c
test_core_pool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_core_pool_LDADD = libhk_core.la libhk_core_rare.la libhk_base.la libhk_base_rare.la $(CHECK_LIBS)
test_core_stress_SOURCES = tests/unit/test_core_stress.c
test_core_stress_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_core_stress_LDADD = libhk_core.la libhk_core_rare.la libhk_base.la libhk_base_rare.la $(CHECK_LIBS)

check_PROGRAMS += test_elo_shift
TESTS += test_elo_shift
test_elo_shift_SOURCES = tests/unit/test_elo_shift.c
test_elo_shift_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_shift_LDADD = libhk_elo_rare.la $(CHECK_LIBS) -lm

check_PROGRAMS += test_elo_shadow
TESTS += test_elo_shadow
test_elo_shadow_SOURCES = tests/unit/test_elo_shadow.c
test_elo_shadow_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_elo_shadow_LDADD = libhk_elo_rare.la libhk_elo.la libhk_core_rare.la $(CHECK_LIBS) -lm

# The core's memory calls fail in turn.
check_PROGRAMS += test_core_faults
TESTS += test_core_faults
test_core_faults_SOURCES = tests/unit/test_core_faults.c tests/unit/faults.c tests/unit/faults.h
test_core_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_core_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mmap,--wrap=munmap,--wrap=mremap,--wrap=mprotect,--wrap=madvise,--wrap=syscall
test_core_faults_LDADD = libhk_core.la libhk_core_rare.la libhk_base.la libhk_base_rare.la $(CHECK_LIBS)

check_PROGRAMS += test_ebb
TESTS += test_ebb
test_ebb_SOURCES = tests/unit/test_ebb.c
test_ebb_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
test_ebb_LDFLAGS = $(AM_LDFLAGS) -Wl,-u,hk_malloc # the core is one: both halves are needed
test_ebb_LDADD = libhk_core.la libhk_core_rare.la libhk_base.la libhk_base_rare.la $(CHECK_LIBS)
