#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The configuration and base layers run inside malloc: they must not even refer to the malloc
# family, to stdio streams, or to functions of libc that allocate.
set -euo pipefail

forbidden='malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf|getline|getdelim'
forbidden+='|f(open|open64|dopen|close|gets|read|write|printf|puts|putc)|stdout|stderr|stdin|printf|puts'
forbidden+='|opendir|fdopendir|readdir|scandir|glob|fnmatch|realpath|getcwd|get_current_dir_name|getenv|secure_getenv'
forbidden+='|setlocale|localtime|localtime_r|strerror|strerror_r|getpwnam|getgrnam|pthread_create|dlsym|dlopen|qsort'
status=0
for name in libhk_config libhk_base; do
    archive=$HK_BUILD/.libs/$name.a
    [ -e "$archive" ] || archive=$HK_BUILD/$name.a
    [ -e "$archive" ] || { echo "SKIP: no $name.a"; exit 77; }
    if nm -u "$archive" | awk '{print $NF}' | sed 's/@.*//; s/^__isoc[0-9]*_//; s/^__\(.*\)_chk$/\1/' |
        grep -xE "$forbidden"; then
        echo "FAIL: $name.a refers to the functions above, which allocate" >&2
        status=1
    fi
done
exit $status
