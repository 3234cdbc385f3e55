# SPDX-License-Identifier: MIT
"""Switch everything of live services at random until told to stop: switch.py HAKMEMCTL INI STOP-FILE SEED PID…

Each command must succeed. Prints how often each was given; ends with 1 at the first that fails.
"""
import collections
import os
import random
import subprocess
import sys
import time

ctl, ini, stop, pids = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[5:]
rnd = random.Random(int(sys.argv[4]))
given = collections.Counter()

# Values that no sound service may notice. A limit that denies memory is none of them.
LIVE = {
    "tinypool": "on off", "bigcache": "on off", "batch": "on off", "elo": "on off",
    "evo_policy": "off frozen learn learn-frozen", "free_policy": "batch keep adaptive", "thp": "off auto on",
    "debug": "off minimal", "purge_delay": "0 1ms 50ms 1s 60min", "batch_max": "1 7 64 1024",
    "bigcache_limit": "0 1M 64M 4G", "bigcache_max_block": "64K 1M 64M", "tinypool_limit": "0 64K 1M 64M",
    "soft_limit": "0 32M 1G", "hard_limit": "0 64G", "elo_objective": "speed balanced memory", "elo_k": "1 32 128",
    "elo_window": "4 32 500", "elo_budget": "64 2048", "canary_percent": "1 5 50", "canary_guard": "1 10 1000",
    "security": "basic sampled", "sample_rate": "50 1000 100000", "reload": "manual auto",
}


def run(*words):
    given[words[0]] += 1
    done = subprocess.run([ctl, *words], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit("hakmemctl %s: status %d: %s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))


def some_value():
    key = rnd.choice(sorted(LIVE))
    return key, rnd.choice(LIVE[key].split())


def write_ini():
    keys = dict(some_value() for _ in range(rnd.randrange(6)))
    with open(ini + ".new", "w") as f:
        f.write("[hakmem]\n" + "".join("%s = %s\n" % k for k in keys.items()))
    os.rename(ini + ".new", ini)


def switch(pid):
    verb = rnd.choice(("set", "set", "set", "unset", "reload", "edit", "phase", "trim", "ask"))
    if verb == "set":
        run("set", pid, *("%s=%s" % kv for kv in dict(some_value() for _ in range(rnd.randrange(1, 4))).items()))
    elif verb == "unset":
        run("set", pid, rnd.choice(sorted(LIVE)) + "=-")
    elif verb == "reload":
        write_ini()
        run("reload", pid)
    elif verb == "edit":  # those with reload = auto take it by themselves
        write_ini()
    elif verb == "phase":
        run("set", pid, "elo=on", "evo_policy=learn-frozen")
        run(rnd.choice(("freeze", "learn", "canary")), pid)
    elif verb == "trim":
        run("trim", pid)
    else:
        run(rnd.choice(("status", "stats", "explain", "log", "export")), pid)


while not os.path.exists(stop):
    for pid in rnd.sample(pids, len(pids)):
        switch(pid)
    time.sleep(rnd.random() * 0.3)
print(" ".join("%s %d" % kv for kv in sorted(given.items())))
