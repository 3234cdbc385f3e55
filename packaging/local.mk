# SPDX-License-Identifier: MIT
# Packages of distributions, and the list of what is linked in.
EXTRA_DIST += packaging/README.md packaging/make-deb.sh packaging/make-rpm.sh packaging/reproducible.sh packaging/preloaded.sh \
	packaging/rpm/hakmem.spec packaging/debian/changelog packaging/debian/control packaging/debian/copyright \
	packaging/debian/hakmem-tools.dirs packaging/debian/hakmem-tools.docs packaging/debian/hakmem-tools.install \
	packaging/debian/hakmem-tools.postrm packaging/debian/hakmem-tools.prerm packaging/debian/libhakmem-dev.install packaging/debian/libhakmem0.docs \
	packaging/debian/libhakmem0.install packaging/debian/libhakmem0.prerm packaging/debian/libhakmem0.symbols \
	packaging/debian/not-installed packaging/debian/rules packaging/debian/source/format packaging/debian/tests/control \
	packaging/debian/tests/smoke tools/sbom/sbom.py

hk_packages = $(abs_top_builddir)/packages
hk_work = $(hk_packages)/work
.PHONY: deb deb-src rpm sbom
# The date of the newest entry in Debian's changelog is the date of all that is packed.
hk_date = $$(date -u -d "$$(sed -n 's/^ -- .*>  //p;T;q' '$(srcdir)/packaging/debian/changelog')" +%s)
am__tar = $${TAR-tar} --format=ustar --sort=name --mtime="@$${SOURCE_DATE_EPOCH:-$(hk_date)}" --owner=0 --group=0 --numeric-owner \
	--mode=u+rw,go=rX -chf - "$$tardir"

deb:
	rm -rf '$(hk_work)'
	$(MKDIR_P) '$(hk_work)'
	$(MAKE) $(AM_MAKEFLAGS) distdir distdir='$(hk_work)/$(PACKAGE)-$(VERSION)'
	'$(srcdir)/packaging/make-deb.sh' '$(hk_work)/$(PACKAGE)-$(VERSION)' '$(hk_packages)' $(DEB_OPTIONS)
# With the tarball as its origin.
deb-src: dist-xz
	rm -rf '$(hk_work)'
	$(MKDIR_P) '$(hk_work)'
	mv '$(distdir).tar.xz' '$(hk_work)/$(PACKAGE)_$(VERSION).orig.tar.xz'
	tar -C '$(hk_work)' -xf '$(hk_work)/$(PACKAGE)_$(VERSION).orig.tar.xz'
	'$(srcdir)/packaging/make-deb.sh' '$(hk_work)/$(PACKAGE)-$(VERSION)' '$(hk_packages)' -S -d
	mv '$(hk_work)/$(PACKAGE)_$(VERSION).orig.tar.xz' '$(hk_packages)/'
rpm: dist-xz
	'$(srcdir)/packaging/make-rpm.sh' '$(distdir).tar.xz' '$(hk_work)' '$(hk_packages)'

# What is linked in: the linker's own lists tell what came out of archives.
hk_sbom_of = libhakmem.la hakmemctl$(EXEEXT)
hk_sbom_files = .libs/libhakmem.so hakmemctl$(EXEEXT)
if HAKMEMD
hk_sbom_of += hakmemd$(EXEEXT)
hk_sbom_files += hakmemd$(EXEEXT)
endif
sbom: $(hk_sbom_of)
	SOURCE_DATE_EPOCH="$${SOURCE_DATE_EPOCH:-$(hk_date)}" python3 '$(srcdir)/tools/sbom/sbom.py' $(VERSION) $(hk_sbom_files) >hakmem.spdx.new
	mv hakmem.spdx.new hakmem.spdx
CLEANFILES += hakmem.spdx libhakmem.linked hakmemctl.linked hakmemd.linked
clean-local:
	rm -rf '$(hk_packages)'
