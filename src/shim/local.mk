# SPDX-License-Identifier: MIT
lib_LTLIBRARIES += libhakmem.la
noinst_LTLIBRARIES += libhk_shim_rare.la libhk_shim_cxx.la
libhk_shim_cxx_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_shim_cxx_la_SOURCES = src/shim/operators.c
libhk_shim_rare_la_CFLAGS = $(HK_START_CFLAGS)
libhk_shim_rare_la_SOURCES = src/shim/api.c src/shim/info.c
libhakmem_la_CFLAGS = $(HK_LIB_CFLAGS)
libhakmem_la_SOURCES = \
	src/shim/exit.c src/shim/malloc.c src/shim/replaced.c src/shim/shim.h src/shim/start.c
# In this order in memory: what every program runs comes together, what few ever run comes last.
libhakmem_la_LIBADD = libhk_core.la libhk_base.la libhk_config_start.la libhk_control_start.la libhk_elo.la \
	libhk_shim_cxx.la libhk_shim_rare.la libhk_control_rare.la libhk_config_rare.la libhk_elo_rare.la libhk_core_rare.la libhk_base_rare.la $(INIH_LIBS)
libhakmem_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,--exclude-libs,libinih.a -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,--as-needed \
	-Wl,--version-script=$(srcdir)/src/shim/libhakmem.map -Wl,-Map,libhakmem.linked
EXTRA_libhakmem_la_DEPENDENCIES = src/shim/libhakmem.map
EXTRA_DIST += src/shim/libhakmem.map
