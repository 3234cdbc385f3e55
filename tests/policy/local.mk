# SPDX-License-Identifier: MIT
# Rules of the project that a machine can check.
hk_policy_sh = tests/policy/layers.sh tests/policy/headers.sh tests/policy/style.sh tests/policy/elf.sh tests/policy/manual.sh tests/policy/packages.sh
TESTS += $(hk_policy_sh)
EXTRA_DIST += $(hk_policy_sh) tests/policy/manual.py tests/policy/symbols.list .clang-tidy

dist_check_SCRIPTS += tests/policy/check-config-alloc.sh tests/policy/check-generated.sh
TESTS += tests/policy/check-config-alloc.sh tests/policy/check-generated.sh

check_PROGRAMS += tests/policy/pair
tests_policy_pair_SOURCES = tests/policy/pair.c
tests_policy_pair_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O2 -fno-builtin
TESTS += tests/policy/instructions.sh
EXTRA_DIST += tests/policy/instructions.sh
TESTS += tests/policy/bench.sh
EXTRA_DIST += tests/policy/bench.sh tests/policy/bench/rows.py tests/policy/bench/measured.py tests/policy/bench/modes.csv \
	tests/policy/bench/learning.csv tests/policy/bench/ratings.csv
