#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""redis.py [VAR=VALUE]... [-- WORD...]: starts a redis-server with these variables, behind the words of a tracer if there
are any, on a unix socket, lets redis-benchmark load it, and prints the figures of the server as hkrun does: time of the load,
CPU time, peak RSS read before the end."""

import os
import socket
import subprocess
import sys
import tempfile
import time

LOADS = [
    ["-t", "set,get,hset,lpush", "-d", "200", "-r", "40000", "-n", "100000"],
    ["-t", "set,lrange_100", "-d", "1500", "-r", "20000", "-n", "20000"],
    ["-t", "set,get", "-d", "60", "-r", "40000", "-n", "100000"],
]


def send(path, command):
    """One command, and the beginning of its answer; None when nobody listens yet."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(command)
            return connection.recv(4096)
    except OSError:
        return None


def wait_for(server, path):
    while send(path, b"PING\r\n") != b"+PONG\r\n":
        if server.poll() is not None:
            sys.exit(f"redis.py: redis-server ended with {server.returncode}")
        time.sleep(0.01)


def cpu_ns(pid):
    """Of all threads. The clock of a process, as clock_getcpuclockid(3) names it."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def figures(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = dict(line.split(":", 1) for line in file)
    kb = {name: int(status[name].split()[0]) for name in ("VmHWM", "VmRSS")}
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return {"user_ns": int(fields[11]) * tick, "sys_ns": int(fields[12]) * tick, "minor_faults": fields[7],
            "major_faults": fields[9], "peak_kb": kb["VmHWM"], "after_kb": kb["VmRSS"]}  # fmt: skip


def measure(server, path):
    wait_for(server, path)
    wall, cpu = time.monotonic_ns(), cpu_ns(server.pid)
    for load in LOADS:
        subprocess.run(["redis-benchmark", "-s", path, "-q", "-P", "8", "-c", "20", *load], check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
    row = {"wall_ns": time.monotonic_ns() - wall, "cpu_ns": cpu_ns(server.pid) - cpu}
    row.update(figures(server.pid))
    send(path, b"SHUTDOWN NOSAVE\r\n")
    if server.wait(30) != 0:
        sys.exit(f"redis.py: redis-server ended with {server.returncode}")
    print("scenario=redis iterations=1", *(f"{key}={value}" for key, value in row.items()))


def main():
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    variables = dict(argument.split("=", 1) for argument in sys.argv[1:end])
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/socket"
        command = [*sys.argv[end + 1 :], "redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL) as server:
            try:
                measure(server, path)
            finally:
                server.kill()


main()
