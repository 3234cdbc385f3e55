# SPDX-License-Identifier: MIT
# hakmemd
hk_daemon_sh = \
	tests/daemon/reload.sh \
	tests/daemon/caps.sh \
	tests/daemon/host.sh \
	tests/daemon/http.sh \
	tests/daemon/prometheus.sh \
	tests/daemon/units.sh
if HAKMEMD
if !SANITIZED
TESTS += $(hk_daemon_sh)
endif
endif
EXTRA_DIST += tests/daemon/daemon-lib.sh tests/daemon/clients.py $(hk_daemon_sh)
