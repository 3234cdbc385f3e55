# SPDX-License-Identifier: MIT
dist_man_MANS += man/hakmem.ini.5
EXTRA_DIST += man/hakmem.ini.5.in man/hakmemctl.1.in
dist_man_MANS += man/hakmemctl.1
dist_man_MANS += man/hakmem.7 man/hakmem-migration.7
if HAKMEMD
dist_man_MANS += man/hakmemd.8
else
EXTRA_DIST += man/hakmemd.8
endif
dist_man_MANS += man/hakmem.3
