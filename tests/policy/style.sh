#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the house style can be checked for by a machine: SPDX line first, files under 500 lines,
# functions under 50, in C no blanks before a tab of the indentation, no trailing blanks. A file or
# function that must be longer says why: a comment "hk-long: REASON" in its first 15 lines, or in the
# five lines above the function or in it. (One process for all: some thousands would take minutes on a busy machine.)
cd "${HK_SRC:-$(dirname "$0")/../..}" || exit 99
command -v python3 >/dev/null || { echo "SKIP: python3 is not installed"; exit 77; }
exec python3 - <<'END'
import os, re, sys

bad = 0

def complain(what):
    global bad
    print(what)
    bad = 1

def files(folders, suffixes):
    found = []
    for folder in folders:
        for where, _, names in os.walk(folder):
            if "/build" not in where:
                found += [os.path.join(where, name) for name in names if name.endswith(suffixes)]
    return sorted(found)

def functions(name, lines):
    """A function starts at the brace in column 1 and ends at the next closing one."""
    start = None
    for i, line in enumerate(lines):
        if line.startswith("{"):
            start, why = i, any("hk-long: " in l for l in lines[max(i - 5, 0):i])
        why = start is not None and (why or "hk-long: " in line)
        if line.startswith("}"):
            if start is not None and i - start + 1 >= 52 and not why:
                head = start - 1
                while head > 0 and lines[head][:1] in (" ", "\t"):
                    head -= 1
                complain(f"{name}:{head + 1}: {i - start - 1} lines in a function: {lines[head]}")
            start = None

c = files(["src", "include", "tests", "tools"], (".c", ".h", ".cc", ".def"))
sh = files(["tests", "tools", "packaging"], (".sh",)) + ["quickstart"]
py = files(["tests", "tools", "src", "conf"], (".py",)) + [name for name in files(["tools/bench"], ("",)) if "." not in os.path.basename(name)]
mk = files(["src", "conf", "man", "tests", "tools", "packaging"], (".mk",)) + ["Makefile.am", "configure.ac"]
if len(c) <= 30:
    print(f"only {len(c)} C files found: this test is broken")
    sys.exit(99)
for name in c + sh + py + mk:
    with open(name, encoding="utf-8") as f:
        text = f.read()
    lines = text.split("\n")
    if not any("SPDX-License-Identifier: MIT" in line for line in lines[:3]):
        complain(f"{name}: no SPDX line at the top")
    for n, line in enumerate(lines, 1):
        if line != line.rstrip():
            complain(f"{name}:{n}: trailing blanks: {line}")
    if not text.endswith("\n"):
        complain(f"{name}: no newline at the end")
    if name not in c:
        continue
    if len(lines) - 1 >= 500 and not any("hk-long: " in line for line in lines[:15]):
        complain(f"{name}: {len(lines) - 1} lines, and no word why")
    for n, line in enumerate(lines, 1):
        if re.match(r"\t* +\t", line):
            complain(f"{name}:{n}: blanks before a tab: {line}")
    functions(name, lines)
if not bad:
    print(f"style: {len(c)} C files, {len(sh)} scripts, {len(py)} python files, {len(mk)} makefiles")
sys.exit(bad)
END
