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
