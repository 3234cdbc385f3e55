# SPDX-License-Identifier: MIT
# Services under load while everything is switched. HK_SOAK_SECONDS=1800 for a long run.
check_PROGRAMS += tests/soak/server
tests_soak_server_SOURCES = tests/soak/server.cc
tests_soak_server_CXXFLAGS = $(HK_T_CXXFLAGS)
tests_soak_server_LINK = $(HK_CXXLINK)
TESTS += tests/soak/soak.sh
EXTRA_DIST += tests/soak/soak.sh tests/soak/load.py tests/soak/switch.py
