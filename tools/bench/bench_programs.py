# SPDX-License-Identifier: MIT
"""The real programs that bench_allocators runs: what each is called and given to do. The work of each is a small file
of our own in programs/."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile

WORK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
OUT = "/dev/null"

# name: the executable, its arguments ({work}: the folder of work files, {tmp}: an empty folder), its variables
PROGRAMS = {
    "lua": ("lua5.4", ["{work}/objects.lua"], {}),
    "perl": ("perl", ["{work}/hashes.pl"], {"PERL_HASH_SEED": "0"}),
    "python": ("python3", ["{work}/objects.py"], {"PYTHONHASHSEED": "0"}),
    # Every object by malloc, not just what is larger than 512 bytes.
    "python-malloc": ("python3", ["{work}/objects.py"], {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}),
    "ruby": ("ruby", ["{work}/objects.rb"], {}),
    "node": ("node", ["{work}/objects.js"], {}),
    "sqlite": ("sqlite3", [":memory:", ".read {work}/joins.sql"], {}),
    "gcc": ("g++", ["-std=gnu++17", "-O1", "-c", "{work}/templates.cc", "-o", OUT], {}),
    "redis": ("redis-server", None, {}),
    "rocksdb": (
        "db_bench",
        ["--db={tmp}/db", "--benchmarks=fillrandom,readrandom,seekrandom", "--num=100000", "--reads=70000",
         "--compression_type=none", "--threads=2", "--seed=1"],
        {},
    ),
    "z3": ("z3", ["{work}/factors.smt2"], {}),
    "ghostscript": (
        "gs",
        ["-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=bmp16m", "-r150", "-sOutputFile=" + OUT, "{work}/pages.ps"],
        {},
    ),
}  # fmt: skip


def find(executable):
    """A program in the PATH that is one: a start script would be measured, and be given the allocator, instead."""
    for folder in os.environ.get("PATH", "").split(":"):
        path = os.path.join(folder, executable)
        try:
            with open(path, "rb") as file:
                if os.access(path, os.X_OK) and file.read(4) == b"\x7fELF":
                    return path
        except OSError:
            continue
    return None


def missing(name):
    """What is not installed of what this program needs; None when all is."""
    needed = [PROGRAMS[name][0]] + (["redis-benchmark"] if name == "redis" else [])
    return next((executable for executable in needed if find(executable) is None), None)


def scratch():
    """A folder for one run, in memory where there is one."""
    memory = "/dev/shm"
    return tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)


def command(name, hkrun, variables, tmp, tracer=None):
    """The command that runs it with these variables and prints a line of key=value figures. tracer makes, of variables for
    the program alone, words to come before it."""
    executable, arguments, own = PROGRAMS[name]
    before = tracer(variables) if tracer else []
    settings = [f"{key}={value}" for key, value in {"LC_ALL": "C", **own, **({} if tracer else variables)}.items()]
    if name == "redis":
        return [sys.executable, os.path.join(WORK, "redis.py"), *settings, "--", *before]
    filled = [argument.format(work=WORK, tmp=tmp) for argument in arguments]
    return [hkrun, name, *settings, "--", *before, find(executable), *filled]


def end_group(group):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def run(words, env, timeout):
    """Its exit status, output and error output; the status is None when it was not done in time. When it failed, whatever it
    started ends too."""
    with subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", start_new_session=True) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException as reason:
            end_group(process.pid)
            if not isinstance(reason, subprocess.TimeoutExpired):
                raise
            return None, "", ""
        if process.returncode != 0:
            end_group(process.pid)
        return process.returncode, out, err
