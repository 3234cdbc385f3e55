#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The order of the layers: a file in src/LAYER includes headers of its own layer or of one to its left,
# base < config < core < elo < control < shim; hakmemctl (ctl) uses base, config, core, elo and control,
# hakmemd (daemon) these and ctl.
# Only src/base/sys.c asks the kernel for memory (ctl and daemon, which are no allocators, are free to).
cd "${HK_SRC:-$(dirname "$0")/../..}" || exit 99
bad=0
declare -A may=(
    [base]="base" [config]="base config" [core]="base config core" [elo]="base config core elo"
    [control]="base config core elo control" [shim]="base config core elo control shim"
    [ctl]="base config core elo control ctl"
    [daemon]="base config core elo control ctl daemon"
)

count=0
while IFS=: read -r file line include; do
    layer=${file#src/} target=${include#*\"}
    layer=${layer%%/*} target=${target%%\"*}
    case $target in
    hakmem.h | config.h) continue ;;
    */*) to=${target%%/*} ;;
    *) echo "$file:$line: say the layer: #include \"$layer/$target\""; bad=1; continue ;;
    esac
    count=$((count + 1))
    [[ " ${may[$layer]:-} " == *" $to "* ]] || { echo "$file:$line: $layer must not include \"$target\""; bad=1; }
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src)
[ "$count" -gt 20 ] || { echo "only $count includes seen: this test is broken"; exit 99; }

calls='(mmap|mmap64|munmap|mremap|madvise|process_madvise|posix_madvise|brk|sbrk|mprotect|mlock|munlock)'
if grep -rnE --include='*.[ch]' "(^|[^_a-zA-Z0-9.>])${calls}[[:space:]]*\(" src |
    grep -vE '^src/(base/sys\.c|ctl/|daemon/)' | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)'; then
    echo "memory system calls belong in src/base/sys.c (above)"
    bad=1
fi
if grep -rnE --include='*.[ch]' 'SYS_(mmap|munmap|mremap|madvise|process_madvise|brk|mprotect)' src | grep -vE '^src/(base/sys\.c|ctl/|daemon/)'; then
    echo "memory system calls belong in src/base/sys.c (above)"
    bad=1
fi
[ $bad -eq 0 ] && echo "layers: $count includes in order"
exit $bad
