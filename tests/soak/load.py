# SPDX-License-Identifier: MIT
"""Load whose answers are determined by its seed: load.py redis|server SOCKET SEED SIZE prints a digest of all of them."""
import hashlib
import random
import socket
import sys
import threading

kind, path, seed, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def text(rnd, most):
    n = int(most ** rnd.random())
    return (b"%d." % rnd.randrange(10**9)) * (n // 8 + 1)


def connection():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(300)
    s.connect(path)
    return s, s.makefile("rb")


# ---- redis ----

def encode(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def reply(f):
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise SystemExit("redis-server hung up")
    if line[:1] == b"$" and line != b"$-1\r\n":
        return line + f.read(int(line[1:]) + 2)
    if line[:1] == b"*" and line != b"*-1\r\n":
        return line + b"".join(reply(f) for _ in range(int(line[1:])))
    return line


def redis_command(rnd):
    key = b"%d" % rnd.randrange(4000)
    n = b"%d" % rnd.randrange(500)
    return rnd.choice((
        lambda: (b"SET", b"s" + key, text(rnd, 3000)),
        lambda: (b"GET", b"s" + key),
        lambda: (b"APPEND", b"s" + key, text(rnd, 300)),
        lambda: (b"DEL", b"s" + key),
        lambda: (b"HSET", b"h" + key[:2], n, text(rnd, 400)),
        lambda: (b"HGET", b"h" + key[:2], n),
        lambda: (b"RPUSH", b"l" + key[:2], text(rnd, 200), n),
        lambda: (b"LRANGE", b"l" + key[:2], b"0", b"20"),
        lambda: (b"LTRIM", b"l" + key[:2], b"-500", b"-1"),
        lambda: (b"ZADD", b"z" + key[:1], n, key),
        lambda: (b"ZRANGE", b"z" + key[:1], b"0", b"30", b"WITHSCORES"),
        lambda: (b"SETRANGE", b"b" + key[:1], b"%d" % rnd.randrange(1 << 20), b"x"),
        lambda: (b"GETRANGE", b"b" + key[:1], b"1000", b"90000"),
        lambda: (b"DEL", rnd.choice((b"b", b"z")) + key[:1]),
        lambda: (b"DEL", rnd.choice((b"l", b"h")) + key[:2]),
    ))()


def redis(ret):
    s, f = connection()
    rnd, digest = random.Random(seed), hashlib.sha256()
    s.sendall(encode(b"FLUSHALL") + encode(b"BGSAVE"))
    reply(f), reply(f)
    for _ in range(size // 20):
        s.sendall(b"".join(encode(*redis_command(rnd)) for _ in range(20)))
        for _ in range(20):
            digest.update(reply(f))
    s.sendall(encode(b"DEBUG", b"DIGEST") + encode(b"FLUSHALL"))
    digest.update(reply(f))
    reply(f)
    ret.append(digest.hexdigest())


# ---- the threaded server ----

def server_request(rnd):
    key = rnd.randrange(200)
    return rnd.choice((
        lambda: "put %d %d %d" % (key, int(60000 ** rnd.random()), rnd.randrange(10**9)),
        lambda: "get %d" % key,
        lambda: "del %d" % key,
        lambda: "push %d %d %d" % (key % 7, rnd.randrange(60), rnd.randrange(10**9)),
        lambda: "sort %d" % (key % 7),
        lambda: "words %d %d" % (rnd.randrange(1, 100), rnd.randrange(10**9)),
        lambda: "text %d %d" % (int(3000000 ** rnd.random()), rnd.randrange(10**9)),
    ))()


def one_client(name, ret):
    s, f = connection()
    rnd, digest = random.Random("%d %s" % (seed, name)), hashlib.sha256()
    s.sendall(b"%s\n" % name.encode())
    for _ in range(size // 10):
        requests = [server_request(rnd) for _ in range(10)]
        s.sendall("".join(r + "\n" for r in requests).encode())
        for request in requests:
            answer = f.readline()
            if not answer.endswith(b"\n") or answer == b"what?\n":
                raise SystemExit("the server said %r to %s" % (answer, request))
            digest.update(answer)
    s.sendall(b"clear\n")
    digest.update(f.readline())
    s.close()
    ret.append((name, digest.hexdigest()))


def server(ret):
    answers = []
    threads = [threading.Thread(target=one_client, args=("c%d" % i, answers)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if len(answers) != len(threads):
        raise SystemExit("%d of %d clients were answered" % (len(answers), len(threads)))
    ret.append(hashlib.sha256(repr(sorted(answers)).encode()).hexdigest())


said = []
{"redis": redis, "server": server}[kind](said)
print(said[0])
