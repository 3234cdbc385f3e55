dist_tmpfiles_DATA = conf/tmpfiles.d/hakmem.conf
