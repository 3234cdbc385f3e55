# SPDX-License-Identifier: MIT
# POSIX sh, put into the scripts that run before the library is removed. preloaded DIR ROOT: files that make programs
# preload the library of DIR, below ROOT (dpkg's own, "" but for installations into another root).
preloaded() {
    lib="((/usr)?${1#/usr}/|/usr/[$]LIB/)?libhakmem[.]so"
    grep -lsE "^[[:blank:]]*([^#;[:blank:]].*)?LD_PRELOAD[^#]*[=: \"']$lib" \
        "$2"/etc/systemd/system/*.service "$2"/etc/systemd/system/*.d/*.conf "$2"/etc/systemd/user/*.d/*.conf \
        "$2"/run/systemd/system/*.service "$2"/run/systemd/system/*.d/*.conf \
        "$2"/etc/systemd/system.conf "$2"/etc/systemd/system.conf.d/*.conf \
        "$2"/etc/environment "$2"/etc/default/* "$2"/etc/sysconfig/* "$2"/etc/postgresql/*/*/environment || :
    grep -lsE "^([^#]*[: ])?$lib" "$2"/etc/ld.so.preload || :
}

# Whoever still preloads it gets a line of the loader with each start, and goes on with libc's malloc.
warn_preloaded() {
    files=$(preloaded "$1" "$2")
    [ -n "$files" ] || return 0
    echo "hakmem: the library goes, and these files still preload it:"
    echo "$files" | while read -r file; do
        unit=${file%/*}
        case $file in
        */system/*.d/hakmem.conf) unit=${unit##*/} unit=" (by hakmemctl enable ${unit%.d})" ;;
        *) unit= ;;
        esac
        echo "    $file$unit"
    done
    echo "hakmem: what they start goes on without it, and the loader says so each time. Remove the files, or the word in"
    echo "hakmem: them, then: systemctl daemon-reload. Services that run now keep it until they are restarted."
}
