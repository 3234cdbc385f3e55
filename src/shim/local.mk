lib_LTLIBRARIES += libhakmem.la
libhakmem_la_CFLAGS = $(HK_LIB_CFLAGS)
libhakmem_la_SOURCES = \
	src/shim/exit.c src/shim/info.c src/shim/malloc.c src/shim/operators.c src/shim/shim.h src/shim/start.c
libhakmem_la_LIBADD = libhk_control.la libhk_elo.la libhk_core.la libhk_config.la libhk_base.la $(INIH_LIBS)
libhakmem_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,--exclude-libs,libinih.a -Wl,-z,now -Wl,-z,relro -Wl,--as-needed
