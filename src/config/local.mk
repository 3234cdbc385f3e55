noinst_LTLIBRARIES += libhk_config.la
libhk_config_la_CFLAGS = $(HK_LIB_CFLAGS)
libhk_config_la_SOURCES = \
	src/config/config.h src/config/keys.def
