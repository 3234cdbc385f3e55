# SPDX-License-Identifier: MIT
"""Clients of hakmemd's HTTP server, good and bad: clients.py PORT PID-OF-HAKMEMD."""
import concurrent.futures
import os
import socket
import sys
import time
import urllib.request

PORT, PID = int(sys.argv[1]), sys.argv[2]


def connect():
    s = socket.create_connection(("127.0.0.1", PORT), timeout=30)
    return s


def until_closed(s, seconds=60):
    """All that comes until the server hangs up."""
    s.settimeout(seconds)
    got = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
    except ConnectionError:
        pass
    s.close()
    return got


def ask(request):
    s = connect()
    s.sendall(request)
    return until_closed(s)


def reply(stream):
    """Head of one reply of a kept connection, and the length of the body that follows."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.read(1)
        assert byte, f"the connection ended: {head!r}"
        head += byte
    length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")][0]
    return head, length


def scrape():
    start = time.monotonic()
    text = urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=30).read()
    assert text.startswith(b"# HELP hakmem_services"), text[:200]
    return time.monotonic() - start


def descriptors():
    return len(os.listdir(f"/proc/{PID}/fd"))


def resident():
    return int(open(f"/proc/{PID}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def methods_and_paths():
    cases = [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 200 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 200 "),
        (b"GET /metrics?x=y HTTP/1.0\r\n\r\n", b" 200 "),
        (b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 404 "),
        (b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 404 "),
        (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", b" 405 "),
        (b"DELETE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 405 "),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", b" 200 "),
    ]
    for request, status in cases:
        got = ask(request)
        assert status in got.split(b"\r\n")[0], (request, got[:200])
        if status == b" 405 ":
            assert b"\r\nAllow: GET, HEAD\r\n" in got, got
    head = ask(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b" 200 " in head and head.endswith(b"\r\n\r\n") and b"Content-Length: " in head, head[:300]
    assert b"text/plain; version=0.0.4" in head, head


def keep_alive():
    s = connect()
    stream = s.makefile("rb")
    for path, method in ((b"/metrics", b"GET"), (b"/healthz", b"GET"), (b"/metrics", b"HEAD"), (b"/metrics", b"GET")):
        s.sendall(method + b" " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        head, length = reply(stream)
        assert b" 200 " in head, head
        if method == b"GET":
            assert len(stream.read(length)) == length
    # two at once
    s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    for _ in range(2):
        head, length = reply(stream)
        assert b" 200 " in head and len(stream.read(length)) == length
    s.close()


def garbage():
    for request in (b"\x00\xff\xfe" * 200 + b"\r\n\r\n", b"\r\n" * 2000, b"HELLO\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics\r\n\r\n",
                    b"GET /metrics HTTP/9.9\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 500,
                    b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\nConnection: close\r\n\r\n",
                    b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzzzz\r\n"):
        s = connect()
        try:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        until_closed(s)


def too_long():
    for request in (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50000 + b"\r\n"):
        s = connect()
        try:
            s.sendall(request)
        except OSError:
            pass
        got = until_closed(s)
        assert b" 200 " not in got[:40], got[:100]


def stalled():
    """Silent ones, half a request, a head that never ends, and readers that do not read: others are served."""
    heads = (b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    sockets = []
    for i in range(200):
        s = connect()
        s.sendall(heads[i % len(heads)])
        sockets.append(s)
    slowest = max(scrape() for _ in range(5))
    assert slowest < 10, f"a scrape took {slowest} s while 200 clients stalled"
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        many = list(pool.map(lambda _: scrape(), range(60)))
    assert max(many) < 20, max(many)
    # One that sends a byte now and then is never silent, and is cut off all the same.
    drip = connect()
    drip.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
    start, cut = time.monotonic(), False
    while not cut and time.monotonic() - start < 90:
        time.sleep(1)
        try:
            drip.sendall(b"a")
            drip.settimeout(0.01)
            cut = drip.recv(100) == b""
        except (socket.timeout, TimeoutError):
            pass
        except OSError:
            cut = True
    assert cut, "a client that drips is kept for ever"
    for i, s in enumerate(sockets):
        if i % len(heads) != 3:
            until_closed(s)  # the server must hang up by itself
        else:
            s.close()


def main():
    before = descriptors()
    for test in (methods_and_paths, keep_alive, garbage, too_long, stalled):
        test()
    deadline = time.monotonic() + 60
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert descriptors() <= before, f"{before} descriptors before, {descriptors()} after"
    for _ in range(50):
        scrape()
        time.sleep(0.02)
    size = resident()
    for _ in range(150):
        scrape()
        time.sleep(0.02)
    assert resident() < size + 1024, f"it grows: {size} kB, then {resident()} kB"


main()
