# SPDX-License-Identifier: MIT
dist_tmpfiles_DATA = conf/tmpfiles.d/hakmem.conf

# The administrator's file is never overwritten, and only taken away if it is still ours.
EXTRA_DIST += conf/hakmem.ini
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(sysconfdir)/hakmem.d'
	test -e '$(DESTDIR)$(sysconfdir)/hakmem.ini' || \
		$(INSTALL_DATA) $(srcdir)/conf/hakmem.ini '$(DESTDIR)$(sysconfdir)/hakmem.ini'
uninstall-local:
	if cmp -s $(srcdir)/conf/hakmem.ini '$(DESTDIR)$(sysconfdir)/hakmem.ini'; then \
		rm -f '$(DESTDIR)$(sysconfdir)/hakmem.ini'; fi
	-rmdir '$(DESTDIR)$(sysconfdir)/hakmem.d' 2>/dev/null
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = conf/completion/hakmemctl

# Units, and the dashboard
EXTRA_DIST += conf/systemd/hakmemd.service.in conf/systemd/hakmem-textfile.service.in conf/systemd/hakmem-textfile.timer
hk_units = conf/systemd/hakmem-textfile.service
if HAKMEMD
hk_units += conf/systemd/hakmemd.service
endif
if SYSTEMD
nodist_systemdsystemunit_DATA = $(hk_units)
dist_systemdsystemunit_DATA = conf/systemd/hakmem-textfile.timer
endif
CLEANFILES += conf/systemd/hakmemd.service conf/systemd/hakmem-textfile.service
hk_make_unit = $(AM_V_GEN)$(MKDIR_P) conf/systemd && sed -e 's,[@]sbindir[@],$(sbindir),g' -e 's,[@]bindir[@],$(bindir),g'
conf/systemd/hakmemd.service: conf/systemd/hakmemd.service.in Makefile
	$(hk_make_unit) '$(srcdir)/conf/systemd/hakmemd.service.in' >$@.new && mv $@.new $@
conf/systemd/hakmem-textfile.service: conf/systemd/hakmem-textfile.service.in Makefile
	$(hk_make_unit) '$(srcdir)/conf/systemd/hakmem-textfile.service.in' >$@.new && mv $@.new $@
dashboarddir = $(pkgdatadir)
dist_dashboard_DATA = conf/grafana/hakmem.json
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = conf/completion/_hakmemctl
