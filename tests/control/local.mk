# SPDX-License-Identifier: MIT
check_PROGRAMS += control_victim
control_victim_SOURCES = tests/control/victim.c
control_victim_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O1 -pthread
control_victim_LDFLAGS = -pthread
EXTRA_DIST += tests/control/door1.py tests/control/ctl-top.py
dist_check_SCRIPTS += tests/control/door1.sh
if !SANITIZED
TESTS += tests/control/door1.sh
endif
# hakmemctl
check_PROGRAMS += tests/control/fake_block
tests_control_fake_block_SOURCES = tests/control/fake_block.c
tests_control_fake_block_LDADD = libhk_control.la libhk_config.la libhk_base.la $(INIH_LIBS)
# A worker that gave up root's rights and forges the control block
check_PROGRAMS += tests/control/forger
tests_control_forger_SOURCES = tests/control/forger.c
tests_control_forger_LDADD = libhk_control.la libhk_config.la libhk_base.la $(INIH_LIBS)
check_PROGRAMS += tests/control/holder
tests_control_holder_SOURCES = tests/control/holder.c
tests_control_holder_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O1 -pthread
tests_control_holder_LDFLAGS = -pthread
hk_ctl_sh = \
	tests/control/ctl-explain.sh \
	tests/control/ctl-stats.sh \
	tests/control/ctl-top.sh \
	tests/control/trust.sh \
	tests/control/ctl-doctor.sh \
	tests/control/ctl-enable.sh \
	tests/control/ctl-files.sh \
	tests/control/prometheus.sh \
	tests/control/ctl-verbs.sh \
	tests/control/ctl-uptake.sh \
	tests/control/ctl-check.sh \
	tests/control/ctl-table.sh \
	tests/control/complete.sh \
	tests/control/idle.sh \
	tests/control/frozen.sh \
	tests/control/ctl-change.sh \
	tests/control/ctl-trouble.sh \
	tests/control/services.sh \
	tests/control/turns.sh \
	tests/control/systemd.sh
if !SANITIZED
TESTS += $(hk_ctl_sh)
endif
EXTRA_DIST += tests/control/systemctl.py tests/control/complete.py tests/control/ctl-lib.sh $(hk_ctl_sh)
check_PROGRAMS += tests/control/rhythm
tests_control_rhythm_SOURCES = tests/control/rhythm.c
tests_control_rhythm_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O1 -fno-builtin
check_PROGRAMS += tests/control/turns
tests_control_turns_SOURCES = tests/control/turns.c
tests_control_turns_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -O1 -pthread
tests_control_turns_LDFLAGS = -pthread
tests_control_turns_LDADD = -ldl
