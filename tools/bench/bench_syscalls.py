# SPDX-License-Identifier: MIT
"""Counts the system calls that change a program's memory, whoever makes them: an allocator by its own instructions, libc,
the loader. strace needs no rights for programs of one's own, follows threads and children, and by a filter in the kernel
stops them at these calls only. Still it costs time: what is counted is a run of its own."""

import os
import re
import shutil
import subprocess
import tempfile

CALLS = ["mmap", "munmap", "madvise", "process_madvise", "mremap"]
COLUMNS = ["mmap_calls", "munmap_calls", "madvise_calls", "mremap_calls"]


class Counter:
    """words: what comes before a command whose calls are wanted; counts(): those of the run before."""

    def __init__(self, folder):
        self.file = os.path.join(folder, "calls")

    def words(self, variables):
        """The variables are for the program alone, so that strace itself keeps its own malloc."""
        settings = [word for name, value in variables.items() for word in ("-E", f"{name}={value}")]
        return ["strace", "-f", "--seccomp-bpf", "-qq", "-c", "-o", self.file, "-e", "trace=" + ",".join(CALLS),
                "-e", "signal=none", *settings]  # fmt: skip

    def counts(self):
        with open(self.file, encoding="utf-8", errors="replace") as file:
            found = {}
            for line in file:
                fields = line.split()
                if len(fields) >= 5 and fields[-1] in CALLS:
                    found[fields[-1]] = int(fields[3])
        return {
            "mmap_calls": found.get("mmap", 0),
            "munmap_calls": found.get("munmap", 0),
            "madvise_calls": found.get("madvise", 0) + found.get("process_madvise", 0),
            "mremap_calls": found.get("mremap", 0),
        }


def unavailable():
    """Why nothing can be counted here; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as folder:
        counter = Counter(folder)
        result = subprocess.run([*counter.words({}), "true"], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            return "strace: " + (re.sub(r"^strace: ", "", result.stderr.strip()).split("\n")[-1] or "failed")
        return None if counter.counts()["mmap_calls"] > 0 else "strace counts nothing"
