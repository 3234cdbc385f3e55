# SPDX-License-Identifier: MIT
"""The real programs of bench_learning: started, driven until they have learned, then measured from outside while they go
on with the same work. And the memory group that one of the others runs in."""

import contextlib
import mmap
import os
import subprocess
import sys
import tempfile
import threading
import time

import bench_programs

PROGRAMS = {"redis": "redis-server", "python": "python3"}
READY_S = 20


def group_folder():
    """Where a memory group can be made: of the old kind or the new one. None where there is none, or no right to."""
    for folder, limit in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        own = os.path.join(folder, f"hakmem-bench-{os.getpid()}")
        try:
            os.mkdir(own)
        except OSError:
            continue
        fits = os.path.exists(os.path.join(own, limit))
        os.rmdir(own)
        if fits:
            return own, limit
    return None


@contextlib.contextmanager
def memory_group(size):
    """A group of this many bytes; gives the words before a command that have it run in there."""
    own, limit = group_folder()
    os.mkdir(own)
    try:
        with open(os.path.join(own, limit), "w", encoding="ascii") as file:
            file.write(str(size))
        yield ["sh", "-c", f'echo $$ >"{own}/cgroup.procs" && exec "$@"', "sh"]
    finally:
        with contextlib.suppress(OSError):
            with open(os.path.join(own, "memory.force_empty"), "w", encoding="ascii") as file:
                file.write("0")
        os.rmdir(own)


def warm_host(size):
    """A virtual machine's first touch of memory that its host has taken back costs many times what the guest pays for a
    page. So every run begins with free memory that was in use a moment ago."""
    with contextlib.suppress(OSError, ValueError):
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def available(name):
    if name == "tight":
        if group_folder() is None:
            print("tight: skipped, no memory group can be made (it takes root)")
        return group_folder() is not None
    missing = [p for p in [PROGRAMS[name]] + (["redis-benchmark"] if name == "redis" else []) if not bench_programs.find(p)]
    if missing:
        print(f"{name}: skipped, {missing[0]} is not installed")
    return not missing


def cpu_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        except OSError:
            continue
    return total


def faults(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rpartition(")")[2].split()[7])


class Resident(threading.Thread):
    """Mean resident memory, looked at a hundred times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.sum, self.count, self.ended = pid, 0, 0, False

    def run(self):
        while not self.ended:
            with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                self.sum += int(file.read().split()[1]) * 4
            self.count += 1
            time.sleep(0.01)

    def mean_kb(self):
        self.ended = True
        self.join()
        return self.sum / max(self.count, 1)


def measured(pid, work):
    before, faults_before = cpu_ns(pid), faults(pid)
    resident = Resident(pid)
    resident.start()
    work()
    mean = resident.mean_kb()
    return {"cpu_ns": cpu_ns(pid) - before, "minor_faults": faults(pid) - faults_before, "mean_kb": mean,
            "warmup_cpu_ns": before, "warmup_faults": faults_before}  # fmt: skip


def python(env):
    script = os.path.join(bench_programs.WORK, "reports.py")
    with subprocess.Popen([bench_programs.find("python3"), script], env={**env, "PYTHONHASHSEED": "0"}, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:  # fmt: skip

        def requests(count):
            service.stdin.write(f"{count}\n")
            service.stdin.flush()
            if service.stdout.readline().strip() != "done":
                sys.exit("bench_learning: python ended early")

        requests(150)
        result = measured(service.pid, lambda: requests(150))
        service.stdin.close()
    return result


def redis(env, clean):
    with tempfile.TemporaryDirectory() as folder:
        socket = os.path.join(folder, "socket")
        server = subprocess.Popen(
            [bench_programs.find("redis-server"), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        deadline = time.time() + READY_S
        while not os.path.exists(socket):
            if time.time() > deadline or server.poll() is not None:
                sys.exit("bench_learning: redis-server did not start")
            time.sleep(0.02)

        def sets(count):
            """Values of 150 KB: 40 at a time, then a pause."""
            for _ in range(count):
                subprocess.run(
                    ["redis-benchmark", "-s", socket, "-t", "set", "-d", "150000", "-r", "200", "-n", "120", "-c", "20",
                     "-P", "2", "-q"], env=clean, check=True, stdout=subprocess.DEVNULL)  # fmt: skip
                time.sleep(0.1)

        try:
            sets(25)
            return measured(server.pid, lambda: sets(25))
        finally:
            server.terminate()
            server.wait()


def run(name, env, clean):
    return redis(env, clean) if name == "redis" else python(env)
