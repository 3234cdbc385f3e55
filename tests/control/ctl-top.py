# SPDX-License-Identifier: MIT
#
# hakmemctl top on a pseudo-terminal: real keys, real services, and the screen as a terminal would show it.
# The terminal is a VT52, because that is emulated in a few lines. Called by ctl-top.sh:
#   ctl-top.py HAKMEMCTL HOLDER LIBRARY
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

CTL, HOLDER, LIBRARY = sys.argv[1:4]
LONG = 60  # seconds until something must have happened, on a busy machine


class Screen:
    """hakmemctl top in a terminal of its own."""

    def __init__(self, *args, lines=24, columns=90, term="vt52", locale="C.UTF-8"):
        self.lines, self.columns = lines, columns
        self.cells = [[" "] * columns for _ in range(lines)]
        self.y = self.x = 0
        self.pending = b""
        self.raw = b""
        self.master, self.slave = pty.openpty()
        self.size(lines, columns)
        self.before = termios.tcgetattr(self.slave)
        env = dict(os.environ, TERM=term, LC_ALL=locale)
        self.process = subprocess.Popen([CTL, "top", "--interval=200ms", *args], stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, env=env, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))

    def size(self, lines, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, lines, columns):
        self.size(lines, columns)
        self.lines, self.columns = lines, columns
        self.cells = [[" "] * columns for _ in range(lines)]
        self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            if not ready:
                return
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            self.raw += data
            self.feed(data)
            if time.monotonic() > end:
                return

    def clear(self, y, x):
        self.cells[y][x:] = [" "] * (self.columns - x)

    def escape(self, data):
        """One escape sequence at the start of data; its length, or 0 if it is not whole."""
        if len(data) < 2:
            return 0
        c = chr(data[1])
        if c == "Y":
            if len(data) < 4:
                return 0
            self.y, self.x = min(data[2] - 32, self.lines - 1), min(data[3] - 32, self.columns - 1)
            return 4
        if c == "H":
            self.y = self.x = 0
        elif c == "K":
            self.clear(self.y, self.x)
        elif c == "J":
            self.clear(self.y, self.x)
            for y in range(self.y + 1, self.lines):
                self.clear(y, 0)
        elif c in "ABCD":
            dy, dx = {"A": (-1, 0), "B": (1, 0), "C": (0, 1), "D": (0, -1)}[c]
            self.y = min(max(self.y + dy, 0), self.lines - 1)
            self.x = min(max(self.x + dx, 0), self.columns - 1)
        elif c in "FG=>":
            pass
        elif c == "I":
            self.y = max(self.y - 1, 0)
        else:
            raise AssertionError(f"unknown escape sequence {data[:4]!r}")
        return 2

    def feed(self, data):
        data = self.pending + data
        while data:
            c = data[0]
            if c == 27:
                n = self.escape(data)
                if n == 0:
                    break
            elif c == 13:
                self.x, n = 0, 1
            elif c == 10:
                self.y, n = min(self.y + 1, self.lines - 1), 1
            elif c == 8:
                self.x, n = max(self.x - 1, 0), 1
            elif c == 9:
                self.x, n = min((self.x // 8 + 1) * 8, self.columns - 1), 1
            elif c < 32:
                n = 1
            else:
                n = 1 if c < 0x80 else 2 if c < 0xE0 else 3 if c < 0xF0 else 4
                if len(data) < n:
                    break
                self.cells[self.y][self.x] = data[:n].decode("utf-8", "replace")[0]
                self.x = min(self.x + 1, self.columns - 1)
            data = data[n:]
        self.pending = data

    def text(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)

    def wait(self, what, condition):
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            self.read(0.1)
            if condition(self.text()):
                return self.text()
            if self.process.poll() is not None:
                break
        raise AssertionError(f"{what}: not on the screen (status {self.process.poll()}):\n{self.text()}")

    def shows(self, pattern):
        return self.wait(pattern, lambda text: re.search(pattern, text, re.M))

    def hides(self, pattern):
        return self.wait(f"no {pattern}", lambda text: not re.search(pattern, text, re.M))

    def keys(self, text):
        os.write(self.master, text.encode())

    def ends(self, status):
        end = time.monotonic() + LONG
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        assert self.process.poll() == status, f"ended with {self.process.poll()}, not {status}:\n{self.text()}"
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was before"
        os.close(self.master)
        os.close(self.slave)


def holder(*args, **variables):
    env = dict(os.environ, LD_PRELOAD=LIBRARY, HAKMEM_MODE="balanced", **variables)
    process = subprocess.Popen([HOLDER, *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def ctl(*args, status=0, **more):
    run = subprocess.run([CTL, *args], capture_output=True, text=True, timeout=LONG, stdin=subprocess.DEVNULL, **more)
    assert run.returncode == status, f"{args}: status {run.returncode}: {run.stdout} {run.stderr}"
    return run


def row(text, pid):
    return next((line.split() for line in text.split("\n") if line.split()[:1] == [str(pid)]), None)


def pids(text):
    return [int(line.split()[0]) for line in text.split("\n") if re.match(r" *\d+ holder", line)]


big = holder("small=60", "busy=1", HAKMEM_CONTROL="on")
small = holder("small=10", "fork=2", "busy=1", HAKMEM_CONTROL="on")
running = [big, small]
try:
    # What is on the screen, and is it true?
    screen = Screen("holder")
    screen.shows(rf"^ *{big.pid} holder +FROZEN +1 .*M ")
    screen.shows(rf"^ *{small.pid} holder +FROZEN +3 ")
    text = screen.wait("allocations per second", lambda text: row(text, big.pid)[7][-1] == "k")
    assert re.search(r"^hakmemctl top  \d\d:\d\d:\d\d  2 services, RSS \d+M, every 0.2 s$", text, re.M), text
    assert re.search(r"^ +PID PROGRAM .* vRSS +LIVE +CACHE +ALLOC/s +FAULT/s RSS so far", text, re.M), text
    assert text.split("\n")[23].startswith("q quit"), text
    figures = row(text, big.pid)
    rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{big.pid}/status").read())[1]) / 1024
    assert abs(float(figures[4][:-1]) - rss) < 5 and 58 <= float(figures[5][:-1]) <= 64, (figures, rss)
    assert pids(text) == [big.pid, small.pid], text
    screen.wait("a sparkline", lambda text: re.search("[\u2581-\u2588]{5}$", text, re.M))

    # Order.
    screen.keys("r")
    screen.wait("the other order", lambda text: pids(text) == [small.pid, big.pid] and "^RSS" in text)
    screen.keys("\033D" * 4)  # the key Left: to PID
    screen.wait("ordered by pid", lambda text: "vPID" in text and pids(text) == sorted(pids(text)))
    screen.keys(">>>>")
    screen.wait("ordered by RSS", lambda text: "vRSS" in text and pids(text) == [big.pid, small.pid])
    screen.keys("g")
    screen.shows("ALLOC/s so far")
    screen.keys("g")

    # Filter.
    screen.keys(f"/{small.pid}")
    screen.wait("the filter", lambda text: pids(text) == [small.pid] and f"filter: {small.pid}" in text)
    screen.keys("x")
    screen.shows("nothing matches")
    screen.keys("\b\r")
    screen.wait("the filter kept", lambda text: pids(text) == [small.pid] and "(others hidden)" in text)
    screen.keys("\033")
    screen.wait("no filter", lambda text: len(pids(text)) == 2 and "filter:" not in text)

    # Orders to the chosen service: the first row, then the second. The choice follows a service, not a line.
    screen.keys("kkl")
    screen.shows(rf"^learn holder\[{big.pid}\]\? y: yes")
    screen.keys("n")
    screen.shows("^learn: not done")
    screen.keys("jl")
    screen.shows(rf"^learn holder\[{small.pid}\]\?")
    screen.keys("y")
    screen.shows(rf"^holder\[{small.pid}\]: learn (done|requested), applied by")
    screen.shows(rf"^ *{small.pid} holder +LEARN ")
    assert row(screen.text(), big.pid)[2] == "FROZEN", screen.text()
    screen.keys("f")
    screen.shows("freeze holder")
    screen.keys("y")
    screen.shows(rf"^ *{small.pid} holder +FROZEN ")
    screen.keys("kt")
    screen.shows(rf"^trim holder\[{big.pid}\]")
    screen.keys("y")
    screen.shows(rf"^holder\[{big.pid}\]: trim: [0-9.]+[BKM]? given back by 1 of 1 process$|trim requested")
    # A yes is for one verb: another that is typed right behind it is not carried out in its place.
    screen.keys("fyt")
    screen.shows(rf"^holder\[{big.pid}\]: freeze (done|requested)")
    assert "trim" not in screen.text().split("\n")[22], screen.text()

    # Services come and go.
    third = holder("small=5", "busy=1")
    running.append(third)
    screen.shows(rf"^ *{third.pid} holder ")
    third.kill()
    third.wait()
    screen.hides(rf"^ *{third.pid} holder ")
    screen.shows(rf"^holder\[{third.pid}\] has ended")

    # Another size, and one in which nothing has room.
    screen.resize(10, 70)
    screen.wait("ten lines", lambda text: text.split("\n")[9].startswith("q quit") and len(pids(text)) == 2)
    # … and one in which the rows leave no line free: what is asked has its own.
    screen.resize(6, 70)
    screen.wait("six lines", lambda text: text.split("\n")[5].startswith("q quit") and len(pids(text)) == 2)
    screen.keys("t")
    screen.wait("the question", lambda text: re.match(r"trim holder\[\d+\]\? y: yes", text.split("\n")[4]) and len(pids(text)) == 2)
    screen.keys("n")
    screen.shows("^trim: not done")
    screen.resize(3, 20)
    screen.read(1)
    screen.resize(24, 90)
    screen.wait("24 lines", lambda text: text.split("\n")[23].startswith("q quit") and len(pids(text)) == 2)
    screen.keys("?")
    screen.shows("^Up Down PgUp")
    screen.keys("x")
    screen.hides("^Up Down PgUp")
    screen.keys("p")
    screen.shows("PAUSED")
    screen.keys("p")
    screen.hides("PAUSED")
    screen.keys("q")
    screen.ends(0)

    # One whose control thread does not answer: the others go on, and so does the keyboard.
    screen = Screen("--door=1", "holder")
    screen.wait("both", lambda text: len(pids(text)) == 2 and row(text, big.pid)[2] == "FROZEN")
    big.send_signal(signal.SIGSTOP)
    screen.shows(rf"^ *{big.pid} holder +no answer: no answer from its control thread")
    first = screen.shows(rf"^ *{small.pid} holder +FROZEN +3 ").split("\n")[0]
    screen.keys("?")
    screen.shows("^Up Down PgUp")
    screen.keys("x")
    screen.wait("time goes on", lambda text: text.split("\n")[0] != first and row(text, small.pid)[2] == "FROZEN")
    big.send_signal(signal.SIGCONT)
    screen.shows(rf"^ *{big.pid} holder +FROZEN ")
    screen.keys("\x03")
    screen.ends(0)

    # A plain ASCII terminal; a signal.
    screen = Screen("holder", term="vt52", locale="C")
    screen.shows(rf"^ *{big.pid} holder +FROZEN +1 .* [_.=+*%#-]+$")
    assert max(screen.raw) < 0x80, "a byte that is no ASCII"
    screen.process.terminate()
    screen.ends(1)

    # The key Up where there is no row.
    os.environ["MALLOC_PERTURB_"] = "165"  # what was never written is no address
    screen = Screen("no-such-program")
    del os.environ["MALLOC_PERTURB_"]
    screen.shows("^no process with hakmem is running")
    screen.keys("k")
    screen.read(1)
    screen.keys("q")
    screen.ends(0)

    # No terminal, or one that nobody knows.
    assert "--once" in ctl("top", status=2).stderr
    unknown = Screen(term="no-such-terminal")
    unknown.shows("no-such-terminal' is not known")
    unknown.ends(1)
    out = ctl("top", "--once", "holder", "--interval=500ms").stdout
    assert re.search(rf"^ *{big.pid}  holder +- +FROZEN +1 +\d+M +6\dM ", out, re.M), out
    import json

    rows = json.loads(ctl("top", "--json", "holder").stdout)
    assert [r["pid"] for r in rows] == [big.pid, small.pid] and rows[1]["processes"] == 3, rows
    assert all(r["allocs_per_s"] > 1000 and r["rss_bytes"] > 10 << 20 for r in rows), rows
    assert "belongs to top" in ctl("list", "--once", status=2).stderr
    assert "is not a time" in ctl("top", "--interval=soon", status=2).stderr
    assert "it must be 100ms to 1min" in ctl("top", "--interval=50ms", status=2).stderr
    assert "it must be 1ms to 60min" in ctl("list", "--timeout=2000min", status=2).stderr
    ctl("top", "--json", "no-such-program", status=3)
finally:
    for process in running:
        process.kill()
print("ctl-top: keys, sizes, silent services, plain terminals")
