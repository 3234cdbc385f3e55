#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the house style can be checked for by a machine: SPDX line first, files under 500 lines,
# functions under 50, tabs for indentation of C, no trailing blanks. A file or
# function that must be longer says why: a comment "hk-long: REASON" in its first 15 lines, or in the
# five lines above the function or in it.
cd "${HK_SRC:-$(dirname "$0")/../..}" || exit 99
bad=0
complain() { echo "$*"; bad=1; }

mapfile -t c < <(find src include tests tools -name '*.[ch]' -o -name '*.cc' -o -name '*.def' | grep -v '/build' | sort)
mapfile -t sh < <({ find tests tools -name '*.sh'; ls quickstart; } | sort)
mapfile -t py < <(find tests tools src conf -name '*.py' 2>/dev/null | sort)
[ ${#c[@]} -gt 30 ] || { echo "only ${#c[@]} C files found: this test is broken"; exit 99; }

for file in "${c[@]}" "${sh[@]}" "${py[@]}"; do
    head -3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line at the top"
    grep -nE '[[:space:]]+$' "$file" | head -3 | sed "s,^,$file: trailing blanks: ," | grep . && bad=1
    [ -z "$(tail -c 1 "$file")" ] || complain "$file: no newline at the end"
done
for file in "${c[@]}"; do
    lines=$(wc -l <"$file")
    [ "$lines" -lt 500 ] || head -15 "$file" | grep -q 'hk-long: .' || complain "$file: $lines lines, and no word why"
    grep -nP '^ +\t|^\t* {8}(?! *\*)[^ *]' "$file" | grep -vP '^\d+:\t* {8,}' | head -3 | sed "s,^,$file: blanks before a tab: ," | grep . && bad=1
    # A function starts at the brace in column 1 and ends at the next closing one.
    awk -v f="$file" '
        { line[NR] = $0 }
        /^\{/ { start = NR; why = 0; for (i = NR - 5; i < NR; i++) if (line[i] ~ /hk-long: ./) why = 1 }
        start && /hk-long: ./ { why = 1 }
        /^\}/ { if (start && NR - start + 1 >= 52 && !why) {
                    for (i = start - 1; i > 0 && line[i] ~ /^[ \t]/; i--) ;
                    print f ":" i ": " NR - start - 1 " lines in a function: " line[i]; n++ }
                start = 0 }
        END { exit n > 0 }' "$file" || bad=1
done
[ $bad -eq 0 ] && echo "style: ${#c[@]} C files, ${#sh[@]} scripts, ${#py[@]} python files"
exit $bad
