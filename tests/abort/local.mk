# SPDX-License-Identifier: MIT
# One small program per bug class: SIGABRT and the exact line are demanded by run.sh.
TEST_EXTENSIONS += .bug
BUG_LOG_COMPILER = $(BASH) $(top_srcdir)/tests/abort/run.sh
HK_BUG_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O0 -fno-builtin
EXTRA_DIST += tests/abort/run.sh tests/abort/bug.h tests/abort/misuse.sh tests/abort/sampled.sh tests/abort/late.sh
TESTS += tests/abort/misuse.sh tests/abort/sampled.sh tests/abort/late.sh
check_PROGRAMS += tests/abort/sampled_victim
tests_abort_sampled_victim_SOURCES = tests/abort/sampled_victim.c
tests_abort_sampled_victim_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_sampled_victim_LINK = $(HK_LINK)
check_PROGRAMS += tests/abort/misuse
tests_abort_misuse_SOURCES = tests/abort/misuse.cc
tests_abort_misuse_CXXFLAGS = -std=c++17 -fsized-deallocation -Wall -Wextra -Wpedantic -Wshadow -O0 -fno-builtin -Wno-free-nonheap-object
tests_abort_misuse_LDFLAGS = -pthread
check_PROGRAMS += tests/abort/late
tests_abort_late_SOURCES = tests/abort/late.cc
tests_abort_late_CXXFLAGS = -std=c++17 -fsized-deallocation -Wall -Wextra -Wpedantic -Wshadow -O0 -fno-builtin
HK_BUGS = \
	tests/abort/corrupt_link.bug \
	tests/abort/corrupt_list.bug \
	tests/abort/double_free.bug \
	tests/abort/double_free_handled.bug \
	tests/abort/double_free_large.bug \
	tests/abort/double_free_race.bug \
	tests/abort/double_free_later.bug \
	tests/abort/double_free_medium.bug \
	tests/abort/double_free_small.bug \
	tests/abort/double_free_thread.bug \
	tests/abort/double_free_trimmed.bug \
	tests/abort/free_aligned_wrong.bug \
	tests/abort/free_garbage.bug \
	tests/abort/free_garbage_high.bug \
	tests/abort/free_interior.bug \
	tests/abort/free_interior_large.bug \
	tests/abort/free_interior_medium.bug \
	tests/abort/free_misaligned.bug \
	tests/abort/free_mmap.bug \
	tests/abort/free_sized_large.bug \
	tests/abort/free_sized_static.bug \
	tests/abort/free_sized_twice.bug \
	tests/abort/free_stack.bug \
	tests/abort/free_static.bug \
	tests/abort/overflow_fresh_handled.bug \
	tests/abort/overflow_neighbour.bug \
	tests/abort/realloc_freed.bug \
	tests/abort/realloc_interior.bug \
	tests/abort/realloc_static.bug \
	tests/abort/usable_size_static.bug \
	tests/abort/write_after_free_full.bug \
	tests/abort/write_after_free_trimmed_full.bug
check_PROGRAMS += $(HK_BUGS)
TESTS += $(HK_BUGS)
tests_abort_corrupt_link_bug_SOURCES = tests/abort/corrupt_link.c
tests_abort_corrupt_link_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_corrupt_link_bug_LINK = $(HK_LINK)
tests_abort_corrupt_list_bug_SOURCES = tests/abort/corrupt_list.c
tests_abort_corrupt_list_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_corrupt_list_bug_LINK = $(HK_LINK)
tests_abort_double_free_bug_SOURCES = tests/abort/double_free.c
tests_abort_double_free_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_double_free_bug_LINK = $(HK_LINK)
tests_abort_double_free_large_bug_SOURCES = tests/abort/double_free_large.c
tests_abort_double_free_large_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_double_free_large_bug_LINK = $(HK_LINK)
tests_abort_double_free_later_bug_SOURCES = tests/abort/double_free_later.c
tests_abort_double_free_later_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_double_free_later_bug_LINK = $(HK_LINK)
tests_abort_double_free_medium_bug_SOURCES = tests/abort/double_free_medium.c
tests_abort_double_free_medium_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_double_free_medium_bug_LINK = $(HK_LINK)
tests_abort_double_free_thread_bug_SOURCES = tests/abort/double_free_thread.c
tests_abort_double_free_thread_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_double_free_thread_bug_LINK = $(HK_LINK)
tests_abort_free_aligned_wrong_bug_SOURCES = tests/abort/free_aligned_wrong.c
tests_abort_free_aligned_wrong_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_aligned_wrong_bug_LINK = $(HK_LINK)
tests_abort_free_garbage_bug_SOURCES = tests/abort/free_garbage.c
tests_abort_free_garbage_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_garbage_bug_LINK = $(HK_LINK)
tests_abort_free_garbage_high_bug_SOURCES = tests/abort/free_garbage_high.c
tests_abort_free_garbage_high_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_garbage_high_bug_LINK = $(HK_LINK)
tests_abort_free_interior_bug_SOURCES = tests/abort/free_interior.c
tests_abort_free_interior_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_interior_bug_LINK = $(HK_LINK)
tests_abort_free_interior_large_bug_SOURCES = tests/abort/free_interior_large.c
tests_abort_free_interior_large_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_interior_large_bug_LINK = $(HK_LINK)
tests_abort_free_interior_medium_bug_SOURCES = tests/abort/free_interior_medium.c
tests_abort_free_interior_medium_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_interior_medium_bug_LINK = $(HK_LINK)
tests_abort_free_misaligned_bug_SOURCES = tests/abort/free_misaligned.c
tests_abort_free_misaligned_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_misaligned_bug_LINK = $(HK_LINK)
tests_abort_free_mmap_bug_SOURCES = tests/abort/free_mmap.c
tests_abort_free_mmap_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_mmap_bug_LINK = $(HK_LINK)
tests_abort_free_sized_large_bug_SOURCES = tests/abort/free_sized_large.c
tests_abort_free_sized_large_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_sized_large_bug_LINK = $(HK_LINK)
tests_abort_free_sized_static_bug_SOURCES = tests/abort/free_sized_static.c
tests_abort_free_sized_static_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_sized_static_bug_LINK = $(HK_LINK)
tests_abort_free_sized_twice_bug_SOURCES = tests/abort/free_sized_twice.c
tests_abort_free_sized_twice_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_sized_twice_bug_LINK = $(HK_LINK)
tests_abort_free_stack_bug_SOURCES = tests/abort/free_stack.c
tests_abort_free_stack_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_stack_bug_LINK = $(HK_LINK)
tests_abort_free_static_bug_SOURCES = tests/abort/free_static.c
tests_abort_free_static_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_free_static_bug_LINK = $(HK_LINK)
tests_abort_overflow_fresh_handled_bug_SOURCES = tests/abort/overflow_fresh_handled.c
tests_abort_overflow_fresh_handled_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_overflow_fresh_handled_bug_LINK = $(HK_LINK)
tests_abort_overflow_neighbour_bug_SOURCES = tests/abort/overflow_neighbour.c
tests_abort_overflow_neighbour_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_overflow_neighbour_bug_LINK = $(HK_LINK)
tests_abort_realloc_freed_bug_SOURCES = tests/abort/realloc_freed.c
tests_abort_realloc_freed_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_realloc_freed_bug_LINK = $(HK_LINK)
tests_abort_realloc_interior_bug_SOURCES = tests/abort/realloc_interior.c
tests_abort_realloc_interior_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_realloc_interior_bug_LINK = $(HK_LINK)
tests_abort_realloc_static_bug_SOURCES = tests/abort/realloc_static.c
tests_abort_realloc_static_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_realloc_static_bug_LINK = $(HK_LINK)
tests_abort_usable_size_static_bug_SOURCES = tests/abort/usable_size_static.c
tests_abort_usable_size_static_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_usable_size_static_bug_LINK = $(HK_LINK)
tests_abort_write_after_free_full_bug_SOURCES = tests/abort/write_after_free_full.c
tests_abort_write_after_free_full_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_write_after_free_full_bug_LINK = $(HK_LINK)
tests_abort_write_after_free_trimmed_full_bug_SOURCES = tests/abort/write_after_free_trimmed_full.c
tests_abort_write_after_free_trimmed_full_bug_CFLAGS = $(HK_BUG_CFLAGS)
tests_abort_write_after_free_trimmed_full_bug_LINK = $(HK_LINK)
