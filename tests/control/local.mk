check_PROGRAMS += control_victim
control_victim_SOURCES = tests/control/victim.c
control_victim_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O1 -pthread
control_victim_LDFLAGS = -pthread
EXTRA_DIST += tests/control/door1.py
dist_check_SCRIPTS += tests/control/door1.sh
if !SANITIZED
TESTS += tests/control/door1.sh
endif
