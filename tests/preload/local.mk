# SPDX-License-Identifier: MIT
# Programs that are preloaded: small ones of our own (NAME.t, run by run.sh), then real ones.
TEST_EXTENSIONS += .t
T_LOG_COMPILER = $(BASH) $(top_srcdir)/tests/preload/run.sh
HK_T_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O1 -fno-builtin -pthread
HK_T_CXXFLAGS = -std=gnu++17 -fsized-deallocation -Wall -Wextra -O1 -fno-builtin -pthread
HK_MODULE_LDFLAGS = -module -avoid-version -rpath /nowhere
EXTRA_DIST += tests/preload/aarch64.sh
EXTRA_DIST += tests/lib/lib.sh tests/lib/services-lib.sh tests/preload/run.sh tests/preload/t.h tests/preload/api.c tests/preload/own_malloc.c tests/preload/steady.c
HK_TS = \
	tests/preload/sizes.t \
	tests/preload/calloc_zero.t \
	tests/preload/realloc.t \
	tests/preload/enomem.t \
	tests/preload/align.t \
	tests/preload/errno_kept.t \
	tests/preload/fork_threads.t \
	tests/preload/fork_storm.t \
	tests/preload/fork_in_handler.t \
	tests/preload/signals.t \
	tests/preload/thread_churn.t \
	tests/preload/start_and_end.t \
	tests/preload/dlopened.t \
	tests/preload/introspect.t \
	tests/preload/names.t \
	tests/preload/producer_consumer.t \
	tests/preload/switched.t \
	tests/preload/torture.t \
	tests/preload/processes.t \
	tests/preload/exit_race.t \
	tests/preload/ends.t \
	tests/preload/limited.t \
	tests/preload/filtered.t \
	tests/preload/refused.t \
	tests/preload/small_stack.t tests/preload/ifunc.t \
	tests/preload/operators.t \
	tests/preload/replaced.t \
	tests/preload/containers.t
check_PROGRAMS += $(HK_TS) tests/preload/phases tests/preload/guest
tests_preload_guest_SOURCES = tests/preload/guest.c
tests_preload_guest_CFLAGS = $(HK_T_CFLAGS)
tests_preload_guest_LINK = $(HK_LINK)
tests_preload_phases_SOURCES = tests/preload/phases.c
tests_preload_phases_CFLAGS = $(HK_T_CFLAGS)
tests_preload_phases_LINK = $(HK_LINK)
TESTS += $(HK_TS)
tests_preload_sizes_t_SOURCES = tests/preload/sizes.c
tests_preload_sizes_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_sizes_t_LINK = $(HK_LINK)
tests_preload_calloc_zero_t_SOURCES = tests/preload/calloc_zero.c
tests_preload_calloc_zero_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_calloc_zero_t_LINK = $(HK_LINK)
tests_preload_realloc_t_SOURCES = tests/preload/realloc.c
tests_preload_realloc_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_realloc_t_LINK = $(HK_LINK)
tests_preload_enomem_t_SOURCES = tests/preload/enomem.c
tests_preload_enomem_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_enomem_t_LINK = $(HK_LINK)
tests_preload_align_t_SOURCES = tests/preload/align.c
tests_preload_align_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_align_t_LINK = $(HK_LINK)
tests_preload_errno_kept_t_SOURCES = tests/preload/errno_kept.c
tests_preload_errno_kept_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_errno_kept_t_LINK = $(HK_LINK)
tests_preload_fork_threads_t_SOURCES = tests/preload/fork_threads.c
tests_preload_fork_threads_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_fork_threads_t_LINK = $(HK_LINK)
tests_preload_fork_storm_t_SOURCES = tests/preload/fork_storm.c
tests_preload_fork_storm_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_fork_storm_t_LINK = $(HK_LINK)
tests_preload_fork_in_handler_t_SOURCES = tests/preload/fork_in_handler.c
tests_preload_fork_in_handler_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_fork_in_handler_t_LINK = $(HK_LINK)
tests_preload_signals_t_SOURCES = tests/preload/signals.c
tests_preload_signals_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_signals_t_LINK = $(HK_LINK)
tests_preload_ends_t_SOURCES = tests/preload/ends.c
tests_preload_ends_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_ends_t_LINK = $(HK_LINK)
tests_preload_thread_churn_t_SOURCES = tests/preload/thread_churn.c
tests_preload_thread_churn_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_thread_churn_t_LINK = $(HK_LINK)
tests_preload_start_and_end_t_SOURCES = tests/preload/start_and_end.c
tests_preload_start_and_end_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_start_and_end_t_LINK = $(HK_LINK)
tests_preload_dlopened_t_SOURCES = tests/preload/dlopened.c
tests_preload_dlopened_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_dlopened_t_LINK = $(HK_LINK)
tests_preload_introspect_t_SOURCES = tests/preload/introspect.c
tests_preload_introspect_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_introspect_t_LINK = $(HK_LINK)
tests_preload_names_t_SOURCES = tests/preload/names.c
tests_preload_names_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_names_t_LINK = $(HK_LINK)
tests_preload_producer_consumer_t_SOURCES = tests/preload/producer_consumer.c
tests_preload_producer_consumer_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_producer_consumer_t_LINK = $(HK_LINK)
tests_preload_switched_t_SOURCES = tests/preload/switched.c
tests_preload_switched_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_switched_t_LINK = $(HK_LINK)
tests_preload_torture_t_SOURCES = tests/preload/torture.c
tests_preload_torture_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_torture_t_LINK = $(HK_LINK)
tests_preload_processes_t_SOURCES = tests/preload/processes.c
tests_preload_processes_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_processes_t_LINK = $(HK_LINK)
tests_preload_exit_race_t_SOURCES = tests/preload/exit_race.c
tests_preload_exit_race_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_exit_race_t_LINK = $(HK_LINK)
tests_preload_limited_t_SOURCES = tests/preload/limited.c
tests_preload_limited_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_limited_t_LINK = $(HK_LINK)
tests_preload_ifunc_t_SOURCES = tests/preload/ifunc.c
tests_preload_ifunc_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_ifunc_t_LINK = $(HK_LINK)
tests_preload_small_stack_t_SOURCES = tests/preload/small_stack.c
tests_preload_small_stack_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_small_stack_t_LINK = $(HK_LINK)
tests_preload_operators_t_SOURCES = tests/preload/operators.cc
tests_preload_operators_t_CXXFLAGS = $(HK_T_CXXFLAGS)
tests_preload_operators_t_LINK = $(HK_CXXLINK)
tests_preload_replaced_t_SOURCES = tests/preload/replaced.cc
tests_preload_replaced_t_CXXFLAGS = $(HK_T_CXXFLAGS) -Wno-sized-deallocation
tests_preload_replaced_t_LINK = $(HK_CXXLINK)
tests_preload_containers_t_SOURCES = tests/preload/containers.cc
tests_preload_containers_t_CXXFLAGS = $(HK_T_CXXFLAGS)
tests_preload_containers_t_LINK = $(HK_CXXLINK)

check_LTLIBRARIES += tests/preload/module_c.la tests/preload/module_cxx.la tests/preload/witness.la
tests_preload_module_c_la_SOURCES = tests/preload/module_c.c
tests_preload_module_c_la_CFLAGS = $(HK_T_CFLAGS)
tests_preload_module_c_la_LDFLAGS = $(HK_MODULE_LDFLAGS)
tests_preload_module_cxx_la_SOURCES = tests/preload/module_cxx.cc
tests_preload_module_cxx_la_CXXFLAGS = $(HK_T_CXXFLAGS)
tests_preload_module_cxx_la_LDFLAGS = $(HK_MODULE_LDFLAGS)
tests_preload_witness_la_SOURCES = tests/preload/witness.c
tests_preload_witness_la_CFLAGS = $(HK_T_CFLAGS)
tests_preload_witness_la_LDFLAGS = $(HK_MODULE_LDFLAGS)

hk_preload_sh = \
	tests/preload/invisible.sh \
	tests/preload/secure.sh \
	tests/preload/guest.sh \
	tests/preload/storm.sh \
	tests/preload/linked.sh \
	tests/preload/api.sh \
	tests/preload/memory_group.sh \
	tests/preload/others.sh \
	tests/preload/sanitized.sh \
	tests/preload/valgrind.sh \
	tests/preload/redis.sh \
	tests/preload/nginx.sh \
	tests/preload/postgres.sh \
	tests/preload/memcached.sh \
	tests/preload/burst.sh \
	tests/preload/python.sh \
	tests/preload/perl.sh \
	tests/preload/node.sh \
	tests/preload/sqlite.sh \
	tests/preload/gxx.sh \
	tests/preload/git.sh \
	tests/preload/openjdk.sh \
	tests/preload/coreutils.sh
TESTS += $(hk_preload_sh)
EXTRA_DIST += $(hk_preload_sh)
tests_preload_filtered_t_SOURCES = tests/preload/filtered.c
tests_preload_filtered_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_filtered_t_LINK = $(HK_LINK)
tests_preload_refused_t_SOURCES = tests/preload/refused.c
tests_preload_refused_t_CFLAGS = $(HK_T_CFLAGS)
tests_preload_refused_t_LINK = $(HK_LINK)

# Things are taken away from a program: by limits, by filters, by namespaces.
check_PROGRAMS += tests/preload/meagre
tests_preload_meagre_SOURCES = tests/preload/meagre.c
tests_preload_meagre_CFLAGS = $(HK_T_CFLAGS)
tests_preload_meagre_LINK = $(HK_LINK)
check_LTLIBRARIES += tests/preload/deny.la
tests_preload_deny_la_SOURCES = tests/preload/deny.c
tests_preload_deny_la_CFLAGS = $(HK_T_CFLAGS)
tests_preload_deny_la_LDFLAGS = $(HK_MODULE_LDFLAGS)
hk_meagre_sh = tests/preload/nowhere.sh tests/preload/limits.sh tests/preload/denied.sh
TESTS += $(hk_meagre_sh)
EXTRA_DIST += $(hk_meagre_sh)
