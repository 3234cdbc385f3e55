# SPDX-License-Identifier: MIT
#
# A shell on a terminal, and a TAB typed into it: complete.py bash|zsh RC FOLDER reads lines "TYPED<TAB>WANT" from standard
# input. WANT is what the line must be afterwards; with "?" before it, words that must be on the screen.
import os
import pty
import re
import select
import sys
import termios
import time

shell, rc, folder = sys.argv[1:4]
dump = os.path.join(folder, "line." + shell)
PATIENCE = 60


def start():
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", DUMP=dump, COLUMNS="200", LINES="60")
        if shell == "bash":
            os.execvp("bash", ["bash", "--noprofile", "--rcfile", rc, "-i"])
        os.environ["ZDOTDIR"] = folder
        os.execvp("zsh", ["zsh", "-i"])
    return pid, fd


pid, fd = start()
screen = ""


def read(until, what):
    """Read what the shell says until until() is true."""
    global screen
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end:
            sys.exit(f"{shell}: {what}: not within {PATIENCE} s; the screen: {screen[-3000:]!r}")
        if select.select([fd], [], [], 0.1)[0]:
            try:
                screen += os.read(fd, 65536).decode(errors="replace")
            except OSError:
                sys.exit(f"{shell}: {what}: the shell has ended; the screen: {screen[-3000:]!r}")


def lines():
    try:
        with open(dump) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def clean(text):
    return re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]?", " ", text).replace("\r", " ").replace("\0", "")


def listens():
    """The line editor has taken the terminal: before that, the kernel would act on some of the keys."""
    return not termios.tcgetattr(fd)[3] & termios.ICANON


# The shell says that it is ready by a file: what it prints depends on too much.
read(lambda: os.path.exists(os.path.join(folder, "ready." + shell)) and listens(), "start")
bad = n = 0
for case in sys.stdin:
    typed, want = case.rstrip("\n").split("\t")
    n += 1
    read(listens, "the next line")
    before = len(lines())
    screen = ""
    os.write(fd, b"\x15" + typed.encode() + b"\t" + b"\x18\x04")
    read(lambda: len(lines()) > before, f"TAB behind {typed!r}")
    got = lines()[before]
    if want.startswith("?"):
        for word in want[1:].split():
            try:
                read(lambda: re.search(r"(^|[\s=])" + re.escape(word) + r"(\s|$)", clean(screen)), word)
            except SystemExit as e:
                print(e)
                bad += 1
    elif got != want:
        print(f"{shell}: TAB behind {typed!r} gave {got!r}, not {want!r}")
        bad += 1
os.write(fd, b"\x15exit\r")
os.close(fd)
os.waitpid(pid, 0)
print(f"{shell}: {n} lines completed")
sys.exit(bad > 0 or n == 0)
